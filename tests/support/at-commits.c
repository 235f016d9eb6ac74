// SPDX-License-Identifier: Apache-2.0
/* Run a command, and something else each time before it makes anything lasting:
 *
 *     at-commits HOOK CMD [ARGS...]
 *
 * HOOK is called with a number, from 1, before each rename, unlink, link and sync that CMD or a
 * child of it calls, and once more, with "end", when CMD has ended. What the disk holds at these
 * times is what a power cut would leave. The kernel asks us about these calls (seccomp_unotify(2));
 * other threads go on meanwhile. Exit status: CMD's; 126 when a hook failed. Needs root. */
#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const int calls[] = {
	SCMP_SYS(rename),   SCMP_SYS(renameat),	 SCMP_SYS(renameat2), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(rmdir),	 SCMP_SYS(link),      SCMP_SYS(linkat),
	SCMP_SYS(fsync),    SCMP_SYS(fdatasync), SCMP_SYS(syncfs),    SCMP_SYS(sync),
};

static void die(const char *what)
{
	perror(what);
	_exit(127);
}

static void send_fd(int socket_fd, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };

	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					 .cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
	if (sendmsg(socket_fd, &message, 0) != 1)
		die("sendmsg");
}

static int receive_fd(int socket_fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	int fd;

	if (recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC) != 1)
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(int));
	return fd;
}

static void run_command(int socket_fd, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_NOTIFY, calls[i], 0) < 0)
			die("seccomp_rule_add");
	seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	if (seccomp_load(filter) < 0)
		die("seccomp_load");
	send_fd(socket_fd, seccomp_notify_fd(filter));
	close(seccomp_notify_fd(filter));
	close(socket_fd);
	execvp(argv[0], argv);
	die(argv[0]);
}

static int run_hook(const char *hook, const char *number)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		execl(hook, hook, number, (char *)NULL);
		die(hook);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* False: nobody is left who could call. */
static int answer_one(int notify_fd, const char *hook, unsigned *number, int *failed)
{
	struct pollfd wanted = { .fd = notify_fd, .events = POLLIN };
	struct seccomp_notif *request;
	struct seccomp_notif_resp *response;
	char text[16];

	if (poll(&wanted, 1, -1) < 0)
		return errno == EINTR;
	if (!(wanted.revents & POLLIN))
		return 0;
	if (seccomp_notify_alloc(&request, &response) < 0)
		die("seccomp_notify_alloc");
	if (seccomp_notify_receive(notify_fd, request) == 0) {
		snprintf(text, sizeof(text), "%u", ++*number);
		*failed |= run_hook(hook, text) != 0;
		*response = (struct seccomp_notif_resp){
			.id = request->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE
		};
		(void)seccomp_notify_respond(notify_fd, response); /* it may have been killed */
	}
	seccomp_notify_free(request, response);
	return 1;
}

int main(int argc, char **argv)
{
	unsigned number = 0;
	int failed = 0;
	int pair[2];
	int status;
	int notify_fd;
	pid_t pid;

	if (argc < 3 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return 127;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		run_command(pair[1], argv + 2);
	}
	close(pair[1]);
	notify_fd = receive_fd(pair[0]);
	while (answer_one(notify_fd, argv[1], &number, &failed))
		;
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	failed |= run_hook(argv[1], "end") != 0;
	if (failed)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
