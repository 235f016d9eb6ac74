/* SPDX-License-Identifier: Apache-2.0 */
/* A minimal /dev: what programs expect, bound from the host (devices cannot be made in a user
 * namespace). */
#ifndef ENGINE_DEV_H
#define ENGINE_DEV_H

#include "engine/tree.h"

/* Over target_fd: a directory in the tree's memory with null zero full random urandom tty, fd stdin
 * stdout stderr, pts with ptmx, and shm (shm_bytes 0: in the same memory). POSIX message queues
 * need no mount. */
int dev_mount(struct tree *tree, int target_fd, uint64_t shm_bytes, struct err *err) must_check;

#endif
