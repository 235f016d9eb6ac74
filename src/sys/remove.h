/* SPDX-License-Identifier: Apache-2.0 */
/* Removing directory trees that may hold anything: symlinks are never followed, directories
 * without permissions are opened up first, other mounts are not entered. */
#ifndef SYS_REMOVE_H
#define SYS_REMOVE_H

#include "base/err.h"

/* Remove `name` in dirfd, whatever it is. Nothing there is success. What vanishes meanwhile
 * (another process removing too) is no error. -EXDEV: a mount point is in the way.
 * What belongs to the caller's subordinate ids is removed by them.
 * What belongs to one of the caller's subordinate ids is removed by them. */
int remove_tree(int dirfd, const char *name, struct err *err) must_check;

#endif
