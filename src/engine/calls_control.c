// SPDX-License-Identifier: Apache-2.0
/* What processes ask about themselves that the tracer's own filter would show in, whom they make,
 * and whom they may signal. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/calls_file.h"

/* --- prctl(2), seccomp(2) */

static long finish_seccomp(struct tracer *tracer, struct tracee *tracee, long result)
{
	(void)tracer;
	if (result == 0)
		tracee->subject->seccomp_mode = SECCOMP_MODE_FILTER;
	return result;
}

/* Who is asked about a call (seccomp_unotify(2)) is asked before us and may let it pass, to the
 * host: there is no listener, as before Linux 5.0. And where all calls stop we come before any
 * filter, which would not see what we answer: there is none, as without CONFIG_SECCOMP_FILTER. */
enum call_verdict calls_seccomp(struct visit *visit)
{
	bool listens = registers_call(visit->registers) == SYS_seccomp &&
		       (visit_arg(visit, 1) & SECCOMP_FILTER_FLAG_NEW_LISTENER);

	if (listens || !visit->tracer->by_filter)
		return visit_answer(visit, -EINVAL);
	visit->tracee->finish = finish_seccomp;
	return CALL_GO;
}

static bool has_more(const struct visit *visit, unsigned first)
{
	for (unsigned i = first; i < 5; i++)
		if (visit_arg(visit, i))
			return true;
	return false;
}

/* Why dumpable: a process that is not is closed to us, its descriptors, its working directory. */
enum call_verdict calls_prctl(struct visit *visit)
{
	struct subject *subject = visit->tracee->subject;
	unsigned long option = visit_arg(visit, 0);

	switch (option) {
	case PR_SET_DUMPABLE:
		return visit_answer(visit, visit_arg(visit, 1) > 1 ? -EINVAL : 0);
	case PR_SET_NO_NEW_PRIVS:
		if (visit_arg(visit, 1) == 1 && !has_more(visit, 2))
			subject->no_new_privs = true;
		return CALL_GO;
	case PR_GET_NO_NEW_PRIVS:
		return has_more(visit, 1) ? CALL_GO : visit_answer(visit, subject->no_new_privs);
	case PR_GET_SECCOMP:
		return visit_answer(visit, subject->seccomp_mode);
	case PR_SET_SECCOMP:
		return calls_seccomp(visit);
	default:
		break;
	}
	if (!visit->calls->emulates || !creds_prctl_knows(option))
		return CALL_GO;
	return visit_answer(visit, creds_prctl(&subject->creds, option, visit_arg(visit, 1),
					       visit_arg(visit, 2)));
}

/* Who is not traced could make no call at all that matters. */
enum call_verdict calls_clone(struct visit *visit)
{
	unsigned long *flags = registers_arg(visit->registers, 0);

	if (*flags & NEW_NAMESPACES)
		return visit_answer(visit, -EPERM);
	*flags &= ~(unsigned long)CLONE_UNTRACED;
	return CALL_EDIT;
}

/* --- signals: to the kernel all are one user's (kill(2)) */

/* Those who are not ours are of the host: root, as his files are. */
static bool may_signal(struct visit *visit, pid_t pid, int signal)
{
	static const struct creds_ids root;
	const struct subject *me = visit->tracee->subject;
	const struct tracee *other = tracer_find(visit->tracer, pid);
	const struct creds_ids *his = other && other->subject ? &other->subject->creds.user : &root;
	const struct creds_ids *mine = &me->creds.user;

	if ((other && other->subject == me) || creds_may(&me->creds, CAP_KILL))
		return true;
	if (signal == SIGCONT && getsid(pid) == getsid(me->pid))
		return true;
	return mine->effective == his->real || mine->effective == his->saved ||
	       mine->real == his->real || mine->real == his->saved;
}

/* kill(-1): to the kernel that would be all that the user has on this machine, and us. */
static long signal_all(struct visit *visit, int signal)
{
	struct tracee *other = NULL;
	long sent = 0;

	if (signal < 0 || signal >= _NSIG)
		return -EINVAL;
	while ((other = tracer_next(visit->tracer, other)))
		if (other->subject && other->subject != visit->tracee->subject &&
		    other->tid == other->subject->pid && may_signal(visit, other->tid, signal))
			sent += kill(other->tid, signal) == 0;
	return sent ? 0 : -ESRCH;
}

/* proc(5): /proc/PID/fdinfo/N of a pidfd has "Pid:\tN". 0: it is none. No heap: tracer.h. */
static pid_t pid_of(const struct visit *visit, int pidfd)
{
	char path[48];
	char text[1024];
	const char *line;
	ssize_t length;
	auto_fd fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", visit->tracee->tid, pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : io_read_full(fd, text, sizeof(text) - 1);
	if (length < 0)
		return 0;
	text[length] = '\0';
	line = strstr(text, "\nPid:\t");
	return line ? (pid_t)strtol(line + 6, NULL, 10) : 0;
}

enum call_verdict calls_kill(struct visit *visit)
{
	long number = registers_call(visit->registers);
	unsigned signal_arg = number == SYS_tgkill || number == SYS_rt_tgsigqueueinfo ? 2 : 1;
	int signal = (int)visit_arg(visit, signal_arg);
	pid_t pid = (pid_t)visit_arg(visit, 0);

	if (number == SYS_kill && pid == -1)
		return visit_answer(visit, signal_all(visit, signal));
	if (creds_may(&visit->tracee->subject->creds, CAP_KILL))
		return CALL_GO;
	if (number == SYS_pidfd_send_signal)
		pid = pid_of(visit, pid);
	if (pid > 0 && kill(pid, 0) == 0 && !may_signal(visit, pid, signal))
		return visit_answer(visit, -EPERM);
	return CALL_GO;
}
