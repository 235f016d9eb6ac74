// SPDX-License-Identifier: Apache-2.0
#include "flow/tar_root.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "sys/sibling.h"

static _Noreturn void child(const char *const *argv, int output_fd)
{
	dup2(output_fd, STDOUT_FILENO);
	sibling_exec("rootlet-image", argv, NULL);
	_exit(125);
}

static int collect(pid_t pid, int output_fd, struct buf *output, struct err *err)
{
	int wait_status;
	int r = io_read_to_end(output_fd, 4096, output, err);

	if (waitpid(pid, &wait_status, 0) < 0)
		return fail(err, errno, "wait for the import");
	if (r < 0)
		return r;
	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
		return fail_plain(err, EINVAL, "rootlet-image failed (the reason is above)");
	return 0;
}

/* Its first line goes to output. */
static int run_image_program(const char *const *argv, struct buf *output, struct err *err)
{
	auto_fd read_fd = -1;
	auto_fd write_fd = -1;
	int fds[2];
	pid_t pid;
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail(err, errno, "pipe");
	read_fd = fds[0];
	write_fd = fds[1];
	pid = fork();
	if (pid < 0)
		return fail(err, errno, "fork");
	if (pid == 0)
		child(argv, write_fd);
	close(take_fd(&write_fd));
	r = collect(pid, read_fd, output, err);
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
	int r = run_image_program(argv, &output, err);

	if (r < 0)
		return err_wrap(err, "root '%s'", path);
	*ret_id = arena_copy(arena, buf_text(&output));
	return 0;
}

int tar_root_unpack(const struct store *store, const struct digest *id, struct err *err)
{
	const char *const argv[] = {
		"rootlet", "--store", store->path, "__unpack", id->text, NULL
	};
	auto_buf output = { 0 };
	int r = run_image_program(argv, &output, err);

	return r < 0 ? err_wrap(err, "unpack image %s", id->text) : 0;
}
