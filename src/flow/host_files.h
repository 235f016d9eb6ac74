/* SPDX-License-Identifier: Apache-2.0 */
/* What every box gets besides its root: /proc, /sys, /dev, name resolution, and a passwd and group
 * in which the user resolves. */
#ifndef FLOW_HOST_FILES_H
#define FLOW_HOST_FILES_H

#include "box/box.h"
#include "sys/ids.h"

void host_files_add_kernel(struct box *box, uint64_t shm_bytes);

/* /etc/resolv.conf and /etc/hosts: the host's; with a network of its own only localhost. */
void host_files_add_network(struct box *box);

/* Entries for `user` where the root's files (their text; "" when missing) lack them. */
void host_files_add_user(struct box *box, const struct user *user, const char *passwd,
			 const char *group);

#endif
