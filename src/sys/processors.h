/* SPDX-License-Identifier: Apache-2.0 */
/* Staying on one processor for a while without leaving a trace of it.
 *
 * Linux puts a new process on an idle processor, and wakes whoever waited for it there as well. For
 * processes that do one thing after the other that is only waiting for processors to wake up. */
#ifndef SYS_PROCESSORS_H
#define SYS_PROCESSORS_H

#include <stddef.h>

#include "base/err.h"

/* Of 8192 processors, the most that a kernel of x86 is built for. */
#define PROCESSORS_MAX_BYTES 1024

struct processors {
	unsigned long mask[PROCESSORS_MAX_BYTES / sizeof(unsigned long)];
	size_t bytes; /* 0: nothing was changed */
};

/* Keep this process, and those it makes from now on, on the processor that it runs on. Where the
 * kernel refuses that, or there is but one, nothing is changed. *ret_before is for the other. */
void processors_keep_one(struct processors *ret_before);

/* Let this process go on all processors as before. Whoever governs them from outside (cpusets)
 * reaches it as before, too: an affinity that nobody had set is not set afterwards, either, but
 * for one of all processors there can be, which restricts nothing. */
int processors_restore(const struct processors *before, struct err *err) must_check;

#endif
