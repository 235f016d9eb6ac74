/* SPDX-License-Identifier: Apache-2.0 */
/* The content of an archive's files on its way to disk: zeros become holes, and there is a limit to
 * how much may come of a few bytes. Compression makes terabytes of them; an honest layer never gets
 * near these numbers. */
#ifndef ROOTFS_CONTENT_H
#define ROOTFS_CONTENT_H

#include <stdatomic.h>

#include "codec/tar.h"

#define CONTENT_FREE_BYTES ((uint64_t)1 << 30) /* however little was read; zeros count nothing */
#define CONTENT_RATIO_MAX  200
/* An entry takes an inode and time, whatever is in it; more than these have a byte each in what was
 * read. Empty files that are numbered take one and a half, as small as anything packs them. */
#define CONTENT_FREE_ENTRIES 65536
#define CONTENT_XATTR_BYTES  ((uint64_t)64 << 20) /* attributes of all entries, kept in memory */

struct content {
	const atomic_uint_fast64_t *packed_bytes; /* what was read so far; NULL: no limit */
	uint64_t bytes;
	uint64_t entries;
	uint64_t xattr_bytes;
};

/* -EFBIG when that is too much: bytes of files, one more entry, bytes of attributes. */
int content_take(struct content *content, uint64_t size_bytes, struct err *err) must_check;
int content_take_entry(struct content *content, struct err *err) must_check;
int content_take_xattr(struct content *content, uint64_t size_bytes, struct err *err) must_check;

/* Bytes that are read once, wherever they go: zeros, which may become holes, count nothing here
 * either. */
int content_take_data(struct content *content, const void *bytes, size_t size_bytes,
		      struct err *err) must_check;

/* The data of the reader's current entry into an empty file. */
int content_write(struct content *content, int fd, const struct tar_entry *entry,
		  struct tar_reader *reader, struct err *err) must_check;

#endif
