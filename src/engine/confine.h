/* SPDX-License-Identifier: Apache-2.0 */
/* What a command may not do or have: limits, capabilities, system calls. In the child, right before
 * execve(2). */
#ifndef ENGINE_CONFINE_H
#define ENGINE_CONFINE_H

#include "base/err.h"
#include "box/box.h"

/* Needs CAP_SETPCAP in the user namespace when capabilities are dropped. Allocates nothing. */
int confine(const struct box *box, struct err *err) must_check;

#endif
