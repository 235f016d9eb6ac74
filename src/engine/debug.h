/* SPDX-License-Identifier: Apache-2.0 */
/* Debuggers inside: processes that trace others, all of them traced by us. The kernel gives a
 * process one tracer. So what a debugger asks of ptrace(2) is done in its name (calls_debug.c); a
 * stop that it is to see is not ended until it says so, and it is told by the answers to its
 * wait4(2) and waitid(2) (calls_wait.c). x86-64 only; doc/why/0030. */
#ifndef ENGINE_DEBUG_H
#define ENGINE_DEBUG_H

#include "engine/tracer.h"

/* What the debugger is shown, and who answers its questions about it. */
enum debug_stop {
	DEBUG_AS_IT_IS, /* the kernel's own stop: the kernel */
	DEBUG_EDGE,	/* likewise; before or after a call */
	DEBUG_GROUP,	/* stopped by job control: there is no signal to be asked about */
	DEBUG_MADE,	/* the kernel's is another one: info_signal, info_code, message */
};

/* That of a new process, as wait4(2) has it: PTRACE_EVENT_STOP, SIGTRAP. */
#define DEBUG_FIRST_STATUS (128 << 16 | 5 << 8 | 0x7f)

/* `by` is its debugger from now on. is_seized: by PTRACE_SEIZE. */
void debug_begin(struct tracee *tracee, struct subject *by, unsigned options, bool is_seized);
/* It has none any more. If it was held, it stays so until tracer_resume. */
void debug_leave(struct tracee *tracee);
/* The debugger is about to be gone: all that it debugged goes on, or is killed if that was asked.
 */
void debug_abandon(struct tracer *tracer, const struct subject *by);
/* What a new process has of the one that made it, by a call of the kind PTRACE_EVENT_*. */
void debug_inherit(struct tracee *child, const struct tracee *parent, unsigned event);

/* It is stopped: those of the debugger's options that are the kernel's are told to it. */
void debug_set_options(struct tracee *tracee);

/* Whether it may go on by PTRACE_SINGLESTEP: not over a call that only PTRACE_SYSCALL would stop.
 */
bool debug_may_step(const struct tracer *tracer, const struct tracee *tracee);
/* A process that is debugged has executed the loader. */
void debug_load(struct tracee *tracee);
/* It stopped: true if that is the debugger's business and nothing is left to be done. */
bool debug_stopped(struct tracer *tracer, struct tracee *tracee, int status);
/* At the end of a call, when all of ours is done: true if it is held. */
bool debug_call_ended(struct tracer *tracer, struct tracee *tracee);
/* The debugger lets it go on, in the way that debug.how says. */
void debug_go_on(struct tracer *tracer, struct tracee *tracee, int signal);
/* It has ended. */
void debug_ended(struct tracer *tracer, const struct tracee *tracee, int status);

/* --- calls_wait.c */

/* There is something to be told about a process: whoever waits for it looks again, or the debugger
 * gets SIGCHLD. */
void debug_tell(struct tracer *tracer, const struct tracee *tracee, const struct subject *by);
/* A thread that waits_elsewhere is about to leave the kernel: as if from the call that it made. */
void debug_leave_wait(struct tracee *tracee);

/* The parent's id, or 0. */
pid_t debug_parent_of(pid_t pid);

#endif
