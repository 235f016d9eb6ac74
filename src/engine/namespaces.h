/* SPDX-License-Identifier: Apache-2.0 */
/* What the engines with namespaces have in common: which ones a box wants, and what is done in them
 * once the root is there. */
#ifndef ENGINE_NAMESPACES_H
#define ENGINE_NAMESPACES_H

#include <sched.h>

#include "box/box.h"
#include "sys/host.h"

/* CLONE_NEWNS and those the box wants of its own; no CLONE_NEWUSER. */
unsigned long namespaces_of(const struct box_private *private_ns);

/* In the first process: host name, loopback. */
int namespaces_set_up(const struct box *box, struct err *err) must_check;

/* What an engine cannot do that leaves system calls to the kernel. By run and by probe. */
int namespaces_refuse(const struct box *box, struct err *err) must_check;

/* Root emulation that the tap gives needs filters of system calls. When the box has it. */
int namespaces_refuse_tap(const struct box *box, struct err *err) must_check;

/* Can this user make them, with a user namespace around? */
int namespaces_probe(struct host *host, const struct box_private *private_ns,
		     struct err *ret_why_not) must_check;

/* Last, for a box that is walled: Landlock lets it write only where the box says so, and open only
 * what is in the root, whatever becomes of the mounts. */
int namespaces_wall(const struct box *box, struct err *err) must_check;

#endif
