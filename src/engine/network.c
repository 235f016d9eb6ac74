// SPDX-License-Identifier: Apache-2.0
/* The program is the child of a guard, which waits until the pipe from us ends, as it does however
 * we end. A parent-death signal would not do: who joins a user namespace loses it (prctl(2)). */
#include "engine/network.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/strings.h"
#include "sys/process.h"
#include "sys/rule.h"

#define READY_TIMEOUT_MS (120 * 1000)
#define COMPLAINT_BYTES	 ((size_t)16 << 10)

static bool is_pasta(const char *program)
{
	return text_ends(program, "/pasta");
}

int network_find(struct arena *arena, const char **ret_program, struct err *err)
{
	char path[PROCESS_PATH_MAX];
	struct rule rule;

	if (!process_find("pasta", path) && !process_find("slirp4netns", path)) {
		fail_plain(err, ENOENT, "neither pasta nor slirp4netns is installed");
		rule_install("pasta", "passt", "passt", "passt", &rule);
		rule_add_hint(&rule, err);
		return -ENOENT;
	}
	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		fail(err, errno, "%s needs /dev/net/tun", path);
		err_hint(err, "an administrator can: modprobe tun && chmod 666 /dev/net/tun");
		return -err->code;
	}
	*ret_program = arena_copy(arena, path);
	return 0;
}

/* pasta is told this one; slirp4netns has it built in. */
#define PASTA_NAMESERVER "169.254.1.1"
#define SLIRP_NAMESERVER "10.0.2.3"

const char *network_nameserver(const char *program)
{
	return is_pasta(program) ? PASTA_NAMESERVER : SLIRP_NAMESERVER;
}

/* Nothing of the host is reached that only the host itself shall reach: its loopback. */
static void make_words(const char *program, pid_t pid, int ready_fd, struct strings *argv)
{
	bool is_root = geteuid() == 0;

	strings_add(argv, program);
	if (is_pasta(program)) {
		static const char *const words[] = { "--foreground",
						     "--quiet",
						     "--stderr",
						     "--config-net",
						     "-t",
						     "none",
						     "-u",
						     "none",
						     "-T",
						     "none",
						     "-U",
						     "none",
						     "--no-map-gw",
						     "--dns-forward",
						     PASTA_NAMESERVER };

		for (size_t i = 0; i < array_count(words); i++)
			strings_add(argv, words[i]);
		if (is_root) /* else it would become nobody, who cannot join */
			strings_add(argv, "--runas=0");
		strings_add(argv, "--pid");
		strings_printf(argv, "/proc/self/fd/%d", ready_fd);
		strings_printf(argv, "%d", (int)pid);
		return;
	}
	strings_add(argv, "--configure");
	strings_add(argv, "--mtu=65520");
	strings_add(argv, "--disable-host-loopback");
	strings_printf(argv, "--ready-fd=%d", ready_fd);
	if (!is_root)
		strings_printf(argv, "--userns-path=/proc/%d/ns/user", (int)pid);
	strings_printf(argv, "%d", (int)pid);
	strings_add(argv, "tap0");
}

static _Noreturn void be_program(const struct strings *argv, int ready_fd, int complaint_fd)
{
	sigset_t none;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null_fd, STDIN_FILENO);
	dup2(complaint_fd, STDOUT_FILENO);
	dup2(complaint_fd, STDERR_FILENO);
	fcntl(ready_fd, F_SETFD, 0);
	execv(argv->item[0], argv->item);
	dprintf(STDERR_FILENO, "%s", strerror(errno));
	_exit(127);
}

/* Holds nothing of the caller's open, and is none of the terminal's. */
static _Noreturn void be_guard(const struct strings *argv, int alive_fd, int ready_fd,
			       int complaint_fd)
{
	pid_t pid;
	char byte;

	setsid();
	pid = fork();
	if (pid == 0)
		be_program(argv, ready_fd, complaint_fd);
	close(ready_fd);
	for (int fd = 0; fd < 3; fd++)
		dup2(complaint_fd, fd);
	while (read(alive_fd, &byte, 1) < 0 && errno == EINTR)
		;
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	_exit(0);
}

/* What the program said, on one line. */
static int explain(const char *program, int complaint_fd, struct err *err)
{
	auto_buf text = { 0 };
	char *at;

	if (lseek(complaint_fd, 0, SEEK_SET) < 0 ||
	    io_read_to_end(complaint_fd, COMPLAINT_BYTES, &text, err) < 0)
		buf_truncate(&text, 0);
	while (text.size_bytes && text.bytes[text.size_bytes - 1] == '\n')
		buf_truncate(&text, text.size_bytes - 1);
	for (at = text.bytes; at && *at; at++)
		if (*at == '\n')
			*at = ';';
	return fail_plain(err, EIO, "network by %s: %s", program,
			  text.size_bytes ? buf_text(&text) : "it ended without a word");
}

static int wait_until_ready(const char *program, int ready_fd, int complaint_fd, struct err *err)
{
	struct pollfd fd = { .fd = ready_fd, .events = POLLIN };
	char byte;
	int r;

	do
		r = poll(&fd, 1, READY_TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return fail_plain(err, ETIMEDOUT, "network by %s: it does not get ready", program);
	return io_read_full(ready_fd, &byte, 1) == 1 ? 0 : explain(program, complaint_fd, err);
}

int network_start(const char *program, pid_t pid, struct network *ret_network, struct err *err)
{
	struct network network = NETWORK_NONE;
	auto_strings argv = { 0 };
	auto_fd complaint_fd = memfd_create("network", MFD_CLOEXEC);
	auto_fd alive_read = -1;
	auto_fd ready_read = -1;
	auto_fd ready_write = -1;
	int alive[2];
	int ready[2];
	int r;

	if (complaint_fd < 0 || pipe2(alive, O_CLOEXEC) < 0)
		return fail(err, errno, "network by %s", program);
	alive_read = alive[0];
	network.alive_fd = alive[1];
	r = pipe2(ready, O_CLOEXEC) < 0 ? fail(err, errno, "network by %s", program) : 0;
	if (r == 0) {
		ready_read = ready[0];
		ready_write = ready[1];
		make_words(program, pid, ready_write, &argv);
		network.guard = fork();
		if (network.guard == 0) {
			close(network.alive_fd);
			be_guard(&argv, alive_read, ready_write, complaint_fd);
		}
		close(take_fd(&ready_write));
		r = network.guard < 0 ? fail(err, errno, "fork")
				      : wait_until_ready(program, ready_read, complaint_fd, err);
	}
	if (r < 0)
		network_stop(&network);
	else
		*ret_network = network;
	return r;
}

void network_stop(struct network *network)
{
	cleanup_fd(&network->alive_fd);
	if (network->guard > 0)
		while (waitpid(network->guard, NULL, 0) < 0 && errno == EINTR)
			;
	network->guard = 0;
	network->alive_fd = -1;
}
