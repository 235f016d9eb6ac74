/* SPDX-License-Identifier: Apache-2.0 */
/* A set of named files, in a directory or in a tar archive: how images are passed around without a
 * registry (OCI layout, oci-archive, docker-archive). */
#ifndef FLOW_BUNDLE_H
#define FLOW_BUNDLE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "codec/byte_source.h"

struct bundle {
	int fd; /* the archive, seekable and not compressed; or the directory */
	bool is_directory;
	struct map parts; /* name -> struct bundle_part, of an archive */
	struct arena arena;
};

/* One file of it, open. */
struct bundle_file {
	int owned_fd; /* -1: it is a stretch of the archive */
	struct byte_source_part part;
	struct byte_source source;
};

/* Takes fd over, also on failure. */
int bundle_open_directory(int fd, struct bundle *ret_bundle, struct err *err) must_check;
int bundle_open_archive(int fd, struct bundle *ret_bundle, struct err *err) must_check;
void bundle_done(struct bundle *bundle);
#define auto_bundle cleanup(bundle_done) struct bundle /* initialise with BUNDLE_NONE */
#define BUNDLE_NONE      \
	{                \
		.fd = -1 \
	}

bool bundle_has(const struct bundle *bundle, const char *name);
/* -ENOENT: no such file. The file must stay where it is: its source points into it. */
int bundle_open(const struct bundle *bundle, const char *name, struct bundle_file *ret_file,
		struct err *err) must_check;
void bundle_file_done(struct bundle_file *file);
#define auto_bundle_file cleanup(bundle_file_done) struct bundle_file /* BUNDLE_FILE_NONE */
#define BUNDLE_FILE_NONE       \
	{                      \
		.owned_fd = -1 \
	}
/* Append a small file. */
int bundle_read(const struct bundle *bundle, const char *name, size_t limit_bytes, struct buf *buf,
		struct err *err) must_check;

#endif
