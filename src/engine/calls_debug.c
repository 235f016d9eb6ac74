// SPDX-License-Identifier: Apache-2.0
/* ptrace(2) as debuggers inside ask for it. What is not known is refused, by its number. */
#include "engine/calls.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/log.h"
#include "engine/calls_file.h"
#include "engine/debug.h"

#define INFO_BYTES     128 /* struct siginfo */
#define MASK_BYTES     8
#define REGISTERS_ROOM 16384 /* of a set of registers: with AMX's 11 KB */
#define OPTIONS_KNOWN                                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)

/* One that is under way, about a process that the caller debugs. */
struct inquiry {
	struct visit *visit;
	struct tracee *tracee;
	long request;
	unsigned long address, data;
};

static long refuse(long request, const char *what)
{
	log_verbose("engine ptrace: ptrace(2) inside: %s %#lx is not carried", what, request);
	return -EIO;
}

/* --- beginning */

/* ptrace(2), "Ptrace access mode checking", without what a security module would add. */
static bool may_debug(const struct visit *visit, const struct tracee *tracee)
{
	const struct creds *mine = &visit->tracee->subject->creds;
	const struct creds *his = &tracee->subject->creds;
	uint32_t uid = mine->user.real;
	uint32_t gid = mine->group.real;

	if (tracee->subject == visit->tracee->subject || tracee->debug.by)
		return false;
	if (!visit->calls->emulates || creds_may(mine, CAP_SYS_PTRACE))
		return true;
	return his->user.real == uid && his->user.effective == uid && his->user.saved == uid &&
	       his->group.real == gid && his->group.effective == gid && his->group.saved == gid;
}

static long be_debugged(struct visit *visit)
{
	struct tracee *tracee = visit->tracee;
	const struct tracee *parent = tracer_find(visit->tracer,
						  debug_parent_of(tracee->subject->pid));

	if (tracee->debug.by || !parent || !parent->subject)
		return -EPERM;
	debug_begin(tracee, parent->subject, 0, false);
	return 0;
}

static long check_options(unsigned long options)
{
	if (options & ~(unsigned long)OPTIONS_KNOWN) {
		refuse((long)options, "one of the options");
		return -EINVAL;
	}
	return 0;
}

/* One that job control has stopped stops once more, to be held; who is seized stops for a moment,
 * for its options. */
static long attach(const struct inquiry *inquiry)
{
	struct visit *visit = inquiry->visit;
	bool is_seized = inquiry->request == PTRACE_SEIZE;
	pid_t tid = (pid_t)visit_arg(visit, 1);
	struct tracee *tracee = tracer_find(visit->tracer, tid);
	long r;

	if (!tracee || !tracee->subject)
		return tid > 0 && (kill(tid, 0) == 0 || errno == EPERM) ? -EPERM : -ESRCH;
	if (!may_debug(visit, tracee))
		return -EPERM;
	if (is_seized && inquiry->address)
		return -EIO;
	r = is_seized ? check_options(inquiry->data) : 0;
	if (r < 0)
		return r;
	debug_begin(tracee, visit->tracee->subject, is_seized ? (unsigned)inquiry->data : 0,
		    is_seized);
	if (tracee->listens || is_seized)
		trace_interrupt(tid);
	else
		syscall(SYS_tgkill, tracee->subject->pid, tid, SIGSTOP);
	return 0;
}

/* --- going on */

static long go_on(const struct inquiry *inquiry)
{
	struct tracee *tracee = inquiry->tracee;

	if (inquiry->data >= _NSIG)
		return -EIO;
	tracee->debug.how = inquiry->request == PTRACE_SYSCALL	    ? DEBUG_TO_EDGE
			    : inquiry->request == PTRACE_SINGLESTEP ? DEBUG_STEPS
								    : DEBUG_RUNS;
	debug_go_on(inquiry->visit->tracer, tracee, (int)inquiry->data);
	return 0;
}

static long detach(const struct inquiry *inquiry)
{
	struct tracee *tracee = inquiry->tracee;
	bool is_stopped = WSTOPSIG(tracee->debug.status) != SIGTRAP &&
			  (tracee->debug.stop == DEBUG_GROUP || tracee->debug.status >> 16);

	if (inquiry->data >= _NSIG)
		return -EIO;
	debug_leave(tracee);
	tracee->listens = is_stopped;
	if (is_stopped)
		trace_listen(tracee->tid);
	else
		tracer_resume(inquiry->visit->tracer, tracee, (int)inquiry->data);
	tracee->debug.held = false;
	return 0;
}

static long listen_to(struct tracee *tracee)
{
	struct debug *debug = &tracee->debug;

	if (!debug->is_seized || debug->status >> 16 != PTRACE_EVENT_STOP)
		return -EIO;
	debug->held = false;
	debug->listens = tracee->listens = true;
	return trace_listen(tracee->tid);
}

static long interrupt(struct tracee *tracee)
{
	if (!tracee->debug.is_seized)
		return -EIO;
	tracee->debug.interrupts = true;
	return trace_interrupt(tracee->tid);
}

/* --- questions and changes: made by us, with memory of ours for theirs */

static unsigned char room[REGISTERS_ROOM];

static long write_back(const struct inquiry *inquiry, unsigned long to, const void *from,
		       size_t size)
{
	return trace_write(inquiry->visit->tracee->tid, to, from, size) < 0 ? -EFAULT : 0;
}

static long ask(const struct inquiry *inquiry, void *data)
{
	return trace_ask(inquiry->request, inquiry->tracee->tid, inquiry->address, data);
}

static long ask_bytes(const struct inquiry *inquiry, size_t size_bytes)
{
	long r = ask(inquiry, room);

	return r < 0 ? r : write_back(inquiry, inquiry->data, room, size_bytes);
}

static long set_bytes(const struct inquiry *inquiry, size_t size_bytes)
{
	if (trace_read(inquiry->visit->tracee->tid, inquiry->data, room, size_bytes) < 0)
		return -EFAULT;
	return ask(inquiry, room);
}

static long register_set(const struct inquiry *inquiry)
{
	pid_t caller = inquiry->visit->tracee->tid;
	struct iovec theirs;
	struct iovec ours = { room, sizeof(room) };
	long r;

	if (trace_read(caller, inquiry->data, &theirs, sizeof(theirs)) < 0)
		return -EFAULT;
	if (theirs.iov_len < sizeof(room))
		ours.iov_len = theirs.iov_len;
	if (inquiry->request == PTRACE_SETREGSET &&
	    trace_read(caller, (unsigned long)theirs.iov_base, room, ours.iov_len) < 0)
		return -EFAULT;
	r = ask(inquiry, &ours);
	if (r == 0 && inquiry->request == PTRACE_GETREGSET)
		r = write_back(inquiry, (unsigned long)theirs.iov_base, room, ours.iov_len);
	if (r == 0)
		r = write_back(inquiry, inquiry->data + offsetof(struct iovec, iov_len),
			       &ours.iov_len, sizeof(ours.iov_len));
	return r;
}

static long signal_info(const struct inquiry *inquiry)
{
	const struct debug *debug = &inquiry->tracee->debug;
	siginfo_t info = { .si_signo = debug->info_signal, .si_code = debug->info_code };

	if (debug->stop == DEBUG_GROUP)
		return -EINVAL;
	if (debug->stop != DEBUG_MADE)
		return ask_bytes(inquiry, INFO_BYTES);
	return write_back(inquiry, inquiry->data, &info, sizeof(info));
}

static long event_message(const struct inquiry *inquiry)
{
	const struct debug *debug = &inquiry->tracee->debug;

	if (debug->stop != DEBUG_MADE)
		return ask_bytes(inquiry, sizeof(long));
	return write_back(inquiry, inquiry->data, &debug->message, sizeof(debug->message));
}

/* The kernel may be at an edge that is shown as something else. */
static long call_info(const struct inquiry *inquiry)
{
	struct ptrace_syscall_info info = { 0 };
	long r = trace_ask(inquiry->request, inquiry->tracee->tid, sizeof(info), &info);
	size_t size_bytes = inquiry->address;

	if (r < 0)
		return r;
	if (inquiry->tracee->debug.stop != DEBUG_EDGE) {
		info.op = PTRACE_SYSCALL_INFO_NONE;
		r = offsetof(struct ptrace_syscall_info, entry);
	}
	if (size_bytes > (size_t)r)
		size_bytes = (size_t)r;
	return write_back(inquiry, inquiry->data, &info, size_bytes) < 0 ? -EFAULT : r;
}

static long question(const struct inquiry *inquiry)
{
	switch (inquiry->request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
	case PTRACE_PEEKUSR:
		return ask_bytes(inquiry, sizeof(long));
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
	case PTRACE_POKEUSR:
		return ask(inquiry, (void *)inquiry->data);
#if defined(__x86_64__)
	case PTRACE_GETREGS:
		return ask_bytes(inquiry, sizeof(struct register_set));
	case PTRACE_SETREGS:
		return set_bytes(inquiry, sizeof(struct register_set));
	case PTRACE_GETFPREGS:
		return ask_bytes(inquiry, 512);
	case PTRACE_SETFPREGS:
		return set_bytes(inquiry, 512);
#endif
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return register_set(inquiry);
	case PTRACE_GETSIGINFO:
		return signal_info(inquiry);
	case PTRACE_SETSIGINFO:
		return set_bytes(inquiry, INFO_BYTES);
	case PTRACE_GETEVENTMSG:
		return event_message(inquiry);
	case PTRACE_GETSIGMASK:
		return inquiry->address == MASK_BYTES ? ask_bytes(inquiry, MASK_BYTES) : -EINVAL;
	case PTRACE_SETSIGMASK:
		return inquiry->address == MASK_BYTES ? set_bytes(inquiry, MASK_BYTES) : -EINVAL;
	case PTRACE_GET_SYSCALL_INFO:
		return call_info(inquiry);
	default:
		return refuse(inquiry->request, "request");
	}
}

static long set_options(const struct inquiry *inquiry)
{
	long r = check_options(inquiry->data);

	if (r < 0)
		return r;
	inquiry->tracee->debug.options = (unsigned)inquiry->data;
	debug_set_options(inquiry->tracee);
	return 0;
}

/* --- all of them */

static long ask_held(const struct inquiry *inquiry)
{
	switch (inquiry->request) {
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
		return go_on(inquiry);
	case PTRACE_DETACH:
		return detach(inquiry);
	case PTRACE_LISTEN:
		return listen_to(inquiry->tracee);
	case PTRACE_SETOPTIONS:
		return set_options(inquiry);
	default:
		return question(inquiry);
	}
}

static long handle(struct inquiry *inquiry)
{
	struct visit *visit = inquiry->visit;
	struct tracee *tracee;

	if (inquiry->request == PTRACE_TRACEME)
		return be_debugged(visit);
	if (inquiry->request == PTRACE_ATTACH || inquiry->request == PTRACE_SEIZE)
		return attach(inquiry);
	tracee = tracer_find(visit->tracer, (pid_t)visit_arg(visit, 1));
	if (!tracee || tracee->debug.by != visit->tracee->subject)
		return -ESRCH;
	inquiry->tracee = tracee;
	if (inquiry->request == PTRACE_KILL)
		return kill(tracee->tid, SIGKILL) < 0 ? -errno : 0;
	if (inquiry->request == PTRACE_INTERRUPT)
		return interrupt(tracee);
	return tracee->debug.held ? ask_held(inquiry) : -ESRCH;
}

enum call_verdict calls_ptrace(struct visit *visit)
{
	struct inquiry inquiry = {
		.visit = visit,
		.request = (long)visit_arg(visit, 0),
		.address = visit_arg(visit, 2),
		.data = visit_arg(visit, 3),
	};

	return visit_answer(visit, handle(&inquiry));
}
