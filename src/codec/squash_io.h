/* SPDX-License-Identifier: Apache-2.0 */
/* For codec/squash_*.c: libsquashfs's view of an fd, and its errors in words. */
#ifndef CODEC_SQUASH_IO_H
#define CODEC_SQUASH_IO_H

#include <sqfs/io.h>

#include "base/err.h"

struct squash_io {
	sqfs_file_t file; /* first: libsquashfs hands this back */
	int fd;		  /* borrowed */
	int saved_errno;  /* of the last read or write that failed */
};

void squash_io_init(struct squash_io *io, int fd);

/* "message: what `code`, an SQFS_ERROR, means"; what the file said comes first. */
int squash_fail(struct err *err, const struct squash_io *io, int code, const char *format, ...)
	printf_like(4, 5);

#endif
