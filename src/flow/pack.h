/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet pack: a root file system, from wherever, as one file or directory that runs elsewhere,
 * the same bytes for the same input. */
#ifndef FLOW_PACK_H
#define FLOW_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strings.h"
#include "flow/pack_tree.h"

enum pack_format {
	PACK_TAR,
	PACK_TAR_GZIP,
	PACK_TAR_ZSTD,
	PACK_SQUASHFS,
	PACK_OCI,    /* an oci-archive: an image in one file */
	PACK_DOCKER, /* what `docker load` reads */
	PACK_DIRECTORY,
	PACK_RUN, /* one program: runtime and squashfs */
};
#define PACK_FORMATS "tar|tar.gz|tar.zst|squashfs|oci|docker|dir|run"
bool pack_format_parse(const char *text, enum pack_format *ret_format);
const char *pack_format_suffix(enum pack_format format); /* ".tar.zst" */

/* How the bytes of a pack come about; another number gives other digests. */
#define PACK_WRITER_VERSION 1

struct pack_request {
	const char *store;  /* NULL: the default */
	const char *source; /* REF, path of a directory or environment, dpkg:PKG,.., prefix:DIR */
	enum pack_format format;
	const char *output;   /* NULL: NAME with the format's suffix; "-": standard output */
	const char *name;     /* NULL: after the source */
	struct strings links; /* LINK=TARGET, in the pack */
	bool relocatable;
	struct strings entry_point;   /* words; none: the image's */
	struct strings env;	      /* NAME=VALUE */
	struct strings expose;	      /* host paths, read-only when it runs */
	struct strings share;	      /* the same, writable */
	struct strings keep;	      /* "owner", "mode", "time": as they are in the source */
	struct strings allow_secrets; /* globs of paths and variables */
	uint64_t rounds;	      /* make it so often and compare; 0 and 1: once */
	struct strings with;	      /* lines of a file list (policy/filelist.h): of the host */
	struct strings with_files;    /* such lists */
	bool save_provenance;
	bool no_recommends; /* of packages: only what they depend on */
};
void pack_request_done(struct pack_request *request);

struct pack_made {
	struct digest digest; /* of the file; of a directory, of the tar it would be */
	char *path;	      /* malloc'ed; NULL: standard output */
};

/* -EPERM: there are secrets in it; -EUCLEAN: a round came out otherwise. Nothing half-made stays.
 */
int pack_run(const struct pack_request *request, struct pack_made *ret_made,
	     struct err *err) must_check;

#endif
