// SPDX-License-Identifier: Apache-2.0
/* SIGSYS comes in here. The handler runs with SA_NODEFER and an empty mask: the program's own
 * signal handlers may interrupt it and make system calls of their own. It returns through the
 * kernel, so what it writes into the context (result, signal mask, alternate stack) takes effect
 * in one step. */
#include <errno.h>
#include <string.h>

#include "tap/blob/blob.h"
#include "tap/blob/patch.h"
#include "tap/blob/permission.h"
#include "tap/blob/privilege.h"
#include "tap/blob/probe.h"
#include "tap/blob/refused.h"
#include "tap/blob/signals.h"
#include "tap/blob/view.h"
#include "tap/blob/watch.h"
#include "tap/table.h"

#define FROM_SECCOMP 1 /* SYS_SECCOMP, asm-generic/siginfo.h */

HOT struct tap_state tap;

static const struct tap_row *row_of(long nr)
{
	return (unsigned long)nr < TAP_NR_END ? &tap_table[nr] : NULL;
}

static long answer(struct tap_call *call, const struct tap_row *row)
{
	long r;

	if (row && process_read()->probes && call->nr != NR_rt_sigreturn) {
		r = probe_call(call->nr, call->arg);
		if (r != PROBE_PASSED)
			return r;
	}
	if (row && row->trap.needs && privilege_is_missing(row, call))
		return -EPERM;
	if (row && view_is_asked(row))
		return view_dispatch(call, row);
	if (row && process_read()->restricted) {
		r = permission_check(row, call);
		if (r < 0)
			return r;
	}
	return row && row->handler ? row->handler(call) : pass(call);
}

long tap_dispatch(struct tap_call *call)
{
	const struct tap_row *row = row_of(call->nr);
	long nr = call->nr;
	long r;

	if (tap.page->people_count)
		watch_opens();
	r = answer(call, row);
	if (row && (r == -EPERM || r == -EACCES))
		refused_note(row, nr, r);
	return r;
}

static void on_trap(int number, siginfo_t *info, void *context)
{
	struct tap_call call = { .context = context };
	const struct tap_row *row;

	if (info->si_code != FROM_SECCOMP || info->si_errno != (int)TAP_TRAP_DATA) {
		signals_deliver(number, info, context);
		return;
	}
	context_read_call(context, &call.nr, call.arg);
	row = row_of(call.nr);
	context_set_result(context, tap_dispatch(&call));
	if (row)
		patch_consider(row, context);
}

void tap_take_signal(void)
{
	struct kernel_action action = {
		.handler = (unsigned long)on_trap,
		.flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART | RESTORER_FLAG,
		.restorer = (unsigned long)tap_restorer,
	};
	uint64_t sigsys = 1ul << (SIGSYS - 1);

	raw4(__NR_rt_sigaction, SIGSYS, &action, NULL, 8);
	raw4(__NR_rt_sigprocmask, SIG_UNBLOCK, &sigsys, NULL, 8);
}

_Noreturn void tap_die(const char *what, long error)
{
	static const char prefix[] = "rootlet-tap: ";
	char number[] = " (errno 000)\n";

	number[8] = (char)('0' + -error / 100 % 10);
	number[9] = (char)('0' + -error / 10 % 10);
	number[10] = (char)('0' + -error % 10);
	raw3(__NR_write, 2, prefix, sizeof(prefix) - 1);
	raw3(__NR_write, 2, what, strlen(what));
	raw3(__NR_write, 2, number, sizeof(number) - 1);
	raw2(__NR_kill, raw0(__NR_getpid), SIGKILL);
	for (;;)
		raw1(__NR_exit_group, 125);
}
