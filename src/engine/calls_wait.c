// SPDX-License-Identifier: Apache-2.0
/* wait4(2) and waitid(2) of a debugger: stops and ends of those it debugs come from us, all else
 * from the kernel. While it waits in the kernel it can be interrupted, as by any signal, and then
 * makes its call again (signal(7), "Interruption of system calls"): that is how it is told. Where
 * the kernel knows of nobody to wait for, it waits in ppoll(2) for the same. */
#include "engine/calls.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "engine/calls_file.h"
#include "engine/debug.h"
#include "engine/tracer_stores.h"

#define RESTARTS \
	(-512) /* ERESTARTSYS, linux/errno.h: from the call on, if nobody handles the signal */

struct waiting {
	bool is_waitid;
	bool by_group; /* of the process group `id` */
	bool is_odd;   /* by pidfd: left to the kernel */
	pid_t id;      /* 0: anybody */
	int options;
	unsigned long status, usage; /* addresses of the answer; 0: not wanted */
};

/* By the registers as the call was made. */
static struct waiting read_call(struct registers *made, const struct subject *subject)
{
	pid_t id = (pid_t)*registers_arg(made, 0);
	struct waiting waiting = { .is_waitid = registers_call(made) == SYS_waitid };

	if (waiting.is_waitid) {
		waiting.by_group = id == P_PGID;
		waiting.is_odd = id != P_ALL && id != P_PID && id != P_PGID;
		waiting.id = id == P_ALL ? 0 : (pid_t)*registers_arg(made, 1);
		waiting.status = *registers_arg(made, 2);
		waiting.options = (int)*registers_arg(made, 3);
		waiting.usage = *registers_arg(made, 4);
	} else {
		waiting.by_group = id == 0 || id < -1;
		waiting.id = id == -1 ? 0 : id < -1 ? -id : id;
		waiting.status = *registers_arg(made, 1);
		waiting.options = (int)*registers_arg(made, 2) | WEXITED;
		waiting.usage = *registers_arg(made, 3);
	}
	if (waiting.by_group && waiting.id == 0)
		waiting.id = getpgid(subject->pid);
	return waiting;
}

/* The group of who is gone is not known any more. */
static bool is_meant(const struct waiting *waiting, pid_t tid)
{
	pid_t group;

	if (waiting->is_odd)
		return false;
	if (!waiting->by_group)
		return waiting->id == 0 || waiting->id == tid;
	group = getpgid(tid);
	return group < 0 || group == waiting->id;
}

/* --- what there is to tell */

struct news {
	struct tracee *tracee; /* stopped; or */
	struct debug_end *end;
	pid_t tid;
	int status;
	uint64_t since;
};

static void find_stop(struct tracer *tracer, const struct subject *by,
		      const struct waiting *waiting, struct news *news)
{
	struct tracee *tracee = NULL;

	while ((tracee = tracer_next(tracer, tracee))) {
		const struct debug *debug = &tracee->debug;

		if (debug->by == by && debug->held && !debug->told &&
		    (!news->tid || debug->since < news->since) && is_meant(waiting, tracee->tid))
			*news = (struct news){ tracee, NULL, tracee->tid, debug->status,
					       debug->since };
	}
}

static void find_end(struct tracer *tracer, const struct subject *by, const struct waiting *waiting,
		     struct news *news)
{
	uint32_t count = tracer->stores->end_count;

	for (uint32_t i = 0; i < STORES_ENDS && i < count; i++) {
		struct debug_end *end = &tracer->stores->end[i];

		if (end->by == by && (!news->tid || end->since < news->since) &&
		    is_meant(waiting, end->tid))
			*news = (struct news){ NULL, end, end->tid, end->status, end->since };
	}
}

/* wait4(2) has stops of all whom the caller traces, whatever it asks for. */
static bool find_news(struct tracer *tracer, const struct subject *by,
		      const struct waiting *waiting, struct news *news)
{
	*news = (struct news){ 0 };
	find_stop(tracer, by, waiting, news);
	if (waiting->options & WEXITED)
		find_end(tracer, by, waiting, news);
	return news->tid != 0;
}

static bool is_anybody_left(struct tracer *tracer, const struct subject *by,
			    const struct waiting *waiting)
{
	struct tracee *tracee = NULL;

	while ((tracee = tracer_next(tracer, tracee)))
		if (tracee->debug.by == by && is_meant(waiting, tracee->tid))
			return true;
	return false;
}

/* --- the answer */

static void fill_info(siginfo_t *info, const struct news *news)
{
	int status = news->status;

	memset(info, 0, sizeof(*info));
	info->si_signo = SIGCHLD;
	info->si_pid = news->tid;
	info->si_uid = geteuid();
	if (news->tracee) {
		info->si_code = CLD_TRAPPED;
		info->si_status = status >> 8;
	} else if (WIFEXITED(status)) {
		info->si_code = CLD_EXITED;
		info->si_status = WEXITSTATUS(status);
	} else {
		info->si_code = WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED;
		info->si_status = WTERMSIG(status);
	}
}

static long tell(pid_t caller, const struct waiting *waiting, const struct news *news)
{
	static const struct rusage none;
	siginfo_t info;
	long r = 0;

	fill_info(&info, news);
	if (waiting->status && waiting->is_waitid)
		r = trace_write(caller, waiting->status, &info, sizeof(info));
	else if (waiting->status)
		r = trace_write(caller, waiting->status, &news->status, sizeof(news->status));
	if (r == 0 && waiting->usage)
		r = trace_write(caller, waiting->usage, &none, sizeof(none));
	if (r < 0)
		return r;
	return waiting->is_waitid ? 0 : news->tid;
}

static void note_told(struct subject *by, struct news *news)
{
	if (news->tracee) {
		news->tracee->debug.told = true;
		return;
	}
	news->end->by = NULL;
	by->debugs--;
}

/* Is there anything? Then it is told. */
static bool answer(struct tracer *tracer, struct tracee *caller, const struct waiting *waiting,
		   long *ret_result)
{
	struct news news;

	if (!find_news(tracer, caller->subject, waiting, &news))
		return false;
	*ret_result = tell(caller->tid, waiting, &news);
	if (*ret_result >= 0 && !(waiting->options & WNOWAIT))
		note_told(caller->subject, &news);
	return true;
}

/* --- waiting */

/* As if the call began anew, with another one in its place. */
static void wait_elsewhere(struct tracee *tracee)
{
	struct registers registers = tracee->made;

	registers_set_instruction(&registers,
				  registers_instruction(&registers) - REGISTERS_CALL_BYTES);
	registers_answer(&registers, SYS_ppoll);
	for (unsigned i = 0; i < 5; i++)
		*registers_arg(&registers, i) = 0;
	if (trace_set_registers(tracee->tid, &registers) < 0)
		return;
	tracee->wait_made = tracee->made;
	tracee->waits = tracee->waits_elsewhere = true;
	tracee->is_called = false;
}

void debug_leave_wait(struct tracee *tracee)
{
	struct registers back = tracee->wait_made;

	registers_set_result(&back, RESTARTS);
	tracee->waits = tracee->waits_elsewhere = false;
	if (trace_set_registers(tracee->tid, &back) < 0)
		return; /* killed: its end comes */
}

/* The kernel knows only of children. What came meanwhile has interrupted the call, or nothing: each
 * stop of a process ends what PTRACE_INTERRUPT began. */
static long waited(struct tracer *tracer, struct tracee *tracee, long result)
{
	static const siginfo_t nobody;
	struct waiting waiting = read_call(&tracee->made, tracee->subject);

	tracee->waits = false;
	if (result != -ECHILD || answer(tracer, tracee, &waiting, &result) ||
	    !is_anybody_left(tracer, tracee->subject, &waiting))
		return result;
	if (!(waiting.options & WNOHANG)) {
		wait_elsewhere(tracee);
		return result;
	}
	if (!waiting.is_waitid || !waiting.status)
		return 0;
	return trace_write(tracee->tid, waiting.status, &nobody, sizeof(nobody));
}

static enum call_verdict wait_for(struct visit *visit)
{
	struct tracee *tracee = visit->tracee;
	struct waiting waiting = read_call(&tracee->made, tracee->subject);
	long r;

	tracee->waits = !(waiting.options & WNOHANG);
	if (!tracee->subject->debugs)
		return CALL_GO;
	if (!answer(visit->tracer, tracee, &waiting, &r)) {
		tracee->finish = waited;
		return CALL_GO;
	}
	tracee->waits = false;
	return visit_answer(visit, r);
}

enum call_verdict calls_wait4(struct visit *visit)
{
	return wait_for(visit);
}

enum call_verdict calls_waitid(struct visit *visit)
{
	return wait_for(visit);
}

/* Of a thread whose wait has no `finish` it is not known whether it still waits. */
void debug_tell(struct tracer *tracer, const struct tracee *tracee, const struct subject *by)
{
	struct tracee *other = NULL;
	bool is_awake = false;

	while ((other = tracer_next(tracer, other))) {
		struct waiting waiting;

		if (other->subject != by || !other->waits)
			continue;
		waiting = read_call(other->waits_elsewhere ? &other->wait_made : &other->made, by);
		if (!is_meant(&waiting, tracee->tid))
			continue;
		trace_interrupt(other->tid);
		other->is_called = true;
		is_awake |= other->finish || other->waits_elsewhere;
	}
	if (!is_awake)
		kill(by->pid, SIGCHLD);
}
