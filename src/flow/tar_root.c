// SPDX-License-Identifier: Apache-2.0
#include "flow/tar_root.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "sys/sibling.h"

/* A seccomp filter of as many instructions as the kernel takes, in hexadecimal digits. */
#define OUTPUT_BYTES_MAX ((size_t)1 << 17)

/* What the program says: its output, and its error in the place of a message. */
struct pipes {
	int output[2];
	int error[2];
};

static void pipes_done(const struct pipes *pipes)
{
	int saved = errno;

	for (int end = 0; end < 2; end++) {
		if (pipes->output[end] >= 0)
			close(pipes->output[end]);
		if (pipes->error[end] >= 0)
			close(pipes->error[end]);
	}
	errno = saved;
}
#define auto_pipes cleanup(pipes_done) struct pipes

static void end_writing(struct pipes *pipes)
{
	close(take_fd(&pipes->output[1]));
	close(take_fd(&pipes->error[1]));
}

/* It does not outlive us: nobody would want its result. */
static _Noreturn void child(const char *const *argv, const struct pipes *pipes)
{
	char number[16];
	struct err err = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(number, sizeof(number), "%d", pipes->error[1]);
	setenv(ERR_FD_VARIABLE, number, 1);
	dup2(pipes->output[1], STDOUT_FILENO);
	fcntl(pipes->error[1], F_SETFD, 0);
	sibling_exec("rootlet-image", argv, &err);
	(void)io_write_all(pipes->error[1], &err, sizeof(err));
	_exit(125);
}

static int collect(pid_t pid, const struct pipes *pipes, struct buf *output, struct err *err)
{
	int wait_status;
	struct err why;
	int r = io_read_to_end(pipes->output[0], OUTPUT_BYTES_MAX, output, err);

	if (waitpid(pid, &wait_status, 0) < 0)
		return fail(err, errno, "wait for rootlet-image");
	if (r < 0)
		return r;
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
		return 0;
	if (io_read_full(pipes->error[0], &why, sizeof(why)) != sizeof(why) || !why.code)
		return fail_plain(err, EINVAL, "rootlet-image ended without a reason");
	*err = why;
	return -err->code;
}

int tar_root_program(const char *const *argv, struct buf *output, struct err *err)
{
	auto_pipes pipes = { { -1, -1 }, { -1, -1 } };
	pid_t pid;
	int r;

	if (pipe2(pipes.output, O_CLOEXEC) < 0 || pipe2(pipes.error, O_CLOEXEC) < 0)
		return fail(err, errno, "pipe");
	pid = fork();
	if (pid < 0)
		return fail(err, errno, "fork");
	if (pid == 0)
		child(argv, &pipes);
	end_writing(&pipes);
	r = collect(pid, &pipes, output, err);
	if (r == 0 && output->bytes)
		output->bytes[strcspn(output->bytes, "\n")] = '\0';
	return r;
}

int tar_root_import(const struct store *store, const char *path, struct arena *arena,
		    const char **ret_id, struct err *err)
{
	const char *const argv[] = { "rootlet", "--store", store->path, "import",
				     "--quiet", path,	   NULL };
	auto_buf output = { 0 };
	int r = tar_root_program(argv, &output, err);

	if (r < 0)
		return err_wrap(err, "root");
	*ret_id = arena_copy(arena, buf_text(&output));
	return 0;
}

int tar_root_pull(const struct store *store, const char *name, struct arena *arena,
		  const char **ret_name, struct err *err)
{
	const char *const argv[] = { "rootlet", "--store", store->path, "pull", "--", name, NULL };
	auto_buf output = { 0 };
	int r = tar_root_program(argv, &output, err);

	if (r < 0)
		return r;
	*ret_name = arena_copy(arena, buf_text(&output));
	return 0;
}

int tar_root_unpack(const struct store *store, const struct digest *id, struct err *err)
{
	const char *const argv[] = {
		"rootlet", "--store", store->path, "__unpack", id->text, NULL
	};
	auto_buf output = { 0 };
	int r = tar_root_program(argv, &output, err);

	return r < 0 ? err_wrap(err, "unpack image %s", id->text) : 0;
}

int tar_root_cache_name(const struct store *store, const char *id, struct arena *arena,
			const char **ret_name, struct err *err)
{
	const char *const argv[] = { "rootlet", "--store", store->path, "__cache-name",
				     "--",	id,	   NULL };
	auto_buf output = { 0 };
	int r = tar_root_program(argv, &output, err);

	if (r < 0)
		return r;
	*ret_name = arena_copy(arena, buf_text(&output));
	return 0;
}
