// SPDX-License-Identifier: Apache-2.0
#include "flow/build_run.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/buf.h"
#include "engine/engine.h"
#include "flow/mount_points.h"

#define LINE_BYTES_MAX ((size_t)64 * 1024) /* a longer line is cut in pieces */

struct reader {
	int fd;
	struct build_run_output *output;
};

static void emit(struct build_run_output *output, const char *text)
{
	if (output->tail.count == BUILD_TAIL_LINES)
		strings_remove(&output->tail, 0);
	strings_add(&output->tail, text);
	output->line(output->context, text);
}

/* Progress bars redraw a line with carriage returns: only the last state counts. */
static const char *last_state(char *line)
{
	size_t length = strlen(line);
	char *back;

	while (length && line[length - 1] == '\r')
		line[--length] = '\0';
	back = strrchr(line, '\r');
	return back ? back + 1 : line;
}

static void take_lines(struct buf *pending, struct build_run_output *output)
{
	char *start = pending->bytes;
	char *end;

	while ((end = strchr(start, '\n'))) {
		*end = '\0';
		emit(output, last_state(start));
		start = end + 1;
	}
	memmove(pending->bytes, start, strlen(start) + 1);
	buf_truncate(pending, strlen(pending->bytes));
	if (pending->size_bytes >= LINE_BYTES_MAX) {
		emit(output, last_state(pending->bytes));
		buf_truncate(pending, 0);
	}
}

static void *read_output(void *argument)
{
	struct reader *reader = argument;
	auto_buf pending = { 0 };

	for (;;) {
		char *room = buf_reserve(&pending, 4096);
		ssize_t n = read(reader->fd, room, 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			if (!room[i]) /* text has no NUL; one would hide the rest of the line */
				room[i] = ' ';
		buf_grow_by(&pending, (size_t)n);
		take_lines(&pending, reader->output);
	}
	if (pending.size_bytes)
		emit(reader->output, last_state(pending.bytes));
	return NULL;
}

static int run_with_reader(struct engine_job *job, const struct engine *engine, int pipe_fds[2],
			   struct build_run_output *output, int *ret_status, struct err *err)
{
	struct reader reader = { .fd = pipe_fds[0], .output = output };
	pthread_t thread;
	int r;

	r = pthread_create(&thread, NULL, read_output, &reader);
	if (r != 0)
		return fail(err, r, "start a thread");
	r = engine->run(job, ret_status, err);
	/* Everything inside has ended, so closing our end is the end of the output. */
	close(take_fd(&pipe_fds[1]));
	pthread_join(thread, NULL);
	return r;
}

int build_run(const struct engine_job *given, const struct engine *engine,
	      struct build_run_output *output, int *ret_status, struct err *err)
{
	struct engine_job job = *given;
	int pipe_fds[2];
	auto_fd null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r;

	if (null_fd < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return fail(err, errno, "input and output of the command");
	job.redirect = true;
	job.stdio[0] = null_fd;
	job.stdio[1] = job.stdio[2] = pipe_fds[1];
	job.made = engine_made_new();
	r = job.made ? 0 : fail(err, ENOMEM, "shared memory");
	if (r == 0)
		r = run_with_reader(&job, engine, pipe_fds, output, ret_status, err);
	if (r == 0)
		r = mount_points_remove(job.box, job.made, *ret_status ? NULL : job.emulation, err);
	if (r == 0 && job.made->refused.call)
		output->refused = job.made->refused;
	else if (r == 0 && job.emulation)
		emulation_refusal(job.emulation, &output->refused);
	output->overlay_refused = r < 0 && job.made && job.made->overlay_refused;
	engine_made_free(job.made);
	close(pipe_fds[0]);
	if (pipe_fds[1] >= 0)
		close(pipe_fds[1]);
	return r;
}
