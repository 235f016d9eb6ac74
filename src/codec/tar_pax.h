/* SPDX-License-Identifier: Apache-2.0 */
/* What pax records say about the entry that follows, and maps of sparse files. For tar_reader.c;
 * pure. */
#ifndef CODEC_TAR_PAX_H
#define CODEC_TAR_PAX_H

#include "base/buf.h"
#include "codec/tar.h"

struct tar_segment {
	uint64_t offset; /* in the file */
	uint64_t size_bytes;
};

struct tar_segments {
	struct tar_segment *item;
	size_t count;
	size_t room;
};

struct tar_extras {
	bool has_path;
	bool has_link;
	bool has_size;
	bool has_uid;
	bool has_gid;
	bool has_mtime;
	struct buf path;
	struct buf link;
	uint64_t size;
	uint64_t uid;
	uint64_t gid;
	int64_t mtime_s;
	uint32_t mtime_ns;
	struct tar_xattr *xattrs;
	size_t xattr_count;

	bool is_sparse;
	unsigned sparse_major;
	bool has_real_size;
	uint64_t real_size;
	bool has_offset; /* pax 0.0: an offset came and its size not yet */
	uint64_t offset;
	struct tar_segments segments; /* pax 0.0 and 0.1 */
};

void tar_extras_done(struct tar_extras *extras);
/* `to` is overwritten; its memory is used again. */
void tar_extras_copy(const struct tar_extras *from, struct tar_extras *to);
/* Read records "LENGTH KEY=VALUE\n" into extras, later ones winning; false when damaged. */
bool tar_extras_parse(struct tar_extras *extras, const char *records, size_t size_bytes) must_check;

bool tar_segments_add(struct tar_segments *segments, uint64_t offset, uint64_t size) must_check;

struct tar_map_parser { /* pax 1.0, fed block by block */
	uint64_t number;
	bool has_digit;
	bool has_count;
	bool has_offset;
	bool complete;
	uint64_t count;
	uint64_t offset;
};
bool tar_map_parse_block(struct tar_map_parser *parser, const void *block,
			 struct tar_segments *segments) must_check;

#endif
