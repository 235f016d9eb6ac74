/* SPDX-License-Identifier: Apache-2.0 */
/* One registry: manifests, blobs, tags, up and down. Safe to use from several threads.
 *
 * Every call authenticates as needed, tries again where that makes sense (retry.h) and fails with
 * words that name the registry. Codes a caller may act on: -ENOENT (not there), -EACCES (not
 * allowed), -EHOSTUNREACH (no connection), -ECANCELED, -EUCLEAN (what came is not what the digest
 * or size says), -EFBIG (larger than allowed).
 * Source: OCI distribution-spec v1.1; distribution's token authentication. */
#ifndef REMOTE_REGISTRY_H
#define REMOTE_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"
#include "image/descriptor.h"
#include "remote/authfile.h"
#include "remote/remote.h"

#define REGISTRY_TAGS_MAX 10000 /* read from a list of tags */

struct registry;

/* Find out how the registry at the endpoint's host wants to be spoken to: https, or http where
 * the endpoint is insecure or a loopback address. `remote` must outlive it.
 * credential: who to be (moved from), or NULL: as the auth files say for the repository. */
int registry_open(const struct remote *remote, const struct endpoint *endpoint,
		  struct credential *credential, struct registry **ret_registry,
		  struct err *err) must_check;
void registry_free(struct registry *registry); /* NULL is fine */
static inline void registry_cleanup(struct registry **registry)
{
	registry_free(*registry);
}
#define auto_registry cleanup(registry_cleanup) struct registry

const char *registry_host(const struct registry *registry); /* as the user knows it */

/* Would the registry let us in? -EACCES when it refuses these credentials. */
int registry_check_login(struct registry *registry, struct err *err) must_check;

/* ---- down ---- */

/* The manifest or index that `reference` (tag or digest) names, at most MANIFEST_SIZE_MAX bytes.
 * A digest given as reference, or by the registry in Docker-Content-Digest, is checked.
 * *ret_media_type is Content-Type without parameters (the caller frees it), "" when absent. */
int registry_get_manifest(struct registry *registry, const char *name, const char *reference,
			  struct buf *bytes, struct digest *ret_digest, char **ret_media_type,
			  struct err *err) must_check;
/* Only what it is now; cheap, and not counted by registries that limit pulls. The digest is none
 * when the registry does not say. */
int registry_head_manifest(struct registry *registry, const char *name, const char *reference,
			   struct digest *ret_digest, struct err *err) must_check;

/* The bytes of a blob from start_bytes on, in order, each once, whatever happened to connections in
 * between; all up to descriptor->size_bytes on success. The digest is for the sink's owner to
 * check. */
typedef int registry_sink(void *context, const void *bytes, size_t size_bytes, struct err *err);
struct registry_download {
	const struct descriptor *descriptor;
	uint64_t start_bytes;
	registry_sink *sink;
	void *context;
};
int registry_get_blob(struct registry *registry, const char *name,
		      const struct registry_download *download, struct err *err) must_check;

/* Follows the pages of the list. */
int registry_get_tags(struct registry *registry, const char *name, struct strings *tags,
		      struct err *err) must_check;

/* ---- up ---- */

struct registry_upload {
	const struct descriptor *descriptor;
	int fd;				  /* the bytes, from offset 0 */
	const struct strings *mount_from; /* repositories of this registry that may have it */
	/* of the bytes of this blob; may go back when part of it is sent again; may be NULL */
	void (*sent)(void *context, uint64_t sent_bytes);
	void *context;
};

enum registry_upload_result { UPLOAD_PRESENT, UPLOAD_MOUNTED, UPLOAD_SENT };

/* Have the blob in repository `name`: nothing to do when it is there, mounted from another
 * repository when possible, else sent: as a whole, and in chunks that can be resumed once that
 * has failed midway or was too large for the registry. */
int registry_put_blob(struct registry *registry, const char *name,
		      const struct registry_upload *upload, enum registry_upload_result *ret_result,
		      struct err *err) must_check;

/* The bytes as they are, under a tag or digest. */
int registry_put_manifest(struct registry *registry, const char *name, const char *reference,
			  const char *media_type, const struct buf *bytes,
			  struct err *err) must_check;

#endif
