/* SPDX-License-Identifier: Apache-2.0 */
/* The times that directories shall have, kept until nothing is placed in them any more: that would
 * change them. */
#ifndef ROOTFS_DIRECTORY_TIMES_H
#define ROOTFS_DIRECTORY_TIMES_H

#include <time.h>

#include "base/arena.h"
#include "base/map.h"
#include "rootfs/directories.h"

struct directory_times {
	struct arena arena;
	struct map map; /* path -> struct timespec */
};

void directory_times_done(struct directory_times *times);
void directory_times_set(struct directory_times *times, const char *path, struct timespec value);
/* `path` and what is below it are gone. */
void directory_times_forget(struct directory_times *times, const char *path);
/* Now they get them. */
int directory_times_apply(const struct directory_times *times, struct directories *directories,
			  struct err *err) must_check;

#endif
