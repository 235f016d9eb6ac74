// SPDX-License-Identifier: Apache-2.0
#include "engine/tracer.h"

#include <linux/sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "engine/debug.h"
#include "engine/first.h"
#include "engine/refusal.h"
#include "engine/tracer_processors.h"
#include "engine/tracer_stores.h"

/* --- memory of theirs */

unsigned long tracer_slot(struct tracee *tracee)
{
	struct space *space = tracee->space;

	if (!space->has_loader)
		return 0;
	for (int i = 0; tracee->slot < 0 && i < LOADER_SLOTS; i++)
		if (!(space->slots_used >> i & 1)) {
			space->slots_used |= 1ull << i;
			tracee->slot = i;
		}
	if (tracee->slot < 0)
		return 0;
	return LOADER_SLOT_AT + (unsigned long)tracee->slot * LOADER_SLOT_BYTES;
}

static void end_call(struct tracee *tracee)
{
	if (tracee->slot >= 0)
		tracee->space->slots_used &= ~(1ull << tracee->slot);
	tracee->slot = -1;
	cleanup_fd(&tracee->held_fd);
	tracee->held_fd = -1;
	tracee->finish = NULL;
	tracee->restores = tracee->is_through = false;
}

/* The loader has run, or will not. */
static void end_exec(struct tracee *tracee)
{
	tracee->executes = false;
	for (int i = 0; i < 2; i++) {
		cleanup_fd(&tracee->program_fd[i]);
		tracee->program_fd[i] = -1;
	}
}

static void drop_tracee(struct tracer *tracer, struct tracee *tracee)
{
	struct tracer_stores *stores = tracer->stores;

	if (tracee->unborn)
		tracer->unborn_count--;
	end_call(tracee);
	end_exec(tracee);
	if (tracee->debug.by)
		debug_leave(tracee);
	if (tracee->subject && tracee->subject->users == 1 && tracee->subject->debugs)
		debug_abandon(tracer, tracee->subject);
	stores_unlink(stores, tracee);
	stores_leave_subject(stores, tracee->subject);
	stores_leave_space(stores, tracee->space);
	tracee->tid = 0;
	tracee->next_free = stores->free_tracee;
	stores->free_tracee = (uint32_t)(tracee - stores->tracee);
	tracer->tracee_count--;
}

/* --- going on */

static void go_on(struct tracer *tracer, const struct tracee *tracee, int number)
{
	const struct debug *debug = &tracee->debug;

	if (debug->by && debug->interrupts) /* a stop that is not shown has ended it */
		trace_interrupt(tracee->tid);
	if (debug->by && debug->how == DEBUG_STEPS && debug_may_step(tracer, tracee))
		trace_step(tracee->tid, number);
	else if (!tracer->by_filter || tracee->restores || tracee->finish ||
		 (debug->by && (debug->loads || debug->how == DEBUG_TO_EDGE)))
		trace_to_edge(tracee->tid, number);
	else
		trace_continue(tracee->tid, number);
}

/* --- new ones */

static void share_cwd(struct subject *child, struct subject *parent)
{
	tracer_forget_cwd(parent);
	parent->cwd.state = child->cwd.state = CWD_SHARED;
}

/* event: PTRACE_EVENT_*; 0: nobody has told. */
static void take_after(struct tracer *tracer, struct tracee *child, const struct tracee *parent,
		       unsigned long flags, unsigned event)
{
	struct tracer_stores *stores = tracer->stores;

	if (flags & CLONE_THREAD) {
		child->subject = parent->subject;
		child->subject->users++;
	} else {
		child->subject = stores_new_subject(stores, child->tid);
		stores_copy_subject(child->subject, parent->subject);
		if (flags & CLONE_FS)
			share_cwd(child->subject, parent->subject);
	}
	if (flags & CLONE_VM) {
		child->space = parent->space;
		child->space->users++;
	} else {
		child->space = stores_new_space(stores);
		child->space->has_loader = parent->space->has_loader;
	}
	if (parent->tid == tracer->kept) /* it came with its parent's */
		sched_setaffinity(child->tid, sizeof(tracer->others), &tracer->others);
	debug_inherit(child, parent, event);
	if (child->unborn) {
		child->unborn = false;
		tracer->unborn_count--;
		if (!debug_stopped(tracer, child, DEBUG_FIRST_STATUS))
			go_on(tracer, child, 0);
	}
}

/* clone3(2) is refused: its flags are behind a pointer. */
static unsigned long clone_flags(pid_t tid)
{
	struct registers registers;

	if (trace_registers(tid, &registers) < 0)
		return 0;
	if (registers_call(&registers) == SYS_clone)
		return *registers_arg(&registers, 0);
#ifdef SYS_vfork
	if (registers_call(&registers) == SYS_vfork)
		return CLONE_VM | CLONE_VFORK;
#endif
	return 0;
}

static void on_clone(struct tracer *tracer, const struct tracee *parent, unsigned event)
{
	unsigned long tid = 0;
	struct tracee *child;

	if (trace_message(parent->tid, &tid) < 0)
		return;
	child = tracer_find(tracer, (pid_t)tid) ?: stores_new_tracee(tracer, (pid_t)tid);
	if (!child)
		kill((pid_t)tid, SIGKILL); /* more processes than we can follow */
	else if (!child->subject)
		take_after(tracer, child, parent, clone_flags(parent->tid), event);
}

/* Of a thread the others would be gone, too, and itself. */
static bool is_orphan(struct tracer *tracer, pid_t tid)
{
	return syscall(SYS_tgkill, tid, tid, 0) == 0 && !tracer_find(tracer, debug_parent_of(tid));
}

/* Should its parent be killed at this moment, nobody will tell whose child it is. */
static void adopt_unborn(struct tracer *tracer, const struct tracee *dead)
{
	struct tracer_stores *stores = tracer->stores;

	for (uint32_t i = 1; tracer->unborn_count && i < stores->next_tracee; i++)
		if (stores->tracee[i].tid && stores->tracee[i].unborn &&
		    is_orphan(tracer, stores->tracee[i].tid))
			take_after(tracer, &stores->tracee[i], dead, 0, 0);
}

static void on_stranger(struct tracer *tracer, pid_t tid)
{
	struct tracee *tracee = stores_new_tracee(tracer, tid);

	if (!tracee) {
		kill(tid, SIGKILL);
		return;
	}
	tracee->unborn = true;
	tracer->unborn_count++;
}

/* --- calls */

static void leave_call(struct tracer *tracer, struct tracee *tracee)
{
	end_call(tracee);
	tracee->in_call = false;
	if (!debug_call_ended(tracer, tracee))
		go_on(tracer, tracee, 0);
}

static void end_edit(struct tracer *tracer, struct tracee *tracee, struct registers *registers)
{
	long result = registers_result(registers);
	long answer = result;

	if (tracee->finish)
		answer = tracee->finish(tracer, tracee, result);
	refusal_note(tracer->refused, tracee, answer);
	for (unsigned i = 0; tracee->restores && i < 6; i++)
		*registers_arg(registers, i) = *registers_arg(&tracee->made, i);
	registers_set_result(registers, answer);
	if ((tracee->restores || answer != result) &&
	    trace_set_registers(tracee->tid, registers) < 0)
		return; /* killed: its end comes */
	leave_call(tracer, tracee);
}

static void on_end(struct tracer *tracer, struct tracee *tracee)
{
	struct registers registers;

	if ((tracee->restores || tracee->finish) && trace_registers(tracee->tid, &registers) == 0) {
		end_edit(tracer, tracee, &registers);
		return;
	}
	leave_call(tracer, tracee);
}

/* Without a filter the loader's own calls stop, too. */
static bool is_loaders(const struct tracer *tracer, const struct registers *registers)
{
	unsigned long at = registers_instruction(registers);

	return !tracer->by_filter && at >= TAP_BASE && at < TAP_BASE + TAP_WINDOW;
}

#ifdef LOADER_THROUGH_AT
#define SYSCALL_BYTES 2

/* A signal's handler shall not see where we have been, nor need what is lent: the call has been
 * made and all is as after it, or it has not and all is as before. */
static void leave_through(struct tracee *tracee)
{
	struct registers back = tracee->made;
	struct registers now;
	unsigned long at;
	long result;

	if (trace_registers(tracee->tid, &now) < 0)
		return;
	at = registers_instruction(&now);
	result = registers_result(&now);
	if (at >= LOADER_THROUGH_AT && at < LOADER_THROUGH_AT + LOADER_THROUGH_BYTES) {
		if (at == LOADER_THROUGH_AT || trace_is_restart(result)) {
			result = registers_call(&back);
			registers_set_instruction(&back,
						  registers_instruction(&back) - SYSCALL_BYTES);
		}
		registers_answer(&back, result);
		if (trace_set_registers(tracee->tid, &back) < 0)
			return;
	}
	end_call(tracee);
}
#else
static void leave_through(struct tracee *tracee)
{
	end_call(tracee);
}
#endif

static long give_answer(struct tracer *tracer, struct tracee *tracee, long result)
{
	(void)tracer;
	(void)result;
	return (long)tracee->finish_value;
}

/* A filter of somebody else's may come between, and say what its own list says. */
static void answer_at_end(struct tracee *tracee, long answer)
{
	tracee->finish = give_answer;
	tracee->finish_value = (unsigned long)answer;
}

static void on_begin(struct tracer *tracer, struct tracee *tracee)
{
	struct registers registers;

	if (trace_registers(tracee->tid, &registers) < 0)
		return;
	if (is_loaders(tracer, &registers)) {
		tracee->in_call = true;
		go_on(tracer, tracee, 0);
		return;
	}
	end_exec(tracee);
	if (tracee->is_through)
		end_call(tracee);
	tracee->made = registers;
	tracee->in_call = true;
	switch (calls_begin(tracer, tracee, &registers)) {
	case CALL_GO:
		tracee->in_call = !tracer->by_filter || tracee->finish;
		break;
	case CALL_SKIP:
		end_call(tracee);
		tracee->debug.skipped = true;
		refusal_note(tracer->refused, tracee, registers_result(&registers));
		if (trace_set_registers(tracee->tid, &registers) < 0)
			return;
		tracee->in_call = !tracer->by_filter;
		if (tracee->in_call)
			answer_at_end(tracee, registers_result(&registers));
		break;
	case CALL_EDIT:
		tracee->restores = true;
		if (trace_set_registers(tracee->tid, &registers) < 0)
			return;
		break;
	case CALL_MADE:
		tracee->restores = true;
		end_edit(tracer, tracee, &registers);
		return;
	case CALL_THROUGH:
		tracee->is_through = true;
		if (trace_set_registers(tracee->tid, &registers) < 0)
			return;
		tracee->in_call = false;
		break;
	case CALL_GONE:
		return;
	}
	go_on(tracer, tracee, 0);
}

static void on_end_of(struct tracer *tracer, struct tracee *tracee, int status);

long tracer_make_call(struct tracer *tracer, struct tracee *tracee,
		      const struct registers *registers)
{
	pid_t tid = tracee->tid;
	struct registers after;
	int status;

	if (trace_set_registers(tid, registers) < 0 || trace_to_edge(tid, 0) < 0)
		return -ESRCH;
	while (waitpid(tid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -ESRCH;
	if (!WIFSTOPPED(status)) {
		on_end_of(tracer, tracee, status);
		return -ESRCH;
	}
	return trace_registers(tid, &after) < 0 ? -ESRCH : registers_result(&after);
}

/* Other threads are gone, and it has the process's id now. */
static struct tracee *become_leader(struct tracer *tracer, struct tracee *leader)
{
	unsigned long former = 0;
	struct tracee *tracee;
	pid_t tid = leader->tid;

	if (trace_message(tid, &former) < 0 || (pid_t)former == tid)
		return leader;
	tracee = tracer_find(tracer, (pid_t)former);
	if (!tracee)
		return leader;
	drop_tracee(tracer, leader);
	stores_unlink(tracer->stores, tracee);
	stores_link(tracer->stores, tracee, tid);
	return tracee;
}

static void on_exec(struct tracer *tracer, struct tracee *tracee)
{
	tracee = become_leader(tracer, tracee);
	end_call(tracee);
	stores_leave_space(tracer->stores, tracee->space);
	tracee->space = stores_new_space(tracer->stores);
	tracee->space->has_loader = tracee->executes;
	if (!tracee->executes || calls_executed(tracer, tracee) < 0)
		kill(tracee->tid, SIGKILL); /* it got past us: see calls.c */
	tracee->executes = false;
	tracee->in_call = !tracer->by_filter; /* the end of execve is still to come */
	if (tracee->debug.by)
		debug_load(tracee);
	go_on(tracer, tracee, 0);
}

/* Threads that wait are where they made the call, or we put them there. */
static void end_wait(struct tracee *tracee, enum trace_stop stop)
{
	if (!tracee->waits_elsewhere)
		tracee->waits = false;
	else if (stop != TRACE_STOP_CALL && stop != TRACE_STOP_EDGE)
		debug_leave_wait(tracee);
	else if (tracee->is_called) /* this stop has come before that one */
		trace_interrupt(tracee->tid);
}

static void on_stop(struct tracer *tracer, struct tracee *tracee, int status)
{
	enum trace_stop stop = trace_stop_of(status);

	end_wait(tracee, stop);
	tracee->listens = false;
	switch (stop) {
	case TRACE_STOP_CALL:
		on_begin(tracer, tracee);
		break;
	case TRACE_STOP_EDGE:
		if (debug_stopped(tracer, tracee, status))
			break;
		if (tracee->in_call)
			on_end(tracer, tracee);
		else
			on_begin(tracer, tracee);
		break;
	case TRACE_STOP_CLONE:
	case TRACE_STOP_FORK:
	case TRACE_STOP_VFORK:
		on_clone(tracer, tracee, (unsigned)status >> 16);
		if (!debug_stopped(tracer, tracee, status))
			go_on(tracer, tracee, 0);
		break;
	case TRACE_STOP_EXEC:
		on_exec(tracer, tracee);
		break;
	case TRACE_STOP_SIGNAL:
		if (tracee->is_through)
			leave_through(tracee);
		if (!debug_stopped(tracer, tracee, status))
			go_on(tracer, tracee, WSTOPSIG(status));
		break;
	case TRACE_STOP_GROUP:
		if (debug_stopped(tracer, tracee, status))
			break;
		tracee->listens = true;
		trace_listen(tracee->tid);
		break;
	case TRACE_STOP_OTHER:
		if (tracee->debug.by && tracee->is_through)
			leave_through(tracee);
		if (!debug_stopped(tracer, tracee, status))
			go_on(tracer, tracee, 0);
		break;
	}
}

void tracer_resume(struct tracer *tracer, struct tracee *tracee, int signal)
{
	bool begins = tracee->debug.begin_due;

	tracee->debug.held = tracee->debug.begin_due = false;
	if (begins)
		on_begin(tracer, tracee);
	else
		go_on(tracer, tracee, signal);
}

static void on_end_of(struct tracer *tracer, struct tracee *tracee, int status)
{
	if (tracee->tid == tracer->command) {
		tracer->status = first_exit_status(status);
		tracer->command_ended = true;
	}
	if (tracer->unborn_count && tracee->subject)
		adopt_unborn(tracer, tracee);
	debug_ended(tracer, tracee, status);
	drop_tracee(tracer, tracee);
}

static void on_event(struct tracer *tracer, pid_t tid, int status)
{
	struct tracee *tracee = tracer_find(tracer, tid);

	tracer_note_stop(tracer, tid);
	if (WIFSTOPPED(status) && !tracee)
		on_stranger(tracer, tid);
	else if (WIFSTOPPED(status) && tracee->subject)
		on_stop(tracer, tracee, status);
	else if (!WIFSTOPPED(status) && tracee)
		on_end_of(tracer, tracee, status);
}

/* --- the first process's part */

static volatile sig_atomic_t caller_died;
static pid_t passed_on_to;

static void on_signal(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	if (number == CALLER_DIED)
		caller_died = 1;
	if (number == CALLER_DIED)
		kill(passed_on_to, SIGKILL); /* its end wakes us, too */
	else if (signal_is_forwarded(number, info->si_code))
		kill(passed_on_to, number);
	errno = saved;
}

/* musl keeps some signals for itself, which are nobody's here: they are given the action that it
 * has made for another one. */
static void act_alike(int number, int like)
{
	unsigned char kernel_action[64];

	if (syscall(SYS_rt_sigaction, like, NULL, kernel_action, _NSIG / 8) == 0)
		syscall(SYS_rt_sigaction, number, kernel_action, NULL, _NSIG / 8);
}

/* Signals come while we wait: the handler does all there is to do. */
static void pass_signals_on(pid_t command)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigset_t set;

	passed_on_to = command;
	signals_forwarded(&set);
	sigaddset(&set, CALLER_DIED);
	sigdelset(&set, SIGCHLD);
	action.sa_mask = set;
	for (int number = 1; number < _NSIG; number++)
		if (sigismember(&set, number) == 1)
			if (sigaction(number, &action, NULL) < 0)
				act_alike(number, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void kill_all(struct tracer *tracer)
{
	struct tracer_stores *stores = tracer->stores;

	for (uint32_t i = 1; i < stores->next_tracee; i++)
		if (stores->tracee[i].tid)
			kill(stores->tracee[i].tid, SIGKILL);
}

int tracer_begin(struct tracer *tracer, pid_t command, struct err *err)
{
	struct tracee *tracee = stores_new_tracee(tracer, command);
	struct subject *subject = stores_new_subject(tracer->stores, command);
	mode_t mask = umask(0);
	int r;

	umask(mask);
	subject->umask = mask;
	subject->no_new_privs = false;
	subject->seccomp_mode = 0;
	subject->claims = false;
	subject->program[0] = subject->root[0] = '\0';
	creds_init(&subject->creds);
	tracee->subject = subject;
	tracee->space = stores_new_space(tracer->stores);
	tracer->command = command;
	r = trace_seize(command);
	return r < 0 ? fail(err, -r, "trace the command") : 0;
}

void tracer_set_creds(struct tracer *tracer, pid_t command, const struct creds *creds)
{
	struct tracee *tracee = tracer_find(tracer, command);

	if (tracee)
		memcpy(&tracee->subject->creds, creds, sizeof(*creds));
}

int tracer_follow(struct tracer *tracer)
{
	int status;
	pid_t tid;

	pass_signals_on(tracer->command);
	for (;;) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == ECHILD)
			break;
		if (tid > 0 && tracer->ends && WIFSTOPPED(status))
			kill(tid, SIGKILL);
		else if (tid > 0)
			on_event(tracer, tid, status);
		if ((tracer->command_ended || caller_died) && !tracer->ends) {
			kill_all(tracer);
			tracer->ends = true;
		}
	}
	return caller_died ? 128 + SIGKILL : tracer->status;
}
