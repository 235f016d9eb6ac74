// SPDX-License-Identifier: Apache-2.0
#include "engine/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/banned.h"
#include "base/io.h"

void terminal_init(struct terminal *terminal)
{
	*terminal = (struct terminal){
		.socket_out = -1, .socket_in = -1, .master_fd = -1, .slave_fd = -1
	};
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void terminal_done(struct terminal *terminal)
{
	if (terminal->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->saved);
	terminal->raw = false;
	close_one(&terminal->socket_out);
	close_one(&terminal->socket_in);
	close_one(&terminal->master_fd);
	close_one(&terminal->slave_fd);
}

int terminal_prepare(struct terminal *terminal, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail(err, errno, "socket for the terminal");
	terminal->socket_out = pair[0];
	terminal->socket_in = pair[1];
	return 0;
}

/* One fd in the ancillary data of a one-byte message (unix(7), SCM_RIGHTS). */
union rights {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int send_fd(int socket_fd, int fd)
{
	char byte = 0;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	union rights rights = { .header = { .cmsg_level = SOL_SOCKET,
					    .cmsg_type = SCM_RIGHTS,
					    .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = &rights,
				  .msg_controllen = sizeof(rights) };

	memcpy(CMSG_DATA(&rights.header), &fd, sizeof(fd));
	return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_fd(int socket_fd)
{
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	union rights rights;
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = &rights,
				  .msg_controllen = sizeof(rights) };
	ssize_t n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
	int fd;

	if (n < 0)
		return -errno;
	if (n == 0 || !CMSG_FIRSTHDR(&message))
		return -EPIPE;
	memcpy(&fd, CMSG_DATA(&rights.header), sizeof(fd));
	return fd;
}

static void take_size(int master_fd)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(master_fd, TIOCSWINSZ, &size);
}

int terminal_open(struct terminal *terminal, struct err *err)
{
	auto_fd master = -1;
	int unlock = 0;
	int r;

	close_one(&terminal->socket_out);
	master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0) /* the host's own, where nothing is mounted, is for nobody */
		master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return fail(err, errno, "open a pseudo-terminal in the root");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return fail(err, errno, "unlock the pseudo-terminal");
	take_size(master); /* the command may ask before the caller has it */
	terminal->slave_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal->slave_fd < 0)
		return fail(err, errno, "open the pseudo-terminal's other end");
	r = send_fd(terminal->socket_in, master);
	if (r < 0)
		return fail(err, -r, "send the pseudo-terminal");
	close_one(&terminal->socket_in);
	return 0;
}

int terminal_attach(struct terminal *terminal, struct err *err)
{
	if (setsid() < 0)
		return fail(err, errno, "setsid");
	if (ioctl(terminal->slave_fd, TIOCSCTTY, 0) < 0)
		return fail(err, errno, "take the pseudo-terminal");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(terminal->slave_fd, fd) < 0)
			return fail(err, errno, "pseudo-terminal as fd %d", fd);
	return 0;
}

static void make_raw(struct terminal *terminal)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &terminal->saved) < 0)
		return; /* stdin is no terminal: -t still gives one inside */
	raw = terminal->saved;
	cfmakeraw(&raw);
	terminal->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void terminal_resize(struct terminal *terminal)
{
	take_size(terminal->master_fd);
}

int terminal_receive(struct terminal *terminal, struct err *err)
{
	int fd;

	close_one(&terminal->socket_in);
	fd = receive_fd(terminal->socket_out);
	if (fd < 0)
		return fail(err, -fd, "receive the pseudo-terminal");
	terminal->master_fd = fd;
	terminal_resize(terminal);
	make_raw(terminal);
	return 0;
}

nfds_t terminal_poll_fds(const struct terminal *terminal, struct pollfd fds[2])
{
	if (terminal->master_fd < 0)
		return 0;
	fds[0] = (struct pollfd){ .fd = terminal->output_ended ? -1 : terminal->master_fd,
				  .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = terminal->input_ended ? -1 : STDIN_FILENO,
				  .events = POLLIN };
	return 2;
}

/* False at the end of the stream (EIO on a master: the last slave was closed). */
static bool copy_some(int from_fd, int to_fd)
{
	char bytes[4096];
	ssize_t n = read(from_fd, bytes, sizeof(bytes));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && io_write_all(to_fd, bytes, (size_t)n) == 0;
}

/* End of a piped input becomes the terminal's end-of-file character (^D), as in script(1). */
static void end_input(struct terminal *terminal)
{
	struct termios settings;
	char end = 4;

	if (tcgetattr(terminal->master_fd, &settings) == 0 && settings.c_cc[VEOF])
		end = (char)settings.c_cc[VEOF];
	io_write_all(terminal->master_fd, &end, 1);
	terminal->input_ended = true;
}

void terminal_copy(struct terminal *terminal, const struct pollfd fds[2])
{
	if (terminal->master_fd < 0)
		return;
	if (fds[0].revents && !copy_some(terminal->master_fd, STDOUT_FILENO))
		terminal->output_ended = true;
	if (fds[1].revents && !copy_some(STDIN_FILENO, terminal->master_fd))
		end_input(terminal);
}

/* What the command wrote before it ended is still in the master's queue. */
void terminal_drain(struct terminal *terminal)
{
	if (terminal->master_fd < 0)
		return;
	fcntl(terminal->master_fd, F_SETFL, O_NONBLOCK);
	while (!terminal->output_ended) {
		struct pollfd fd = { .fd = terminal->master_fd, .events = POLLIN };

		if (poll(&fd, 1, 0) <= 0 || !(fd.revents & POLLIN) ||
		    !copy_some(terminal->master_fd, STDOUT_FILENO))
			return;
	}
}
