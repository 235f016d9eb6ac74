// SPDX-License-Identifier: Apache-2.0
/* ssh-agent(1) runs a command and ends when that does; the command is a shell which adds the keys,
 * says where the socket is, and waits until its input ends: when we close it, or are no more. It is
 * in a session of its own, so nobody is asked for a passphrase and no Ctrl-C ends it before us. */
#include "flow/build_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/memory.h"
#include "sys/process.h"

#define SOCKET_BYTES_MAX    ((size_t)4096)
#define COMPLAINT_BYTES_MAX ((size_t)4096)
#define KEYS_AT		    5 /* in the words of the command */

extern char **environ;

/* Standard input is a key, not a file whose mode ssh-add would judge. */
static const char script[] =
	"export SSH_ASKPASS_REQUIRE=never\n"
	"for key; do\n"
	"	ssh-add -q - <\"$key\" || { printf '\\n%s\\n' \"$key\" >&2; exit 1; }\n"
	"done\n"
	"echo \"$SSH_AUTH_SOCK\"\n"
	"exec >&- 2>&-\n"
	"read -r _\n"
	"kill \"$SSH_AGENT_PID\"\n";

struct build_agent {
	pid_t pid;
	int input_fd; /* closed: it ends */
};

struct pipes {
	int input[2];
	int output[2];
	int complaint; /* a file */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void pipes_done(struct pipes *pipes)
{
	for (size_t i = 0; i < 2; i++) {
		close_fd(&pipes->input[i]);
		close_fd(&pipes->output[i]);
	}
	close_fd(&pipes->complaint);
}

static int pipes_open(struct pipes *pipes, struct err *err)
{
	*pipes = (struct pipes){ { -1, -1 }, { -1, -1 }, -1 };
	if (pipe2(pipes->input, O_CLOEXEC) < 0 || pipe2(pipes->output, O_CLOEXEC) < 0)
		return fail(err, errno, "make a pipe");
	pipes->complaint = memfd_create("ssh-agent", MFD_CLOEXEC);
	return pipes->complaint < 0 ? fail(err, errno, "make a file in memory") : 0;
}

static int spawn(struct strings *argv, const struct pipes *pipes, pid_t *ret_pid, struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes->input[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, pipes->output[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, pipes->complaint, STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
	r = posix_spawn(ret_pid, argv->item[0], &actions, &attributes, argv->item, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r ? fail(err, r, "run '%s'", argv->item[0]) : 0;
}

/* Its last line is the key that was not taken. */
static int say_why(int complaint_fd, struct err *err)
{
	auto_buf said = { 0 };
	auto_strings lines = { 0 };
	int r;

	if (lseek(complaint_fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "read what ssh-add says");
	r = io_read_to_end(complaint_fd, COMPLAINT_BYTES_MAX, &said, err);
	if (r < 0)
		return r;
	if (said.size_bytes)
		strings_add_words(&lines, said.bytes, "\n");
	if (!lines.count)
		return fail_plain(err, ENOTSUP, "ssh-agent ended");
	if (!strstr(said.bytes, "passphrase"))
		return fail_plain(err, EINVAL, "'%s' is no key that ssh-add takes: %s",
				  lines.item[lines.count - 1], lines.item[0]);
	fail_plain(err, ENOTSUP, "key '%s' has a passphrase, and nobody can be asked for it",
		   lines.item[lines.count - 1]);
	err_hint(err, "an agent that knows it can be given by its socket: ssh-agent, ssh-add");
	return -ENOTSUP;
}

static int run_agent(struct build_agent *agent, struct strings *argv, struct buf *path,
		     struct err *err)
{
	struct pipes pipes;
	int r = pipes_open(&pipes, err);

	if (r == 0)
		r = spawn(argv, &pipes, &agent->pid, err);
	close_fd(&pipes.input[0]);
	close_fd(&pipes.output[1]);
	if (r == 0) {
		agent->input_fd = pipes.input[1];
		pipes.input[1] = -1;
		r = io_read_to_end(pipes.output[0], SOCKET_BYTES_MAX, path, err);
		if (r == 0 && path->size_bytes < 2)
			r = say_why(pipes.complaint, err);
	}
	pipes_done(&pipes);
	return r;
}

static int start(struct build_agent *agent, const char *keys, struct buf *path, struct err *err)
{
	char program[PROCESS_PATH_MAX];
	auto_strings argv = { 0 };
	struct stat st;

	if (!process_find("ssh-agent", program)) {
		fail_plain(err, ENOENT, "ssh-agent is not installed");
		err_hint(err, "keys in files need OpenSSH's ssh-agent and ssh-add");
		return -ENOENT;
	}
	strings_add(&argv, program);
	strings_add(&argv, "sh");
	strings_add(&argv, "-c");
	strings_add(&argv, script);
	strings_add(&argv, "sh");
	strings_add_words(&argv, keys, ",");
	for (size_t i = KEYS_AT; i < argv.count; i++)
		if (stat(argv.item[i], &st) < 0)
			return fail(err, errno, "'%s'", argv.item[i]);
	return run_agent(agent, &argv, path, err);
}

/* One path that is no regular file is a socket, or nothing. */
static bool is_keys(const char *paths)
{
	struct stat st;

	return strchr(paths, ',') || (stat(paths, &st) == 0 && S_ISREG(st.st_mode));
}

int build_agents_start(struct build_agents *started, struct strings *agents, struct err *err)
{
	started->agent = memory_zeroed(agents->count + 1, sizeof(*started->agent));
	for (size_t i = 0; i < agents->count; i++) {
		char *equals = strchr(agents->item[i], '=');
		auto_buf named = { 0 };
		auto_buf path = { 0 };
		int r;

		if (!equals || !is_keys(equals + 1))
			continue;
		started->agent[started->count].input_fd = -1;
		r = start(&started->agent[started->count++], equals + 1, &path, err);
		if (r < 0)
			return err_wrap(err, "--ssh '%s'", agents->item[i]);
		buf_add(&named, agents->item[i], (size_t)(equals + 1 - agents->item[i]));
		buf_add(&named, path.bytes, path.size_bytes - 1); /* without its newline */
		free(agents->item[i]);
		agents->item[i] = buf_take(&named);
	}
	return 0;
}

void build_agents_end(struct build_agents *started)
{
	for (size_t i = 0; i < started->count; i++) {
		struct build_agent *agent = &started->agent[i];

		close_fd(&agent->input_fd);
		while (agent->pid > 0 && waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(started->agent);
	*started = (struct build_agents){ 0 };
}
