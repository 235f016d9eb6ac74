// SPDX-License-Identifier: Apache-2.0
/* The caller's side: start the first process, forward signals, carry the terminal, hand on the exit
 * status. The other side is first.c.
 *
 * Whoever fails over there writes a report and exits, so the report is asked for at the end, when
 * it is there or never comes. Waiting for word that the command runs would wake us for nothing
 * while it starts (0.05 ms). */
#include "engine/spawn.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/seldom.h"
#include "engine/emulation.h"
#include "engine/first.h"
#include "engine/network.h"
#include "sys/ns.h"

static seldom int take_report(const struct channel *channel, int *ret_status, struct err *err)
{
	struct report report;

	if (io_read_full(channel->read_fd, &report, sizeof(report)) != (ssize_t)sizeof(report))
		return fail_plain(err, EIO, "the first process ended without saying why");
	*err = report.err;
	*ret_status = report.status;
	return -(err->code ? err->code : EIO);
}

/* The first process has ended: 0 when it did what it was to do. */
static int read_report(const struct channel *channel, int *ret_status, struct err *err)
{
	struct pollfd written = { .fd = channel->read_fd, .events = POLLIN };

	/* without a pid namespace, others may live on and hold the other end */
	if (poll(&written, 1, 0) != 1 || !(written.revents & POLLIN))
		return 0;
	return take_report(channel, ret_status, err);
}

/* When the command is to be ended, and how far that went. */
struct deadline {
	int64_t at_ms; /* of the monotonic clock */
	bool asked;    /* SIGTERM was sent */
};

#define NEVER_MS      INT64_MAX
#define MERCY_MS      10000 /* between SIGTERM and SIGKILL */
#define TIMEOUT_MAX_S 1000000000
#define ASK_AGAIN_MS  100

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The first process as its parent sees it. */
struct first {
	pid_t pid;
	int pidfd;  /* -1 where the kernel has none: then it is asked for now and then */
	bool alone; /* pid 1 of its namespace: its end is everybody's */
	bool has_ended;
	struct deadline deadline;
};

static struct deadline deadline_after(uint64_t timeout_s)
{
	bool limited = timeout_s > 0 && timeout_s < TIMEOUT_MAX_S;

	return (struct deadline){ limited ? now_ms() + (int64_t)timeout_s * 1000 : NEVER_MS,
				  false };
}

/* What poll(2) may wait. */
static int wait_ms(const struct first *first)
{
	int64_t at_ms = first->deadline.at_ms;
	int64_t left_ms = at_ms == NEVER_MS ? NEVER_MS : at_ms - now_ms();

	if (first->pidfd < 0 && left_ms > ASK_AGAIN_MS)
		left_ms = ASK_AGAIN_MS;
	if (left_ms == NEVER_MS)
		return -1;
	return (int)(left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : left_ms);
}

/* The first process hands SIGTERM on to the command; its own end ends everybody. */
static void keep_deadline(struct first *first)
{
	struct deadline *deadline = &first->deadline;

	if (deadline->at_ms == NEVER_MS || now_ms() < deadline->at_ms)
		return;
	if (deadline->asked) {
		kill(first->pid, first->alone ? SIGKILL : CALLER_DIED);
		deadline->at_ms = NEVER_MS;
		return;
	}
	log_info("the time limit is reached, the command is ended");
	kill(first->pid, SIGTERM);
	deadline->asked = true;
	deadline->at_ms += MERCY_MS;
}

static void handle_signal(int signal_fd, const struct first *first, struct terminal *terminal)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH && terminal->master_fd >= 0)
		terminal_resize(terminal);
	else if (signal_is_forwarded((int)info.ssi_signo, info.ssi_code))
		kill(first->pid, (int)info.ssi_signo);
}

static bool has_ended(struct first *first, int *ret_status)
{
	int wait_status;

	if (waitpid(first->pid, &wait_status, WNOHANG) != first->pid)
		return false;
	*ret_status = first_exit_status(wait_status);
	first->has_ended = true;
	return true;
}

/* SIGCHLD only wakes us: which thread of the caller gets it is chance, the pidfd is our own. */
static int wait_for_end(struct channel *channel, struct first *first, int signal_fd,
			int *ret_status, struct err *err)
{
	struct terminal *terminal = &channel->terminal;

	do {
		struct pollfd fds[4] = { { .fd = signal_fd, .events = POLLIN },
					 { .fd = first->pidfd, .events = POLLIN } };
		nfds_t count = 2 + terminal_poll_fds(terminal, fds + 2);

		if (poll(fds, count, wait_ms(first)) < 0 && errno != EINTR)
			return fail(err, errno, "wait for the command");
		terminal_copy(terminal, fds + 2);
		if (fds[0].revents)
			handle_signal(signal_fd, first, terminal);
		keep_deadline(first);
	} while (!has_ended(first, ret_status));
	terminal_drain(terminal);
	return 0;
}

static int start(const struct engine_job *job, const struct spawn_plan *plan,
		 struct channel *channel, struct first *ret_first, struct err *err)
{
	struct first first = { .pidfd = -1, .alone = plan->namespaces & CLONE_NEWPID };

	first.pid = ns_fork_pidfd(plan->namespaces, &first.pidfd);
	if (first.pid < 0) {
		fail(err, -first.pid, "make the process and its namespaces");
		ns_explain(-first.pid, err);
		return first.pid;
	}
	if (first.pid == 0)
		first_process(job, plan, channel);
	close(channel->write_fd);
	channel->write_fd = -1;
	*ret_first = first;
	return 0;
}

/* Does the first process have to wait for something that only the caller can do? */
static bool has_outside(const struct engine_job *job, const struct spawn_plan *plan)
{
	return plan->outside || job->box->network_program;
}

/* What is done from outside, and the word to the first process that it is done. When it fails that
 * never comes. */
static int let_go(const struct engine_job *job, const struct spawn_plan *plan,
		  struct channel *channel, const struct first *first, struct network *network,
		  struct err *err)
{
	char byte = 0;
	int r = 0;

	if (!has_outside(job, plan))
		return 0;
	close(channel->go_read_fd);
	channel->go_read_fd = -1;
	if (plan->outside)
		r = plan->outside(plan->context, first->pid, err);
	if (r == 0 && job->box->network_program)
		r = network_start(job->box->network_program, first->pid, network, err);
	if (r == 0) /* the first process may be gone, and has said why */
		(void)io_write_all(channel->go_write_fd, &byte, 1);
	close(channel->go_write_fd);
	channel->go_write_fd = -1;
	return r;
}

static int follow(const struct engine_job *job, struct channel *channel, struct first *first,
		  int signal_fd, int *ret_status, struct err *err)
{
	int received = job->box->terminal ? terminal_receive(&channel->terminal, err) : 0;
	int r = received;

	/* A terminal that never came means the first process failed; its report says why. */
	if (received == 0 || channel->terminal.master_fd < 0)
		r = wait_for_end(channel, first, signal_fd, ret_status, err);
	if (r == 0)
		r = read_report(channel, ret_status, err);
	return r < 0 ? r : received;
}

static int start_and_follow(const struct engine_job *job, const struct spawn_plan *plan,
			    struct channel *channel, int *ret_status, struct err *err)
{
	auto_fd signal_fd = -1;
	struct first first = { .pidfd = -1 };
	struct network network = NETWORK_NONE;
	sigset_t set;
	int r;

	signals_forwarded(&set);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return fail(err, errno, "signalfd");
	r = start(job, plan, channel, &first, err);
	if (r < 0)
		return r;
	r = let_go(job, plan, channel, &first, &network, err);
	first.deadline = deadline_after(job->box->timeout_s);
	if (r == 0)
		r = follow(job, channel, &first, signal_fd, ret_status, err);
	if (!first.has_ended) {
		kill(first.pid, SIGKILL);
		waitpid(first.pid, NULL, 0);
	}
	if (first.pidfd >= 0)
		close(first.pidfd);
	network_stop(&network);
	return r;
}

/* Do both we and the first process do nothing but wait when the command runs? */
static bool only_wait(const struct engine_job *job, const struct spawn_plan *plan)
{
	return !plan->trace && !job->box->terminal && !has_outside(job, plan) &&
	       job->box->emulation != BOX_EMULATION_DEVICES &&
	       !(job->emulation && job->emulation->report_fd >= 0);
}

/* We, the first process and the command come one after the other, so all stay on one processor
 * until the command is ready to be executed: each wakes the next at once and finds its memory
 * warm, and the end goes the same way back (0.1 ms). */
static int run_to_end(const struct engine_job *job, const struct spawn_plan *plan,
		      struct channel *channel, int *ret_status, struct err *err)
{
	int r;

	if (only_wait(job, plan))
		processors_keep_one(&channel->before);
	r = start_and_follow(job, plan, channel, ret_status, err);
	if (processors_restore(&channel->before, r < 0 ? NULL : err) < 0 && r == 0) {
		*ret_status = 125;
		r = -err->code;
	}
	return r;
}

#define SET_BYTES 8 /* what the kernel takes for a signal set */

/* Signals wait until the first process can be told of them. By the call itself, for the command
 * gets the caller's mask: musl's sigprocmask(3) leaves out 32 to 34. */
static int hold_signals(sigset_t *ret_old_mask, struct err *err)
{
	sigset_t set;

	signals_forwarded(&set);
	sigemptyset(ret_old_mask);
	if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, ret_old_mask, SET_BYTES) < 0)
		return fail(err, errno, "block signals");
	return 0;
}

static int open_channel(const struct engine_job *job, const struct spawn_plan *plan,
			struct channel *channel, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail(err, errno, "make a pipe to the child");
	channel->read_fd = fds[0];
	channel->write_fd = fds[1];
	if (!has_outside(job, plan))
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail(err, errno, "make a pipe to the child");
	channel->go_read_fd = fds[0];
	channel->go_write_fd = fds[1];
	return 0;
}

int spawn_run(const struct engine_job *job, const struct spawn_plan *plan, int *ret_status,
	      struct err *err)
{
	struct channel channel = {
		.read_fd = -1, .write_fd = -1, .go_read_fd = -1, .go_write_fd = -1
	};
	int r;

	*ret_status = 125;
	terminal_init(&channel.terminal);
	r = hold_signals(&channel.old_mask, err);
	if (r < 0)
		return r;
	r = open_channel(job, plan, &channel, err);
	if (r == 0 && job->box->terminal)
		r = terminal_prepare(&channel.terminal, err);
	if (r == 0)
		r = run_to_end(job, plan, &channel, ret_status, err);
	terminal_done(&channel.terminal);
	cleanup_fd(&channel.read_fd);
	cleanup_fd(&channel.write_fd);
	cleanup_fd(&channel.go_read_fd);
	cleanup_fd(&channel.go_write_fd);
	sigprocmask(SIG_SETMASK, &channel.old_mask, NULL);
	return r;
}
