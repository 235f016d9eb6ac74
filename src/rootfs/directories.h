/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of a tree held open on the way to one of them, so that entries which come in tree
 * order need no path lookup. Every step is one component opened with O_NOFOLLOW: a symlink among
 * the parents is an error, never a way out. */
#ifndef ROOTFS_DIRECTORIES_H
#define ROOTFS_DIRECTORIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "image/whiteout.h"

struct directories {
	int root_fd; /* borrowed */
	size_t depth;
	int fd[LAYER_DEPTH_MAX + 1]; /* fd[i] is the directory named by the first end[i] bytes */
	size_t end[LAYER_DEPTH_MAX + 1];
	char path[LAYER_PATH_MAX + 1];
};

void directories_init(struct directories *directories, int root_fd);
void directories_done(struct directories *directories);

/* Open the directory `path` (normalised; "" is the root). *ret_fd is O_PATH and borrowed until the
 * next call. When a component is missing or neither directory nor symlink, `make` is called with
 * its parent, to create it; with NULL that is -ENOENT or -ENOTDIR. -ELOOP: it is a symlink.
 * Nothing is put into an error text: the caller knows which entry it is about. */
int directories_enter(struct directories *directories, const char *path, size_t length,
		      int (*make)(void *context, int parent_fd, const char *name, const char *path,
				  size_t length),
		      void *context, int *ret_fd) must_check;
/* `path` is about to be removed or replaced: forget it and all below. */
void directories_forget(struct directories *directories, const char *path);

#endif
