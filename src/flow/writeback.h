/* SPDX-License-Identifier: Apache-2.0 */
/* A file goes to the disk while it is still being made. One that replaces another is given its
 * blocks at the latest when it is renamed (ext4(5), auto_da_alloc), while everybody waits: a tenth
 * of a second for 170 MB. What is durable when is not changed by this. */
#ifndef FLOW_WRITEBACK_H
#define FLOW_WRITEBACK_H

#include <stdint.h>

struct writeback;

/* Of fd, borrowed. A thread is started when there is something to do; without one nothing is done,
 * nor where the file is none that has blocks. */
struct writeback *writeback_new(int fd);
/* The first size_bytes are there and will hardly be written again. Returns at once. */
void writeback_reached(struct writeback *writeback, uint64_t size_bytes);
/* What has begun is waited for. NULL is fine. */
void writeback_free(struct writeback *writeback);
static inline void writeback_cleanup(struct writeback **writeback)
{
	writeback_free(*writeback);
}
#define auto_writeback cleanup(writeback_cleanup) struct writeback

#endif
