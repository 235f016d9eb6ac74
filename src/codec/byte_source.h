/* SPDX-License-Identifier: Apache-2.0 */
/* Where bytes come from: a file descriptor, a blob still being downloaded, a part of an archive. */
#ifndef CODEC_BYTE_SOURCE_H
#define CODEC_BYTE_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct byte_source {
	/* At least one byte, 0 at the end, or -errno. May block. Called from one thread at a time.
	 */
	ssize_t (*read)(void *context, void *bytes, size_t size_bytes, struct err *err);
	void *context;
};

/* The rest of an fd; *fd must outlive the source. */
struct byte_source byte_source_fd(int *fd);

/* A stretch of a file, read with pread(2), so that several can be read from one fd. */
struct byte_source_part {
	int fd;
	uint64_t offset;
	uint64_t left_bytes;
};
/* -EUCLEAN when the file ends before the stretch does. *part must outlive the source. */
struct byte_source byte_source_part(struct byte_source_part *part);

/* Fill the buffer, less only at the end; returns the count or -errno. */
ssize_t byte_source_read_full(const struct byte_source *source, void *bytes, size_t size_bytes,
			      struct err *err) must_check;

#endif
