/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes on file descriptors, and small files as a unit. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* All bytes or -errno; EINTR and short writes are handled. No allocation. */
int io_write_all(int fd, const void *bytes, size_t size_bytes);
/* Up to size_bytes, less only at end of file; returns the count or -errno. No allocation. */
ssize_t io_read_full(int fd, void *bytes, size_t size_bytes) must_check;

/* Append the rest of fd to buf; more than limit_bytes is -EFBIG. */
int io_read_to_end(int fd, size_t limit_bytes, struct buf *buf, struct err *err) must_check;
/* Append the file `path`, looked up at dirfd (AT_FDCWD is fine), to buf. -ENOENT when absent. */
int io_read_file_at(int dirfd, const char *path, size_t limit_bytes, struct buf *buf,
		    struct err *err) must_check;

/* Replace `path` with these bytes so that a reader or a crash sees the old or the new file, never
 * a part: write a temporary beside it, fsync, rename, fsync the directory. */
int io_replace_file_at(int dirfd, const char *path, const void *bytes, size_t size_bytes,
		       mode_t mode, struct err *err) must_check;

/* The same without fsync: after the machine crashed the file may hold anything. For what can be
 * made again, and whose reader finds out whether it is whole. */
int io_replace_file_unsynced_at(int dirfd, const char *path, const void *bytes, size_t size_bytes,
				mode_t mode, struct err *err) must_check;

/* Copy size_bytes (or all, UINT64_MAX) from one fd to the other: reflink, then copy_file_range,
 * then read and write. Offsets move as with read and write. */
int io_copy(int from_fd, int to_fd, uint64_t size_bytes, struct err *err) must_check;

/* At the start of a program: where 0, 1 or 2 is closed, put something there that cannot be read or
 * written either, or the next file opened would be taken for standard input or output. */
void io_reserve_stdio(void);

#endif
