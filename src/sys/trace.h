/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2), for a tracer of many: the calls themselves, registers and memory. Everything returns 0
 * or -errno; -ESRCH: the process is gone, or not stopped any more (it was killed). Nothing
 * allocates. */
#ifndef SYS_TRACE_H
#define SYS_TRACE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "sys/registers.h"

/* Trace `pid` and everything it starts; all of them are killed when the tracer ends. It stops,
 * for nothing (TRACE_STOP_OTHER). */
int trace_seize(pid_t pid) must_check;

/* What a stop is about, made of the status waitpid(2) gave. */
enum trace_stop {
	TRACE_STOP_CALL,  /* before a call, by a filter */
	TRACE_STOP_EDGE,  /* before or after a call, see trace_to_edge */
	TRACE_STOP_CLONE, /* it made another, in one of three ways; trace_message: its tid */
	TRACE_STOP_FORK,
	TRACE_STOP_VFORK,
	TRACE_STOP_EXEC,   /* it has executed; trace_message: the tid it had before */
	TRACE_STOP_SIGNAL, /* it is about to get WSTOPSIG(status) */
	TRACE_STOP_GROUP,  /* its whole process is stopped, by job control */
	TRACE_STOP_OTHER,  /* nothing: let it go on */
};
enum trace_stop trace_stop_of(int status);
int trace_message(pid_t tid, unsigned long *ret_message) must_check;

/* Go on, with a signal or 0. */
int trace_continue(pid_t tid, int signal);
/* Go on to the beginning or the end of a system call, whichever comes first. */
int trace_to_edge(pid_t tid, int signal);
/* Go on for one instruction. */
int trace_step(pid_t tid, int signal);
/* Stop, for TRACE_STOP_OTHER, wherever it is. */
int trace_interrupt(pid_t tid);
/* More of what stops it, PTRACE_O_*, than what trace_seize asks for. */
int trace_set_more_options(pid_t tid, unsigned more);
/* Any other request: what the call returns, or -errno. */
long trace_ask(long request, pid_t tid, unsigned long address, void *data);
/* Stay stopped, as job control wants it, until it changes its mind. */
int trace_listen(pid_t tid);

int trace_registers(pid_t tid, struct registers *ret_registers) must_check;
int trace_set_registers(pid_t tid, const struct registers *registers) must_check;
/* The architecture of the call it stopped at (AUDIT_ARCH_*); 0 where the kernel cannot tell. */
unsigned trace_architecture(pid_t tid);

/* Memory: -EFAULT when not all of it is there. */
int trace_read(pid_t tid, unsigned long from, void *to, size_t size_bytes) must_check;
int trace_write(pid_t tid, unsigned long to, const void *from, size_t size_bytes) must_check;
/* A string with its NUL; returns its length, -EFAULT, or -ENAMETOOLONG when it does not fit. */
long trace_read_text(pid_t tid, unsigned long from, char *to, size_t room_bytes) must_check;

/* A result that no program sees: the call is made again after the signal (linux/errno.h). */
static inline bool trace_is_restart(long result)
{
	return result <= -512 && result >= -516;
}

#endif
