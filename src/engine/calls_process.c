// SPDX-License-Identifier: Apache-2.0
/* What a process may change about how it sees files. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/banned.h"
#include "engine/calls_file.h"
#include "engine/tracer_processors.h"
#include "tap/traced.h"

/* `may`, if not NULL: is who is not root allowed it? */
static enum call_verdict lend(struct visit *visit, int dirfd, unsigned arg, unsigned want,
			      long (*may)(int fd))
{
	auto_spot spot = SPOT_NONE;
	long r = spot_find(visit, dirfd, visit_arg(visit, arg), want | SPOT_FILE, &spot);

	if (r == 0 && may && visit->calls->emulates)
		r = may(spot.fd);
	if (r == 0)
		r = visit_lend(visit, &spot, arg);
	return r < 0 ? visit_answer(visit, r) : CALL_EDIT;
}

static long changed_directory(struct tracer *tracer, struct tracee *tracee, long result)
{
	(void)tracer;
	tracer_forget_cwd(tracee->subject);
	return result;
}

/* Another thread may look at the working directory while this one has not yet left it. */
static void leave_directory(struct visit *visit)
{
	tracer_forget_cwd(visit->tracee->subject);
	if (visit->tracee->subject->users > 1)
		visit->tracee->finish = changed_directory;
}

enum call_verdict calls_chdir(struct visit *visit)
{
	enum call_verdict verdict = lend(visit, AT_FDCWD, 0, SPOT_FOLLOW, traced_may_search);

	if (verdict == CALL_EDIT)
		leave_directory(visit);
	return verdict;
}

enum call_verdict calls_fchdir(struct visit *visit)
{
	leave_directory(visit);
	return CALL_GO;
}

static long may_read(int fd)
{
	return traced_may_open(fd, O_RDONLY);
}

#define IN_DONT_FOLLOW_BIT 0x02000000u

enum call_verdict calls_inotify_add_watch(struct visit *visit)
{
	unsigned long mask = visit_arg(visit, 2);

	*registers_arg(visit->registers, 2) = mask & ~(unsigned long)IN_DONT_FOLLOW_BIT;
	return lend(visit, AT_FDCWD, 1, mask & IN_DONT_FOLLOW_BIT ? 0 : SPOT_FOLLOW, may_read);
}

#define FAN_MARK_DONT_FOLLOW_BIT 0x4u

enum call_verdict calls_fanotify_mark(struct visit *visit)
{
	unsigned long flags = visit_arg(visit, 1);

	if (!visit_arg(visit, 4))
		return CALL_GO;
	*registers_arg(visit->registers, 1) = flags & ~(unsigned long)FAN_MARK_DONT_FOLLOW_BIT;
	return lend(visit, visit_fd(visit, 3), 4,
		    flags & FAN_MARK_DONT_FOLLOW_BIT ? 0 : SPOT_FOLLOW, may_read);
}

/* Paths mean something else from now on; the kernel is not told. */
static long change_root(struct visit *visit)
{
	struct subject *subject = visit->tracee->subject;
	auto_spot spot = SPOT_NONE;
	struct stat st;
	long r;

	if (!visit->calls->emulates || !creds_may(&subject->creds, CAP_SYS_CHROOT))
		return -EPERM;
	r = spot_find(visit, AT_FDCWD, visit_arg(visit, 0), SPOT_FOLLOW | SPOT_FILE, &spot);
	if (r < 0)
		return r;
	if (fstat(spot.fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (strlen(spot.path) >= sizeof(subject->root))
		return -ENAMETOOLONG;
	memcpy(subject->root, spot.path, strlen(spot.path) + 1);
	return 0;
}

enum call_verdict calls_chroot(struct visit *visit)
{
	return visit_answer(visit, change_root(visit));
}

/* Kept, for the files and directories that we make in its name. */
enum call_verdict calls_umask(struct visit *visit)
{
	visit->tracee->subject->umask = (mode_t)visit_arg(visit, 0) & 0777;
	return CALL_GO;
}

enum call_verdict calls_uname(struct visit *visit)
{
	struct utsname name;

	if (uname(&name) < 0)
		return visit_answer(visit, -errno);
	if (visit->calls->hostname[0])
		snprintf(name.nodename, sizeof(name.nodename), "%s", visit->calls->hostname);
	if (visit->calls->kernel_release[0])
		snprintf(name.release, sizeof(name.release), "%s", visit->calls->kernel_release);
	return visit_answer(
		visit, trace_write(visit->tracee->tid, visit_arg(visit, 0), &name, sizeof(name)));
}

/* Where we keep it is not for the program to see. */
enum call_verdict calls_affinity(struct visit *visit)
{
	tracer_let_run(visit->tracer);
	return CALL_GO;
}
