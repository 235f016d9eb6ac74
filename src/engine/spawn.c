// SPDX-License-Identifier: Apache-2.0
/* Three processes: the caller waits and forwards signals; pid 1 sets up the root, forks the
 * command, reaps orphans and ends with the command's status; the command.
 *
 * Failures before execve travel as one struct report through a pipe that closes on exec: end of
 * file without a report means that the command runs. */
#include "engine/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/emulation.h"
#include "engine/exec.h"
#include "engine/terminal.h"
#include "sys/ns.h"

struct report {
	int status; /* 125, 126 or 127 */
	struct err err;
};

/* Written by one side with one write(2): must stay atomic (pipe(7), PIPE_BUF). */
_Static_assert(sizeof(struct report) <= 4096, "a report must fit into PIPE_BUF");

struct channel {
	int read_fd, write_fd; /* the report */
	struct terminal terminal;
	sigset_t old_mask;
};

/* Signals that are passed on. Stop signals are not: the terminal sends those to all of us. */
static void forwarded_set(sigset_t *set)
{
	static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT,  SIGTERM, SIGUSR1,
					 SIGUSR2, SIGALRM, SIGWINCH, SIGCHLD };

	sigemptyset(set);
	for (size_t i = 0; i < array_count(forwarded); i++)
		sigaddset(set, forwarded[i]);
	for (int n = SIGRTMIN; n <= SIGRTMAX; n++)
		sigaddset(set, n);
}

/* What the terminal's keys cause reaches the whole foreground group by itself (SI_KERNEL). */
static bool to_be_forwarded(int number, int code)
{
	return number != SIGCHLD && code != SI_KERNEL;
}

static int exit_status_of(int wait_status)
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

static int redirect_stdio(const struct engine_job *job, struct err *err)
{
	if (!job->redirect)
		return 0;
	for (int i = 0; i < 3; i++)
		if (job->stdio[i] >= 0 && dup2(job->stdio[i], i) < 0)
			return fail(err, errno, "redirect fd %d", i);
	return 0;
}

/* The command's process: everything from here on is exec's business. */
static _Noreturn void become_command(const struct engine_job *job, struct channel *channel)
{
	struct err err = { 0 };
	int status = 125;
	int r;

	signal(SIGPIPE, SIG_DFL); /* the caller may ignore it, and what is ignored stays so */
	r = redirect_stdio(job, &err);
	if (r == 0 && job->box->terminal)
		r = terminal_attach(&channel->terminal, &err);
	if (r == 0) {
		sigprocmask(SIG_SETMASK, &channel->old_mask, NULL);
		if (job->inside) {
			r = job->inside(job->context, &err);
			if (r == 0)
				_exit(0);
		} else {
			status = exec_command(job, &err);
		}
	}
	report_and_exit(channel, status, &err);
}

/* vfork(2): the command shares our memory until it execs, so no page table is copied (0.1 ms). It
 * runs only become_command, which changes nothing we look at afterwards. A function to be called
 * inside needs a real copy: we must reap and forward signals meanwhile. */
static pid_t fork_command(const struct engine_job *job, struct channel *channel)
{
	pid_t pid = job->inside ? ns_fork(0) : vfork();

	if (pid == 0)
		become_command(job, channel);
	return pid < 0 && !job->inside ? -errno : pid;
}

/* Wait for the command, its status as a shell sees it; orphans are reaped on the way. */
static int reap(pid_t command)
{
	sigset_t set;

	forwarded_set(&set);
	for (;;) {
		siginfo_t info;
		int number = sigwaitinfo(&set, &info);
		int wait_status;
		pid_t pid;

		if (number < 0)
			continue;
		if (to_be_forwarded(number, info.si_code)) {
			kill(command, number);
			continue;
		}
		while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
			if (pid == command)
				return exit_status_of(wait_status);
	}
}

/* Close all but these, in ascending order. */
static void close_all_but(int a, int b, int c)
{
	int keep[] = { a, b, c };
	int from = STDERR_FILENO + 1;

	for (size_t i = 1; i < array_count(keep); i++)
		for (size_t j = i; j > 0 && keep[j] < keep[j - 1]; j--) {
			int larger = keep[j - 1];

			keep[j - 1] = keep[j];
			keep[j] = larger;
		}
	for (size_t i = 0; i < array_count(keep); i++) {
		if (keep[i] > from)
			close_range((unsigned)from, (unsigned)keep[i] - 1, 0);
		from = keep[i] >= from ? keep[i] + 1 : from;
	}
	close_range((unsigned)from, ~0U, 0);
}

/* Nothing may change any more when owners are noted: what the command left behind is ended. */
static void end_everyone(const struct spawn_plan *plan)
{
	if (!(plan->namespaces & CLONE_NEWPID))
		return;
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Reap, then note who owns what in the upper directory. */
static _Noreturn void end_with_owners(const struct engine_job *job, const struct spawn_plan *plan,
				      int upper_fd, pid_t command)
{
	int status;

	close_all_but(upper_fd, job->emulation->report_fd, job->emulation->session.lies.fd);
	status = reap(command);
	end_everyone(plan);
	emulation_collect(job->emulation, upper_fd);
	_exit(status);
}

static _Noreturn void be_first_process(const struct engine_job *job, const struct spawn_plan *plan,
				       struct channel *channel)
{
	bool collects = job->emulation && job->emulation->report_fd >= 0;
	struct err err = { 0 };
	int upper_fd = -1;
	pid_t command;

	close(channel->read_fd);
	if (collects) {
		upper_fd = open(job->box->root.upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (upper_fd < 0) {
			fail(&err, errno, "open '%s'", job->box->root.upper);
			report_and_exit(channel, 125, &err);
		}
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!(plan->namespaces & CLONE_NEWPID))
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (plan->setup(job, plan->context, &err) < 0)
		report_and_exit(channel, 125, &err);
	if (job->box->terminal && terminal_open(&channel->terminal, &err) < 0)
		report_and_exit(channel, 125, &err);
	if (job->emulation && emulation_seed(job->emulation, &err) < 0)
		report_and_exit(channel, 125, &err);
	command = fork_command(job, channel);
	if (command < 0) {
		fail(&err, -command, "fork the command");
		report_and_exit(channel, 125, &err);
	}
	if (collects)
		end_with_owners(job, plan, upper_fd, command);
	/* Files of the caller must not stay open as long as the command runs: pipes of other steps
	 * would never end. */
	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0) {
		close(channel->write_fd);
		terminal_close_inside(&channel->terminal);
	}
	_exit(reap(command));
}

/* Wait until the command runs or something failed; 0 when it runs. */
static int read_report(struct channel *channel, int *ret_status, struct err *err)
{
	struct report report;
	ssize_t n = io_read_full(channel->read_fd, &report, sizeof(report));

	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(report))
		return fail_plain(err, EIO, "the first process ended without saying why");
	*err = report.err;
	*ret_status = report.status;
	return -(err->code ? err->code : EIO);
}

/* The first process as its parent sees it. */
struct first {
	pid_t pid;
	int pidfd; /* -1 where the kernel has none: then it is asked for now and then */
};

#define ASK_AGAIN_MS 100

static void handle_signal(int signal_fd, const struct first *first, struct terminal *terminal)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH && terminal->master_fd >= 0)
		terminal_resize(terminal);
	else if (to_be_forwarded((int)info.ssi_signo, info.ssi_code))
		kill(first->pid, (int)info.ssi_signo);
}

static bool has_ended(const struct first *first, int *ret_status)
{
	int wait_status;

	if (waitpid(first->pid, &wait_status, WNOHANG) != first->pid)
		return false;
	*ret_status = exit_status_of(wait_status);
	return true;
}

/* SIGCHLD only wakes us: which thread of the caller gets it is chance, the pidfd is our own. */
static int wait_for_end(struct channel *channel, const struct first *first, int signal_fd,
			int *ret_status, struct err *err)
{
	struct terminal *terminal = &channel->terminal;

	do {
		struct pollfd fds[4] = { { .fd = signal_fd, .events = POLLIN },
					 { .fd = first->pidfd, .events = POLLIN } };
		nfds_t count = 2 + terminal_poll_fds(terminal, fds + 2);

		if (poll(fds, count, first->pidfd < 0 ? ASK_AGAIN_MS : -1) < 0 && errno != EINTR)
			return fail(err, errno, "wait for the command");
		terminal_copy(terminal, fds + 2);
		if (fds[0].revents)
			handle_signal(signal_fd, first, terminal);
	} while (!has_ended(first, ret_status));
	terminal_drain(terminal);
	return 0;
}

static int start(const struct engine_job *job, const struct spawn_plan *plan,
		 struct channel *channel, struct first *ret_first, struct err *err)
{
	struct first first = { .pidfd = -1 };

	first.pid = ns_fork_pidfd(plan->namespaces, &first.pidfd);
	if (first.pid < 0) {
		fail(err, -first.pid, "make the process and its namespaces");
		ns_explain(-first.pid, err);
		return first.pid;
	}
	if (first.pid == 0)
		be_first_process(job, plan, channel);
	close(channel->write_fd);
	channel->write_fd = -1;
	*ret_first = first;
	return 0;
}

static int wait_for_start(const struct engine_job *job, struct channel *channel, int *ret_status,
			  struct err *err)
{
	int r = job->box->terminal ? terminal_receive(&channel->terminal, err) : 0;

	/* A terminal that never came means the first process failed; its report says why. */
	if (r == 0 || channel->terminal.master_fd < 0) {
		int reported = read_report(channel, ret_status, err);

		r = reported < 0 ? reported : r;
	}
	return r;
}

static int run_to_end(const struct engine_job *job, const struct spawn_plan *plan,
		      struct channel *channel, int *ret_status, struct err *err)
{
	auto_fd signal_fd = -1;
	struct first first = { .pidfd = -1 };
	sigset_t set;
	int r;

	forwarded_set(&set);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return fail(err, errno, "signalfd");
	r = start(job, plan, channel, &first, err);
	if (r < 0)
		return r;
	r = wait_for_start(job, channel, ret_status, err);
	if (r == 0) {
		r = wait_for_end(channel, &first, signal_fd, ret_status, err);
	} else {
		kill(first.pid, SIGKILL);
		waitpid(first.pid, NULL, 0);
	}
	if (first.pidfd >= 0)
		close(first.pidfd);
	return r;
}

int spawn_run(const struct engine_job *job, const struct spawn_plan *plan, int *ret_status,
	      struct err *err)
{
	struct channel channel = { .read_fd = -1, .write_fd = -1 };
	sigset_t set;
	int pipe_fds[2];
	int r;

	*ret_status = 125;
	terminal_init(&channel.terminal);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return fail(err, errno, "make a pipe to the child");
	channel.read_fd = pipe_fds[0];
	channel.write_fd = pipe_fds[1];
	forwarded_set(&set);
	sigprocmask(SIG_BLOCK, &set, &channel.old_mask);
	r = job->box->terminal ? terminal_prepare(&channel.terminal, err) : 0;
	if (r == 0)
		r = run_to_end(job, plan, &channel, ret_status, err);
	terminal_done(&channel.terminal);
	close(channel.read_fd);
	if (channel.write_fd >= 0)
		close(channel.write_fd);
	sigprocmask(SIG_SETMASK, &channel.old_mask, NULL);
	return r;
}
