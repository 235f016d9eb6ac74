/* SPDX-License-Identifier: Apache-2.0 */
/* A set of named files, in a directory or in a tar archive: how images are passed around without a
 * registry (OCI layout, oci-archive, docker-archive). */
#ifndef FLOW_BUNDLE_H
#define FLOW_BUNDLE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "codec/byte_source.h"
#include "flow/import_layer.h"
#include "flow/reach.h"
#include "store/store.h"

struct bundle {
	int fd; /* the archive, seekable and not compressed; the directory; small files of a stream
		 */
	bool is_directory;
	const struct store *store; /* of a stream: what is large went there as it came */
	struct reach brought;	   /* the same: all that did */
	struct map parts;	   /* name -> struct bundle_part, of an archive */
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
/* A tar that can be read but once, from its beginning (decompressed). Blobs (blobs/sha256/HEX) are
 * checked and kept in the store, layers of a docker-archive as well, compressed and unpacked; other
 * files, which are few and small, in a temporary file: -EFBIG, also when blobs are out of all
 * proportion to packed_bytes, which is how much was read for what came so far (rootfs/content.h).
 * The store must outlive the bundle. Whoever opens it sweeps `brought` in the end, also when this
 * fails. */
int bundle_open_stream(const struct store *store, const struct byte_source *source,
		       const atomic_uint_fast64_t *packed_bytes, struct bundle *bundle,
		       struct err *err) must_check;
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
/* A layer that a stream brought into the store, or NULL. */
const struct import_layer *bundle_layer(const struct bundle *bundle, const char *name);
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
