/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet import and load: an image, or a root that becomes one, from files into the store.
 *
 * SRC is a directory or a file ("-": standard input), told by what is in it: OCI layout,
 * oci-archive, docker-archive (several images each), else a root file system as a directory or a
 * tar, compressed in any way. Images keep their bytes and so their digests; from a docker-archive
 * the config stays (the image id) and layers are compressed. */
#ifndef FLOW_IMPORT_H
#define FLOW_IMPORT_H

#include "base/strings.h"
#include "flow/bundle.h"
#include "flow/reach.h"
#include "image/config.h"
#include "image/manifest.h"
#include "image/ref.h"
#include "store/store.h"

struct import_request {
	const struct store *store;
	const char *source;	/* "-" is stdin */
	const struct ref *ref;	/* the name to give; NULL: those in the archive, or none */
	struct strings changes; /* Dockerfile instructions for the config; only for a root */
	const char *message;	/* comment in the history of a root; may be NULL */
	const char *platform;	/* OS/ARCH[/VARIANT] of a root; NULL: this machine's */
	const char *owners;	/* of a root that is a directory, see directory_owners.h; or NULL */
	bool images_only;	/* load: a root is refused */
	/* Called for each image once it is in the store; `ref` is NULL for one without a name. */
	int (*imported)(void *context, const struct digest *id, const struct ref *ref,
			struct err *err);
	void *context;
};

/* After a failure: what the source brought into the store goes again, unless something needs it or
 * others are at work. */
void import_undo(const struct import_request *request, const struct reach *brought);

int import_run(const struct import_request *request, struct err *err) must_check;

/* The files in a directory or an archive (compressed: spooled in the store first), or on standard
 * input, for what is not an image. -EINVAL: it is no archive that begins as those of images do. */
int import_open_bundle(const struct store *store, const char *source, struct bundle *ret_bundle,
		       struct err *err) must_check;

/* --- for the files of this flow --- */

/* Of a tar, from its beginning; encoding: as its first bytes say. */
int import_root(const struct import_request *request, const struct byte_source *source,
		enum encoding encoding, struct err *err) must_check;
int import_root_directory(const struct import_request *request, int dirfd,
			  struct err *err) must_check;
/* Of a squashfs file; the fd is borrowed. */
int import_root_squashfs(const struct import_request *request, int fd, struct err *err) must_check;
int import_oci(const struct import_request *request, const struct bundle *bundle,
	       struct err *err) must_check;
/* One image of an OCI layout into the store, without giving it a name. `which` is a tag or a
 * digest, or NULL: the only one, or the one tagged latest. Texts of *ret_root are in the arena. */
int import_oci_image(const struct store *store, const char *directory, const char *which,
		     struct arena *arena, struct descriptor *ret_root, struct err *err) must_check;
int import_docker(const struct import_request *request, const struct bundle *bundle,
		  struct err *err) must_check;

/* Name it as asked (or as `name` says, which may be NULL) and report it. */
int import_name(const struct import_request *request, const struct descriptor *root,
		const struct digest *id, const struct ref *name, struct err *err) must_check;

#endif
