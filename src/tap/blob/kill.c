// SPDX-License-Identifier: Apache-2.0
/* Signals: to the kernel all processes of a session are one user's. Who is not root may signal
 * those who believe to be him (kill(2)). A process group is signalled as a whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>

#include "tap/blob/fds.h"
#include "tap/blob/handlers.h"
#include "tap/blob/people.h"
#include "tap/blob/text_number.h"
#include "tap/blob/view.h"

static bool is_mine(uint32_t pid)
{
	return pid == (uint32_t)raw0(__NR_getpid) || pid == (uint32_t)raw0(__NR_gettid);
}

/* A process that has said nothing is root. The kernel knows which it does not let us signal. */
static bool may_signal(uint32_t pid, int signal)
{
	const struct creds *creds = &process_read()->creds;
	struct tap_person other = { 0 };

	if (!process_read()->restricted || is_mine(pid) || creds_may(creds, CAP_KILL))
		return true;
	if (signal == SIGCONT && raw1(__NR_getsid, pid) == raw1(__NR_getsid, 0))
		return true;
	people_find(pid, &other);
	return creds->user.effective == other.user.real ||
	       creds->user.effective == other.user.saved || creds->user.real == other.user.real ||
	       creds->user.real == other.user.saved;
}

static bool exists(long pid)
{
	return raw2(__NR_kill, pid, 0) == 0;
}

/* All but the first process and ourselves; where there is no first process, because processes are
 * the host's, too, all of the session. */
static long signal_all(int signal)
{
	struct entry {
		uint64_t inode;
		int64_t offset;
		uint16_t record_bytes;
		char type;
		char name[];
	};
	char room[2048];
	long sent = 0;
	long got;
	long fd = fds_open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -EPERM;
	while ((got = raw3(__NR_getdents64, fd, room, sizeof(room))) > 0) {
		for (long at = 0; at < got;) {
			const struct entry *entry = (const void *)(room + at);
			uint64_t pid;

			at += entry->record_bytes;
			if (text_parse_number(entry->name, &pid) && pid > 1 &&
			    !is_mine((uint32_t)pid) && (!tap.place || view_is_inside((long)pid)) &&
			    may_signal((uint32_t)pid, signal))
				sent += raw2(__NR_kill, pid, signal) == 0;
		}
	}
	raw1(__NR_close, fd);
	return sent ? 0 : tap.place ? -ESRCH : -EPERM;
}

static long check_and_pass(struct tap_call *call, int pid_arg, int signal_arg)
{
	long pid = (int)call->arg[pid_arg];

	if (process_read()->restricted && pid > 0 && exists(pid) &&
	    !may_signal((uint32_t)pid, (int)call->arg[signal_arg]))
		return -EPERM;
	return pass(call);
}

long on_kill(struct tap_call *call)
{
	if ((process_read()->restricted || tap.place) && (int)call->arg[0] == -1)
		return signal_all((int)call->arg[1]);
	return check_and_pass(call, 0, 1);
}

long on_tkill(struct tap_call *call)
{
	return check_and_pass(call, 0, 1);
}

long on_tgkill(struct tap_call *call)
{
	return check_and_pass(call, 0, 2);
}

long on_rt_sigqueueinfo(struct tap_call *call)
{
	return check_and_pass(call, 0, 1);
}

long on_rt_tgsigqueueinfo(struct tap_call *call)
{
	return check_and_pass(call, 0, 2);
}

/* proc(5): /proc/self/fdinfo/N of a pidfd has "Pid:\tN". */
static long pid_of(long pidfd)
{
	char text[1024] = "/proc/self/fdinfo/";
	uint64_t pid;
	long fd;
	long r;

	text_number(text + 18, (unsigned)pidfd);
	fd = fds_open(AT_FDCWD, text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	r = raw3(__NR_read, fd, text, sizeof(text) - 1);
	raw1(__NR_close, fd);
	if (r < 0)
		return r;
	text[r] = '\0';
	for (const char *at = text; *at; at++)
		if (strncmp(at, "\nPid:\t", 6) == 0 && text_parse_number(at + 6, &pid))
			return (long)pid;
	return -ESRCH;
}

long on_pidfd_send_signal(struct tap_call *call)
{
	long pid = process_read()->restricted ? pid_of(call->arg[0]) : 0;

	if (pid > 0 && !may_signal((uint32_t)pid, (int)call->arg[1]))
		return -EPERM;
	return pass(call);
}
