/* SPDX-License-Identifier: Apache-2.0 */
/* A table of lies in memory, for a test. */
#ifndef UNIT_ROOTEMU_TABLE_H
#define UNIT_ROOTEMU_TABLE_H

#include <sys/mman.h>
#include <unistd.h>

#include "rootemu/lies.h"

static inline void table_new(struct lies *lies)
{
	int fd = memfd_create("lies", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)LIES_FILE_BYTES), 0);
	assert_int_equal(lies_map(lies, fd, NULL, true), 0);
}

static inline void table_done(struct lies *lies)
{
	int fd = lies->fd;

	lies_unmap(lies);
	close(fd);
}

#endif
