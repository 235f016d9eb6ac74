/* SPDX-License-Identifier: Apache-2.0 */
/* A network of a box's own that reaches out: pasta(1) or slirp4netns(1) gives it a device and
 * carries what passes through it as connections of the caller's. Needs no privilege but an
 * accessible /dev/net/tun. */
#ifndef ENGINE_NETWORK_H
#define ENGINE_NETWORK_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* The program to use, its path in the arena. -ENOENT, -EACCES: neither is installed, or the device
 * is missing or closed; the hint has the line that changes that. */
int network_find(struct arena *arena, const char **ret_program, struct err *err) must_check;
/* Where that program answers for the host's name servers. */
const char *network_nameserver(const char *program);

struct network {
	pid_t guard; /* a process that ends the program when we end; 0: none */
	int alive_fd;
};

#define NETWORK_NONE           \
	{                      \
		.alive_fd = -1 \
	}

/* Connect the network namespace of process `pid`, in whose user namespace, if it has one of its
 * own, ids are mapped already. When this returns the device is up. */
int network_start(const char *program, pid_t pid, struct network *ret_network,
		  struct err *err) must_check;
void network_stop(struct network *network);

#endif
