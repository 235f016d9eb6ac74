/* SPDX-License-Identifier: Apache-2.0 */
/* What every box gets besides its root: /proc, /sys, /dev, name resolution, and a passwd and group
 * in which the user resolves. */
#ifndef FLOW_HOST_FILES_H
#define FLOW_HOST_FILES_H

#include "box/box.h"
#include "sys/ids.h"

void host_files_add_kernel(struct box *box, uint64_t shm_bytes);

/* /etc/resolv.conf for a private network with a program that connects it: the program's own name
 * server, and what else the host's file says. */
void host_files_add_name_server(struct box *box);

/* /etc/resolv.conf and /etc/hosts: the host's; with a network of its own only localhost. `hosts`
 * are further lines, as host_files_parse_host makes them; may be NULL. */
void host_files_add_network(struct box *box, const struct strings *hosts);
/* Letters, digits, '-', '_' and '.', no more than the kernel takes (__NEW_UTS_LEN; HOST_NAME_MAX is
 * 255 with musl): sethostname(2) takes any bytes, and /etc/hosts has a line with them. */
#define HOST_NAME_BYTES_MAX 64
bool host_name_is_valid(const char *name);
/* "NAME:ADDRESS" or "NAME=ADDRESS" (--add-host) as a line of hosts(5), added to the list. The
 * address "host-gateway" is this host, as a network shared with it has it. -EINVAL names it. */
int host_files_parse_host(const char *text, struct strings *hosts, struct err *err) must_check;

/* Entries for `user` where the root's files (their text; "" when missing) lack them. */
void host_files_add_user(struct box *box, const struct user *user, const char *passwd,
			 const char *group);

#endif
