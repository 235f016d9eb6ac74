// SPDX-License-Identifier: Apache-2.0
/* Debuggers and those they debug. Three things would not be as on a bare kernel:
 *
 * A vfork(2) child asks to be traced and execs (gdb does that). Its exec traps, and a signal of a
 * traced process stops it until the tracer has looked, who waits for the exec. So it is traced only
 * once the new program is there; nothing a vfork child may do in between could tell.
 *
 * The stop after an exec comes when the kernel has executed us. It is held back, by blocking
 * SIGTRAP, until the program is mapped and about to run: what the debugger then reads, it needs.
 * (With PTRACE_O_TRACEEXEC it is no signal, and comes at once.)
 *
 * Our traps stop a traced process, too. A debugger under the tap is not told of them as long as
 * it lets the process run; when it steps, or follows system calls, it sees them. */
#include <errno.h>
#include <linux/ptrace.h>
#include <linux/wait.h>

#include "tap/blob/blob.h"
#include "tap/blob/cancel.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"

#define FROM_SECCOMP 1 /* SYS_SECCOMP */
#define TRACEES	     1024

/* Processes that were last told to go on by a step, or to the next system call. */
static uint32_t stepping[TRACEES];

static uint32_t *place_of(long pid)
{
	return &stepping[(unsigned long)pid % TRACEES];
}

long on_ptrace(struct tap_call *call)
{
	long request = call->arg[0];
	long r;

	if (request == PTRACE_TRACEME) {
		if (process_is_guest()) {
			process_write()->trace = TRACE_LATER;
			return 0;
		}
		r = pass(call);
		if (r == 0)
			process_write()->trace = TRACE_ON;
		return r;
	}
	r = pass(call);
	if (r < 0)
		return r;
	if (request == PTRACE_CONT)
		*place_of(call->arg[1]) = 0;
	else if (request == PTRACE_SINGLESTEP || request == PTRACE_SYSCALL)
		*place_of(call->arg[1]) = (uint32_t)call->arg[1];
	return r;
}

static bool is_our_trap(long pid, int status)
{
	siginfo_t info;

	if ((status & 0xffff) != (SIGSYS << 8 | 0x7f) || *place_of(pid) == (uint32_t)pid)
		return false;
	return raw4(__NR_ptrace, PTRACE_GETSIGINFO, pid, 0, &info) == 0 &&
	       info.si_signo == SIGSYS && info.si_code == FROM_SECCOMP &&
	       info.si_errno == (int)TAP_TRAP_DATA;
}

/* Only calls with __WALL come here: that is who waits for threads of others. */
long on_wait4(struct tap_call *call)
{
	int *status_address = (int *)call->arg[1];
	int status;
	long r;

	do {
		r = cancel_pass(call);
		if (r <= 0 || !status_address || memory_read(&status, status_address, 4) < 0)
			return r;
	} while (is_our_trap(r, status) && raw4(__NR_ptrace, PTRACE_CONT, r, 0, SIGSYS) == 0);
	return r;
}
