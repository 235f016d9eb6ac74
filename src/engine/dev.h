/* SPDX-License-Identifier: Apache-2.0 */
/* A minimal /dev: what programs expect, bound from the host (devices cannot be made in a user
 * namespace). */
#ifndef ENGINE_DEV_H
#define ENGINE_DEV_H

#include <stdint.h>

#include "base/err.h"

/* Over target_fd: tmpfs with null zero full random urandom tty, fd stdin stdout stderr, pts with
 * ptmx, and shm (shm_bytes 0: shares /dev's tmpfs). POSIX message queues need no mount.
 * *ret_fd, unless NULL, is an O_PATH fd of that tmpfs. */
int dev_mount(int target_fd, uint64_t shm_bytes, int *ret_fd, struct err *err) must_check;

#endif
