/* SPDX-License-Identifier: Apache-2.0 */
/* A file or directory that gets its name when it is complete. */
#ifndef FLOW_DEST_H
#define FLOW_DEST_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Fills an empty file, open for reading and writing, or an empty directory. */
struct dest_writer {
	int (*fill)(void *context, int fd, struct err *err);
	void *context;
	bool directory;
};

/* Write beside `dest` and rename. What is there is replaced when it is a file or an empty
 * directory, else -EEXIST. On failure nothing is left. */
int dest_write_beside(const char *dest, const struct dest_writer *writer,
		      struct err *err) must_check;

/* Remove work directories beside `dest` whose makers were killed: those that nobody has locked. A
 * maker who wants that has dest_keep_work lock theirs; false: it was just taken for one of those,
 * and is gone. */
void dest_remove_leftovers(const char *dest);
bool dest_keep_work(int fd);

/* Append ".tmp-RANDOM", and make what is to be filled there. */
int dest_add_random(struct buf *work, struct err *err) must_check;
int dest_open_work(const char *work, bool directory, int *ret_fd, struct err *err) must_check;

#endif
