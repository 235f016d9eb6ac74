// SPDX-License-Identifier: Apache-2.0
#include "engine/first.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/seldom.h"
#include "engine/devices.h"
#include "engine/emulation.h"
#include "engine/exec.h"
#include "sys/mount.h"
#include "sys/new_calls.h"
#include "sys/ns.h"
#include "sys/raw.h"

/* glibc's SIGRTMIN, which programs of glibc send. musl takes this one, too, for its threads, of
 * which there are none in the program it is linked with, and lets nobody name it: hence by its bit.
 */
#define FIRST_REAL_TIME 34

#define LOOKS_MAX 4 /* before a nap between two */
#define NAP_NS	  100000

static void add_signal(sigset_t *set, int number)
{
	unsigned long *words = (unsigned long *)set;
	unsigned bits = 8 * sizeof(*words);

	words[(unsigned)(number - 1) / bits] |= 1ul << (unsigned)(number - 1) % bits;
}

void signals_forwarded(sigset_t *set)
{
	static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT,  SIGTERM, SIGUSR1,
					 SIGUSR2, SIGALRM, SIGWINCH, SIGCHLD };

	sigemptyset(set);
	for (size_t i = 0; i < array_count(forwarded); i++)
		sigaddset(set, forwarded[i]);
	for (int n = FIRST_REAL_TIME; n <= SIGRTMAX; n++)
		add_signal(set, n);
}

/* What the terminal's keys cause reaches the whole foreground group by itself (SI_KERNEL). */
bool signal_is_forwarded(int number, int code)
{
	return number != SIGCHLD && code != SI_KERNEL;
}

int first_exit_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static _Noreturn void report_and_exit(const struct channel *channel, int status,
				      const struct err *err)
{
	struct report report = { .status = status, .err = *err };

	io_write_all(channel->write_fd, &report, sizeof(report));
	_exit(status);
}

/* ---- the command ---- */

static int redirect_stdio(const struct engine_job *job, struct err *err)
{
	if (!job->redirect)
		return 0;
	for (int i = 0; i < 3; i++)
		if (job->stdio[i] >= 0 && dup2(job->stdio[i], i) < 0)
			return fail(err, errno, "redirect fd %d", i);
	return 0;
}

/* Files the caller had open are none of the command's business. */
static void close_on_exec_from(unsigned first)
{
	struct rlimit limit;

	if (close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) == 0 ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	for (unsigned fd = first; fd < limit.rlim_cur; fd++)
		fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

/* Until execve(2), as any other user has them whom a user namespace was made for: limits and the
 * bounding set are still to be set. */
static int regain_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return fail(err, errno, "capget");
	for (size_t i = 0; i < array_count(data); i++)
		data[i].effective = data[i].permitted;
	return syscall(SYS_capset, &header, data) < 0 ? fail(err, errno, "capset") : 0;
}

/* The calls themselves: those of libc tell all threads of the memory we may share (vfork). Under
 * the tap everybody is root to the kernel. */
static seldom int become_user(const struct box *box, struct err *err)
{
	bool is_emulated = box->emulation == BOX_EMULATION_TAP;
	uid_t uid = is_emulated ? 0 : box->uid;
	gid_t gid = is_emulated ? 0 : box->gid;
	gid_t groups[1 + BOX_GROUPS_MAX] = { gid };
	size_t count = 1;

	for (size_t i = 0; !is_emulated && i < box->group_count && i < BOX_GROUPS_MAX; i++)
		groups[count++] = box->groups[i];
	if (box->terminal && fchown(STDIN_FILENO, uid, (gid_t)-1) < 0)
		return fail(err, errno, "give the terminal to uid %u", uid);
	if (syscall(SYS_setgroups, count, groups) < 0)
		return fail(err, errno, "set %zu supplementary groups", count);
	if (syscall(SYS_setresgid, gid, gid, gid) < 0)
		return fail(err, errno, "become gid %u", gid);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
		return fail(err, errno, "become uid %u", uid);
	return regain_capabilities(err);
}

/* Somebody else is about to uncover the root; when it is seen to be, or said to be. Shortly, but
 * for a machine that has no time for them: then the word may come first. */
static void wait_until_uncovered(const int *is_said)
{
	static const struct timespec nap = { .tv_nsec = NAP_NS };

	for (int looks = 1; !__atomic_load_n(is_said, __ATOMIC_ACQUIRE); looks++) {
		if (mount_is_covered() == 0)
			return;
		if (looks < LOOKS_MAX)
			sched_yield();
		else
			nanosleep(&nap, NULL);
	}
}

/* Everything from here on is exec's business. `uncovered`, unless NULL, will be set. */
static _Noreturn void become_command(const struct engine_job *job, const struct spawn_plan *plan,
				     struct channel *channel, const int *uncovered)
{
	struct err err = { 0 };
	int status = 125;
	int r;

	signal(SIGPIPE, SIG_DFL); /* the caller may ignore it, and what is ignored stays so */
	r = redirect_stdio(job, &err);
	if (r == 0 && job->box->terminal)
		r = terminal_attach(&channel->terminal, &err);
	if (r == 0 && plan->becomes_user)
		r = become_user(job->box, &err);
	if (r == 0 && !(plan->namespaces & CLONE_NEWPID)) /* after that: new ids undo it */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (r == 0 && sigprocmask(SIG_SETMASK, &channel->old_mask, NULL) < 0)
		r = fail(&err, errno, "restore the signal mask");
	if (r == 0 && plan->enter)
		r = plan->enter(job, plan->context, &err);
	if (uncovered)
		wait_until_uncovered(uncovered);
	if (r == 0)
		r = processors_restore(&channel->before, &err);
	if (r == 0) {
		if (job->inside) {
			r = job->inside(job->context, &err);
			if (r == 0)
				_exit(0);
		} else {
			close_on_exec_from(STDERR_FILENO + 1 + job->box->preserve_fds);
			if (!plan->before_command ||
			    plan->before_command(job, plan->context, &err) == 0)
				status = exec_command(job, &err);
		}
	}
	report_and_exit(channel, status, &err);
}

/* A function to be called inside needs a real copy: we must reap and forward signals meanwhile. So
 * does a command we trace, which waits for that. */
static bool needs_copy(const struct engine_job *job, const struct spawn_plan *plan)
{
	return job->inside || plan->trace;
}

/* vfork(2): the command shares our memory until it execs, so no page table is copied (0.1 ms). It
 * runs only become_command, which changes nothing we look at afterwards. */
static pid_t fork_command(const struct engine_job *job, const struct spawn_plan *plan,
			  struct channel *channel, struct err *err)
{
	int r = plan->is_covered ? mount_uncover(err) : 0;
	pid_t pid;

	if (r < 0)
		return r;
	if (needs_copy(job, plan)) {
		pid = ns_fork(0);
	} else {
		pid = vfork();
		if (pid < 0)
			pid = -errno;
	}
	if (pid == 0)
		become_command(job, plan, channel, NULL);
	return pid < 0 ? fail(err, -pid, "fork the command") : pid;
}

/* A command that begins while the host's tree is still over the root. */
struct begun {
	const struct engine_job *job;
	const struct spawn_plan *plan;
	struct channel *channel;
	int uncovered;
};

static int command_main(void *context)
{
	struct begun *begun = context;

	become_command(begun->job, begun->plan, begun->channel, &begun->uncovered);
}

/* Until the other end of the pipe is closed everywhere, by a call that leaves errno alone. Nobody
 * writes. */
static void wait_for_close(int read_fd)
{
	char byte;

	while (raw3(__NR_read, read_fd, &byte, 1) != 0)
		;
}

/* Instead of mount_uncover and then vfork(2): uncovering waits in the kernel for others who read
 * the host's mounts (RCU), as long as all of this takes (0.05 ms). On a stack of its own the
 * command shares our memory meanwhile, and does not exec before it has seen that they are gone. All
 * we do until it has memory of its own, which a pipe that closes on exec tells, is to uncover and
 * to wait; what may fail here ends it, so errno is its alone. */
static pid_t begin_command(const struct engine_job *job, const struct spawn_plan *plan,
			   struct channel *channel, struct err *err)
{
	/* Not on ours, where what is below it would be on a page of its own; and its end is that of
	 * a page, for it is hardly more that is used. */
	static char stack[65536];
	uintptr_t end = (uintptr_t)(stack + sizeof(stack)) & ~(uintptr_t)4095;
	struct begun begun = { .job = job, .plan = plan, .channel = channel };
	int runs[2];
	pid_t pid;
	int r;

	if (pipe2(runs, O_CLOEXEC) < 0)
		return fail(err, errno, "make a pipe to the command");
	pid = clone(command_main, (void *)end, CLONE_VM | SIGCHLD, &begun);
	close(runs[1]);
	if (pid < 0) { /* an emulator may know no sharing but vfork's */
		close(runs[0]);
		return fork_command(job, plan, channel, err);
	}
	r = mount_uncover(err);
	if (r == 0)
		__atomic_store_n(&begun.uncovered, 1, __ATOMIC_RELEASE);
	else
		kill(pid, SIGKILL);
	wait_for_close(runs[0]);
	close(runs[0]);
	return r < 0 ? r : pid;
}

/* A sanitizer keeps what it knows of stacks by thread, and two who share one at a time are none. */
#ifdef __SANITIZE_ADDRESS__
#define MAY_SHARE_A_THREAD false
#else
#define MAY_SHARE_A_THREAD true
#endif

/* Can the command see that the host is gone, and does it exec soon? */
static bool begins_early(const struct engine_job *job, const struct spawn_plan *plan)
{
	return MAY_SHARE_A_THREAD && plan->is_covered && !needs_copy(job, plan) &&
	       mount_is_covered() == 1;
}

/* ---- the first process ---- */

/* What the first process still needs once the command runs; -1: nothing. */
struct first_files {
	int children_fd; /* without a pid namespace: /proc/thread-self/children */
	int upper_fd;	 /* when owners are noted afterwards: the overlay's upper directory, */
	int report_fd;	 /* what is found out, */
	int table_fd;	 /* and the table of lies */
	int listener_fd; /* devices.h, */
	int signal_fd;	 /* and signals as a file, to wait for both */
	int kept_dirfd;	 /* where the report goes when the caller was killed */
};

static void close_between(unsigned first, unsigned last)
{
	struct rlimit limit;

	if (first > last || close_range(first, last, 0) == 0 ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; fd++)
		close((int)fd);
}

/* Files of the caller must not stay open as long as the command runs: pipes of other steps would
 * never end. */
static void close_all_but(const struct engine_job *job, const struct spawn_plan *plan,
			  const struct first_files *files)
{
	int keep[10 + ENGINE_HELD_MAX + EMULATION_REPORTS_MAX] = {
		files->children_fd, files->upper_fd,  files->report_fd,	 files->table_fd,
		files->listener_fd, files->signal_fd, files->kept_dirfd, plan->keep_fd[0],
		plan->keep_fd[1],   plan->keep_fd[2],
	};
	int from = STDERR_FILENO + 1;
	size_t count = 10;

	for (size_t i = 0; i < job->held_count && count < array_count(keep); i++)
		keep[count++] = job->held_fd[i];
	if (job->emulation && files->upper_fd >= 0)
		count += emulation_reports(job->emulation, keep + count, array_count(keep) - count);
	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j > 0 && keep[j] < keep[j - 1]; j--) {
			int larger = keep[j - 1];

			keep[j - 1] = keep[j];
			keep[j] = larger;
		}
	for (size_t i = 0; i < count; i++) {
		if (keep[i] > from)
			close_between((unsigned)from, (unsigned)keep[i] - 1);
		from = keep[i] >= from ? keep[i] + 1 : from;
	}
	close_between((unsigned)from, ~0U);
}

/* Without a pid namespace: end all children; theirs become ours meanwhile (we are a subreaper).
 * Where the kernel does not list them nobody can. */
static void end_listed(int children_fd)
{
	char list[4096];
	ssize_t n;

	while (children_fd >= 0 && (n = pread(children_fd, list, sizeof(list) - 1, 0)) > 0) {
		char *at = list;

		list[n] = '\0';
		*(strrchr(list, ' ') ?: list) = '\0'; /* the last number may be cut short */
		for (long pid; (pid = strtol(at, &at, 10)) > 0;)
			kill((pid_t)pid, SIGKILL);
		if (waitpid(-1, NULL, 0) < 0 && errno != EINTR)
			return;
	}
}

/* In a pid namespace: everybody but us, for when the kernel's doing it at our end is too late. */
static void end_everyone(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static void signals_awaited(sigset_t *set)
{
	signals_forwarded(set);
	sigaddset(set, CALLER_DIED);
}

/* The next signal, its code in *ret_code; -1: something else had to be done. */
static int next_signal(const struct first_files *files, int *ret_code)
{
	struct pollfd fds[] = { { .fd = files->signal_fd, .events = POLLIN },
				{ .fd = files->listener_fd, .events = POLLIN } };
	struct signalfd_siginfo from_fd;
	sigset_t set;
	siginfo_t info;
	int number;

	*ret_code = 0;
	if (files->listener_fd < 0) {
		signals_awaited(&set);
		number = sigwaitinfo(&set, &info);
		if (number > 0)
			*ret_code = info.si_code;
		return number;
	}
	if (poll(fds, array_count(fds), -1) < 0)
		return -1;
	if (fds[1].revents & POLLIN)
		devices_answer(files->listener_fd);
	if (!(fds[0].revents & POLLIN) ||
	    read(files->signal_fd, &from_fd, sizeof(from_fd)) != (ssize_t)sizeof(from_fd))
		return -1;
	*ret_code = from_fd.ssi_code;
	return (int)from_fd.ssi_signo;
}

/* Wait for the command, its status as a shell sees it, or for the caller's death: then everybody
 * is gone afterwards. Orphans are reaped on the way. */
static int reap(pid_t command, bool alone, const struct first_files *files, bool *ret_caller_died)
{
	for (;;) {
		int code;
		int number = next_signal(files, &code);
		int wait_status;
		pid_t pid;

		if (number == CALLER_DIED) {
			end_listed(files->children_fd);
			if (alone)
				end_everyone();
			*ret_caller_died = true;
			return 128 + SIGKILL;
		}
		if (number > 0 && signal_is_forwarded(number, code))
			kill(command, number);
		while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
			if (pid == command)
				return first_exit_status(wait_status);
	}
}

/* Of a caller who was killed: is there somebody to read it, or are there files to be given back to
 * their owner? */
static bool is_collected_anyway(const struct engine_job *job, const struct first_files *files)
{
	return files->upper_fd >= 0 && (job->emulation->kept_dirfd || job->emulation->space);
}

/* Nothing may change any more when owners are noted. */
static _Noreturn void stay_until_the_end(const struct engine_job *job,
					 const struct spawn_plan *plan,
					 const struct first_files *files, pid_t command)
{
	bool alone = plan->namespaces & CLONE_NEWPID;
	bool caller_died = false;
	int status;

	close_all_but(job, plan, files);
	status = plan->follow ? plan->follow(plan->context)
			      : reap(command, alone, files, &caller_died);
	if (caller_died && !is_collected_anyway(job, files))
		_exit(status);
	end_listed(files->children_fd);
	if (files->upper_fd >= 0) {
		if (alone)
			end_everyone();
		emulation_collect(job->emulation, job->box, files->upper_fd);
	}
	if (caller_died && job->emulation->kept_dirfd)
		emulation_keep(job->emulation);
	_exit(status);
}

/* Ask to be told of the caller's death, which may have come already: then nobody reads the
 * reports (getppid(2) cannot tell, it is 0 for a parent outside of the pid namespace). */
static int follow_caller(const struct channel *channel, bool alone, struct err *err)
{
	struct pollfd report = { .fd = channel->write_fd };
	sigset_t set;

	if (!alone) {
		sigemptyset(&set);
		sigaddset(&set, CALLER_DIED);
		if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
			return fail(err, errno, "block signals");
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	}
	prctl(PR_SET_PDEATHSIG, alone ? SIGKILL : CALLER_DIED, 0, 0, 0);
	if (poll(&report, 1, 0) == 1 && report.revents & POLLERR)
		_exit(128 + SIGKILL);
	return 0;
}

/* Until here the kernel ends us at once when the caller dies. From now on there are others, and
 * what is held for them must not be let go before they are gone: the kernel would close our files
 * first and end them then. */
static void outlive_caller(const struct channel *channel)
{
	struct pollfd report = { .fd = channel->write_fd };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, CALLER_DIED);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_PDEATHSIG, CALLER_DIED, 0, 0, 0);
	if (poll(&report, 1, 0) == 1 && report.revents & POLLERR)
		_exit(128 + SIGKILL);
}

/* The caller still has something to do outside. Without a word it failed, and says so itself. */
static void wait_for_go(const struct channel *channel)
{
	char byte;

	if (channel->go_read_fd < 0)
		return;
	close(channel->go_write_fd);
	if (io_read_full(channel->go_read_fd, &byte, 1) != 1)
		_exit(125);
	close(channel->go_read_fd);
}

/* By paths of the host, which are out of sight later. */
static int open_files(const struct engine_job *job, bool alone, struct first_files *files,
		      struct err *err)
{
	const struct box_root *root = &job->box->root;
	const char *changed = root->upper ? root->upper : root->path; /* a copy of the layers */

	*files = (struct first_files){ -1, -1, -1, -1, -1, -1, -1 };
	if (!alone)
		files->children_fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	if (!job->emulation || job->emulation->report_fd < 0)
		return 0;
	files->report_fd = job->emulation->report_fd;
	files->table_fd = job->emulation->session.lies.fd;
	files->kept_dirfd = job->emulation->kept_dirfd ? *job->emulation->kept_dirfd : -1;
	files->upper_fd = open(changed, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return files->upper_fd < 0 ? fail(err, errno, "open '%s'", changed) : 0;
}

static int set_up(const struct engine_job *job, const struct spawn_plan *plan,
		  struct channel *channel, struct err *err)
{
	int r = plan->setup(job, plan->context, err);

	if (r == 0 && job->box->terminal)
		r = terminal_open(&channel->terminal, err);
	if (r == 0 && job->emulation)
		r = emulation_seed(job->emulation, job->made, err);
	return r;
}

/* Last, for the filter stays: devices are refused where the kernel cannot ask us. */
static int watch_devices(const struct engine_job *job, struct first_files *files, struct err *err)
{
	sigset_t set;

	if (job->box->emulation != BOX_EMULATION_DEVICES)
		return 0;
	files->listener_fd = devices_listen();
	if (files->listener_fd < 0)
		return 0;
	signals_awaited(&set);
	files->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return files->signal_fd < 0 ? fail(err, errno, "signalfd") : 0;
}

_Noreturn void first_process(const struct engine_job *job, const struct spawn_plan *plan,
			     struct channel *channel)
{
	bool alone = plan->namespaces & CLONE_NEWPID;
	struct first_files files;
	struct err err = { 0 };
	pid_t command;

	close(channel->read_fd);
	if (follow_caller(channel, alone, &err) < 0)
		report_and_exit(channel, 125, &err);
	wait_for_go(channel);
	if (open_files(job, alone, &files, &err) < 0 || set_up(job, plan, channel, &err) < 0 ||
	    watch_devices(job, &files, &err) < 0)
		report_and_exit(channel, 125, &err);
	if (job->held_count || is_collected_anyway(job, &files))
		outlive_caller(channel);
	command = begins_early(job, plan) ? begin_command(job, plan, channel, &err)
					  : fork_command(job, plan, channel, &err);
	if (command < 0)
		report_and_exit(channel, 125, &err);
	if (plan->trace && plan->trace(job, plan->context, command, &err) < 0) {
		kill(command, SIGKILL);
		report_and_exit(channel, 125, &err);
	}
	stay_until_the_end(job, plan, &files, command);
}
