/* SPDX-License-Identifier: Apache-2.0 */
/* A minimal /dev: what programs expect, bound from the host (devices cannot be made in a user
 * namespace). */
#ifndef ENGINE_DEV_H
#define ENGINE_DEV_H

#include "engine/tree.h"

/* Over target_fd, which is the mount point of `mount`: memory with null zero full random urandom
 * tty, fd stdin stdout stderr, pts with ptmx, and shm (mount->size_bytes; 0: in the same memory). A
 * tree without memory has some afterwards. POSIX message queues need no mount. */
int dev_mount(struct tree *tree, const struct box_mount *mount, int target_fd,
	      struct err *err) must_check;

#endif
