/* SPDX-License-Identifier: Apache-2.0 */
/* Everything below a directory of one's own, one after another. */
#ifndef ROOTFS_DIRECTORY_WALK_H
#define ROOTFS_DIRECTORY_WALK_H

#include <sys/stat.h>

#include "base/err.h"

struct directory_walk_entry {
	int dirfd; /* it is `name` in there */
	const char *name;
	const char *path; /* below the root, without a slash at the beginning */
	struct stat st;
};

/* 0: go on, into it if it is a directory; 1: not into it; -errno ends the walk. It may remove the
 * entry, then it returns 1. */
typedef int directory_visit(void *context, const struct directory_walk_entry *entry,
			    struct err *err);

/* No order is promised, but that a directory comes before what is in it. */
int directory_walk(int root_fd, directory_visit *visit, void *context, struct err *err) must_check;

#endif
