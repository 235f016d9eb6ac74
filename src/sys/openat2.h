/* SPDX-License-Identifier: Apache-2.0 */
/* Opening paths that belong to a guest: everything, symlinks and `..` included, resolves inside
 * the tree at root_fd, as after chroot(2) but without it.
 *
 * openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS; on kernels before 5.6, or where a
 * filter answers ENOSYS or EPERM, a walk by components with O_NOFOLLOW that gives the same
 * results (tested against each other). Nothing here allocates. */
#ifndef SYS_OPENAT2_H
#define SYS_OPENAT2_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define OPENAT2_SYMLINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

/* Returns an O_CLOEXEC fd or -errno. `path` may be absolute or relative; both start at root_fd. */
int openat2_in_root(int root_fd, const char *path, int flags, mode_t mode) must_check;

/* Open `path` (relative, below dirfd) without following any symlink: one among the parents is
 * -ELOOP, one at the end is refused likewise unless O_PATH | O_NOFOLLOW asks for the link itself.
 */
int openat2_no_symlinks(int dirfd, const char *path, int flags, mode_t mode) must_check;

/* openat2_in_root by the walk alone, for the tests and for hosts without openat2. */
int openat2_walk(int root_fd, const char *path, int flags, mode_t mode) must_check;

/* Open `path` O_PATH, making missing directories (0755) and, at its end, a directory or an empty
 * file. What existed is left as it is; a dangling symlink's target is made, inside the root.
 * *ret_made is how many components at the end of the resolved path had to be made. Returns an fd or
 * -errno; then *ret_refusing_fd, unless NULL, is the directory that would not take a new entry
 * (O_PATH, the caller's to close), or -1. */
int openat2_make_target(int root_fd, const char *path, bool directory, unsigned *ret_made,
			int *ret_refusing_fd) must_check;

/* mkdir -p inside the root, `mode` for all that are made; returns an O_PATH fd of the directory or
 * -errno. */
int openat2_make_directories(int root_fd, const char *path, mode_t mode) must_check;

#endif
