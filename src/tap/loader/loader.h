/* SPDX-License-Identifier: Apache-2.0 */
/* Starting programs for a tracer: what it tells the loader, and where.
 *
 * The kernel takes the name in PT_INTERP for one of its own, the host's, so a traced process
 * executes this loader in place of every program. It lies at a fixed address whose system calls no
 * filter stops. When it has been executed and has not yet run, the tracer writes a plan to where
 * the loader looks for it; the loader maps program and interpreter, makes everything look as if the
 * kernel had done so, and jumps. What remains of it is memory the tracer uses to pass changed
 * arguments to the kernel. */
#ifndef TAP_LOADER_H
#define TAP_LOADER_H

#include <stdint.h>

#include "tap/session_page.h"

#define LOADER_PLAN_AT (TAP_BASE + 0x10000) /* struct loader_plan */
#define LOADER_SLOT_AT (TAP_BASE + 0x20000) /* from here on, memory for the tracer */

#define LOADER_SLOTS	  48
#define LOADER_SLOT_BYTES 0x4000 /* two paths, or a path and the arguments of an exec */

/* Code that makes a call and puts the arguments back, so that nobody need stop at its end. On
 * aarch64 no register is left for it to go by. */
#if defined(__x86_64__)
#define LOADER_THROUGH_AT    (TAP_BASE + 0x200)
#define LOADER_THROUGH_BYTES 64

struct loader_through { /* at argument 5; through_x86_64.S */
	uint64_t arg[4], arg5;
	uint64_t instruction; /* to go on at */
};
#endif

#define LOADER_TEXT_BYTES (3 * 4096 + 128)

/* getpid(entry, stack, this): the program is mapped. The tracer starts it, at the end of the call.
 */
#define LOADER_READY 0x7ead9

/* As written to LOADER_PLAN_AT: only as much of `text` as is used. */
struct loader_plan {
	uint32_t interpreter; /* where it begins in text; 0: the program has none */
	uint32_t name;	      /* of the program in the guest: AT_EXECFN */
	uint32_t uid, euid, gid, egid;
	uint8_t has_ids; /* show these in place of the kernel's */
	uint8_t secure;	 /* AT_SECURE */
	uint8_t stops;	 /* a debugger is to see the program before it begins */
	uint8_t unused[5];
	char text[LOADER_TEXT_BYTES]; /* the program's path on the host, the interpreter's, name */
};

_Static_assert(LOADER_PLAN_AT + sizeof(struct loader_plan) <= LOADER_SLOT_AT, "the plan fits");
_Static_assert(LOADER_SLOT_AT + (unsigned long)LOADER_SLOTS * LOADER_SLOT_BYTES <=
		       TAP_BASE + TAP_WINDOW,
	       "all of it lies in the window");

extern const unsigned char loader_start[], loader_end[]; /* the file, in the hosted library */

#endif
