/* SPDX-License-Identifier: Apache-2.0 */
/* Can it be told by st_ctim whether a file was changed? */
#ifndef ROOTFS_CHANGE_TIME_H
#define ROOTFS_CHANGE_TIME_H

#include <stdbool.h>
#include <time.h>

/* On the file system of this directory no write goes by the clock: not so on tmpfs, where one
 * through a mapping may, nor over the network. */
bool change_time_tells(int dirfd);

/* Which of two came first. */
bool change_time_is_before(const struct timespec *a, const struct timespec *b);

/* What changes within a tick of the kernel's clock has one time. Wait until what changes from now
 * on has a later one than this; false: that is too far away. */
bool change_time_pass(const struct timespec *last);

#endif
