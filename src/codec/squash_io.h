/* SPDX-License-Identifier: Apache-2.0 */
/* For codec/squash_*.c: libsquashfs's view of an fd, and its errors in words. */
#ifndef CODEC_SQUASH_IO_H
#define CODEC_SQUASH_IO_H

#include <sqfs/compressor.h>
#include <sqfs/id_table.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <sqfs/xattr_reader.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct squash_io {
	sqfs_file_t file; /* first: libsquashfs hands this back */
	int fd;		  /* borrowed */
	uint64_t base;	  /* where in the file the image begins */
	int saved_errno;  /* of the last read or write that failed */
};

void squash_io_init(struct squash_io *io, int fd, uint64_t base);
/* pread(2) of all of it: 0 or -errno, -ENODATA when the file ends before. */
int squash_pread(int fd, void *buffer, size_t size, uint64_t offset) must_check;

/* What every reader of an image begins with. */
struct squash_tables {
	sqfs_super_t super;
	sqfs_compressor_t *decompressor;
	sqfs_id_table_t *ids;
	sqfs_xattr_reader_t *xattrs; /* NULL: the image has none */
};
/* What unpacks blocks compressed as the image says: all that libsquashfs knows in rootlet-image,
 * zstd in the program inside of packs. 0 or an SQFS_ERROR. */
int squash_decompressor_new(const sqfs_super_t *super, sqfs_compressor_t **ret) must_check;

/* 0 or an SQFS_ERROR; either way to be released. */
int squash_tables_load(struct squash_tables *tables, struct squash_io *io) must_check;
void squash_tables_done(struct squash_tables *tables);

/* "message: what `code`, an SQFS_ERROR, means"; what the file said comes first. */
int squash_fail(struct err *err, const struct squash_io *io, int code, const char *format, ...)
	printf_like(4, 5);

#endif
