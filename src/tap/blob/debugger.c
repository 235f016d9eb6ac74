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
#include <linux/seccomp.h>
#include <linux/wait.h>

#include "tap/blob/blob.h"
#include "tap/blob/cancel.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/bpf.h"

#define FROM_SECCOMP 1 /* SYS_SECCOMP */
#define TRACEES	     1024

/* Processes that were last told to go on by a step, or to the next system call. */
static uint32_t stepping[TRACEES];

static uint32_t *place_of(long pid)
{
	return &stepping[(unsigned long)pid % TRACEES];
}

#define FILTER_ROOM 16

/* Who traces somebody is to have each wait4(2) of his looked at, until he ends. */
static void watch_waits(void)
{
	static bool is_done;
	struct sock_filter code[FILTER_ROOM];
	struct bpf bpf = { .code = code, .room = FILTER_ROOM };
	struct {
		unsigned short count;
		const struct sock_filter *filter;
	} filter = { 0, code };

	if (is_done)
		return;
	bpf_load(&bpf, BPF_DATA(arch));
	bpf_jump(&bpf, BPF_JEQ, ARCH_AUDIT, 0, 2);
	bpf_load(&bpf, BPF_DATA(nr));
	bpf_jump(&bpf, BPF_JEQ, __NR_wait4, 1, 0);
	bpf_give(&bpf, SECCOMP_RET_ALLOW);
	bpf_end_outside_tap(&bpf, SECCOMP_RET_TRAP | TAP_TRAP_DATA);
	filter.count = (unsigned short)bpf.count;
	is_done = raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		       &filter) == 0;
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
	watch_waits();
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

/* Calls with __WALL come here, of those who wait for threads of others, and all of who has used
 * ptrace(2) already. */
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
