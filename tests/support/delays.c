// SPDX-License-Identifier: Apache-2.0
/* Run a command on a machine that has no time: delays PERCENT LONGEST-MS CALL[,CALL...] CMD
 * [ARGS...]
 *
 * PERCENT of these system calls, of CMD and of all that it begins, wait for a while, up to
 * LONGEST-MS, before the kernel looks at them; of the execve(2) of a program called rootlet it is
 * the half. What happens one after the other only by chance comes in another order so. The kernel
 * asks us about the calls (seccomp_unotify(2)), others go on meanwhile. Exit status: CMD's. With a
 * PERCENT of 0 nothing waits: we stand in for a container's seccomp agent that lets all pass. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define CALLS_MAX   16
#define WAITING_MAX 4096

static struct waiting {
	uint64_t id;
	int64_t until_ms;
} waiting[WAITING_MAX];
static size_t waiting_count;
static long percent;
static long longest_ms;

static void die(const char *what)
{
	perror(what);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A filter that asks about these calls; its listener. */
static int ask_about(char *names)
{
	struct sock_filter code[CALLS_MAX * 2 + 2] = { BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)) };
	struct sock_fprog program = { .len = 1, .filter = code };
	char *name;
	long fd;

	while ((name = strsep(&names, ",")) && program.len < CALLS_MAX * 2) {
		int number = seccomp_syscall_resolve_name(name);

		if (number < 0) {
			fprintf(stderr, "delays: %s: no such call\n", name);
			_exit(2);
		}
		code[program.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								   (unsigned)number, 0, 1);
		code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
								   SECCOMP_RET_USER_NOTIF);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("no_new_privs");
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		     &program);
	if (fd < 0)
		die("seccomp");
	return (int)fd;
}

/* Does this process execute a rootlet? */
static int is_rootlet(const struct seccomp_notif *request)
{
	static const char name[] = "/rootlet";
	char text[4096] = "";
	char path[64];
	size_t length;
	int fd;

	if (request->data.nr != SYS_execve)
		return 0;
	snprintf(path, sizeof(path), "/proc/%u/mem", request->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, text, 256, (off_t)request->data.args[0]) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	length = strnlen(text, 256);
	return length >= sizeof(name) - 1 && strcmp(text + length - (sizeof(name) - 1), name) == 0;
}

static void go_on(int listener_fd, uint64_t id)
{
	struct seccomp_notif_resp response = { .id = id,
					       .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	(void)ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &response); /* it may have been killed */
}

static void receive(int listener_fd)
{
	struct seccomp_notif request = { 0 };
	long limit;

	if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return;
	limit = is_rootlet(&request) ? 50 : percent;
	if (random() % 100 >= limit || waiting_count == WAITING_MAX) {
		go_on(listener_fd, request.id);
		return;
	}
	waiting[waiting_count++] = (struct waiting){ request.id,
						     now_ms() + random() % (longest_ms + 1) };
}

/* How long until the next one may go on; -1: none waits. */
static int let_go(int listener_fd)
{
	int64_t now = now_ms();
	int64_t next_ms = -1;
	size_t kept = 0;

	for (size_t i = 0; i < waiting_count; i++) {
		int64_t left_ms = waiting[i].until_ms - now;

		if (left_ms <= 0) {
			go_on(listener_fd, waiting[i].id);
			continue;
		}
		if (next_ms < 0 || left_ms < next_ms)
			next_ms = left_ms;
		waiting[kept++] = waiting[i];
	}
	waiting_count = kept;
	return (int)next_ms;
}

static _Noreturn void supervise(int listener_fd)
{
	struct pollfd asks = { .fd = listener_fd, .events = POLLIN };

	for (;;) {
		if (poll(&asks, 1, let_go(listener_fd)) < 0 && errno != EINTR)
			_exit(1);
		if (asks.revents & POLLIN)
			receive(listener_fd);
		else if (asks.revents) /* nobody is left who could call */
			_exit(0);
	}
}

/* Nobody's child, with nothing of the caller's open: it takes the listener from `pid`, who says
 * which descriptor that is, and says that it has it. */
static _Noreturn void be_supervisor(pid_t pid, int from_fd, int to_fd)
{
	int listener_fd;
	int pidfd;

	if (fork() != 0)
		_exit(0);
	setsid();
	if (read(from_fd, &listener_fd, sizeof(listener_fd)) != sizeof(listener_fd))
		_exit(1);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	listener_fd = (int)syscall(SYS_pidfd_getfd, pidfd, listener_fd, 0);
	if (listener_fd < 0)
		die("pidfd_getfd");
	dup2(listener_fd, 3);
	if (write(to_fd, "", 1) != 1)
		_exit(1);
	for (int fd = 0; fd < 3; fd++)
		dup2(open("/dev/null", O_RDWR), fd);
	close_range(4, ~0U, 0);
	srandom((unsigned)getpid());
	supervise(3);
}

int main(int argc, char **argv)
{
	int there[2];
	int back[2];
	int listener_fd;
	pid_t pid = getpid();
	char byte;

	if (argc < 5) {
		fprintf(stderr, "usage: delays PERCENT LONGEST-MS CALL[,CALL...] CMD [ARGS...]\n");
		return 2;
	}
	percent = strtol(argv[1], NULL, 10);
	longest_ms = strtol(argv[2], NULL, 10);
	if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0)
		die("pipe");
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* where yama asks for it */
	if (fork() == 0)
		be_supervisor(pid, there[0], back[1]);
	wait(NULL);
	close(back[1]);
	listener_fd = ask_about(argv[3]);
	if (write(there[1], &listener_fd, sizeof(listener_fd)) != sizeof(listener_fd) ||
	    read(back[0], &byte, 1) != 1)
		die("the supervisor");
	close(listener_fd);
	execvp(argv[4], argv + 4);
	die(argv[4]);
}
