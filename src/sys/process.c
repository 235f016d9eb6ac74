// SPDX-License-Identifier: Apache-2.0
#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/number.h"

#define COMPLAINT_BYTES ((size_t)4096) /* of stderr that is kept; the last lines say why */

static bool find_in(const char *folders, const char *name, char ret_path[PROCESS_PATH_MAX])
{
	while (*folders) {
		size_t length = strcspn(folders, ":");
		int size = snprintf(ret_path, PROCESS_PATH_MAX, "%.*s/%s", (int)length, folders,
				    name);

		if (length > 0 && size < PROCESS_PATH_MAX && access(ret_path, X_OK) == 0)
			return true;
		folders += length + (folders[length] == ':');
	}
	return false;
}

bool process_find(const char *name, char ret_path[PROCESS_PATH_MAX])
{
	const char *folders = getenv("PATH");

	if (strchr(name, '/'))
		return snprintf(ret_path, PROCESS_PATH_MAX, "%s", name) < PROCESS_PATH_MAX &&
		       access(ret_path, X_OK) == 0;
	return (folders && find_in(folders, name, ret_path)) ||
	       find_in("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", name,
		       ret_path);
}

/* Both outputs go to memory files: no deadlock between two pipes. */
static int open_output(int *ret_fd, struct err *err)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	if (fd < 0)
		return fail(err, errno, "make a file for a program's output");
	*ret_fd = fd;
	return 0;
}

static void exec_with_output(const char *path, const char *const *argv, char *const *environ_list,
			     int output_fd, int complaint_fd)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null_fd >= 0)
		dup2(null_fd, STDIN_FILENO);
	dup2(output_fd, STDOUT_FILENO);
	dup2(complaint_fd, STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL); /* who speaks to registries ignores it; that would stay so */
	execve(path, (char *const *)(uintptr_t)argv, environ_list);
	_exit(127);
}

/* ssh ends its lines as terminals need it. */
static size_t drop_returns(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (*from != '\r')
			*to++ = *from;
	*to = '\0';
	return (size_t)(to - text);
}

/* The line that says most, with its end cut off. That is the last, but git goes on with advice
 * after a blank line; and where another program failed for it (ssh), that one spoke in the line
 * before. Two lines then become one. */
static const char *telling_line(char *text)
{
	static const char mark[] = "fatal: ";
	char *fatal = strstr(text, mark);
	char *line;

	if (fatal && (fatal == text || fatal[-1] == '\n'))
		fatal[strcspn(fatal, "\n")] = '\0';
	else
		fatal = NULL;
	if (fatal > text)
		fatal[-1] = ' ';
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

/* What a program wrote to stderr last, or how it ended when it wrote nothing. */
static int explain_failure(const char *name, int complaint_fd, int status, struct err *err)
{
	char text[COMPLAINT_BYTES + 1];
	off_t size = lseek(complaint_fd, 0, SEEK_END);
	ssize_t n;
	const char *line;

	lseek(complaint_fd, size > (off_t)COMPLAINT_BYTES ? -(off_t)COMPLAINT_BYTES : -size,
	      SEEK_END);
	n = io_read_full(complaint_fd, text, COMPLAINT_BYTES);
	text[n > 0 ? n : 0] = '\0';
	n = (ssize_t)drop_returns(text);
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	line = telling_line(text);
	if (*line)
		return fail_plain(err, ECHILD, "%s: %s", name, line);
	if (WIFSIGNALED(status))
		return fail_plain(err, ECHILD, "%s: killed by signal %d", name, WTERMSIG(status));
	return fail_plain(err, ECHILD, "%s: exit status %d", name, WEXITSTATUS(status));
}

int process_capture(const char *const *argv, size_t limit_bytes, struct buf *ret_output,
		    struct err *err)
{
	return process_capture_in(argv, environ, limit_bytes, ret_output, err);
}

int process_capture_in(const char *const *argv, char *const *environ_list, size_t limit_bytes,
		       struct buf *ret_output, struct err *err)
{
	char path[PROCESS_PATH_MAX];
	auto_fd output_fd = -1;
	auto_fd complaint_fd = -1;
	int status;
	pid_t pid;
	int r;

	if (!process_find(argv[0], path))
		return fail_plain(err, ENOENT, "%s is not installed", argv[0]);
	r = open_output(&output_fd, err);
	if (r == 0)
		r = open_output(&complaint_fd, err);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return fail(err, errno, "fork for %s", argv[0]);
	if (pid == 0)
		exec_with_output(path, argv, environ_list, output_fd, complaint_fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(err, errno, "wait for %s", argv[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return explain_failure(argv[0], complaint_fd, status, err);
	if (lseek(output_fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "read the output of %s", argv[0]);
	return io_read_to_end(output_fd, limit_bytes, ret_output, err);
}

mode_t process_umask(void)
{
	auto_buf status = { 0 };
	const char *at;
	char digits[8] = "";
	uint32_t mask;

	if (io_read_file_at(AT_FDCWD, "/proc/self/status", 65536, &status, NULL) < 0)
		return 0777;
	at = strstr(buf_text(&status), "\nUmask:\t");
	if (at)
		sscanf(at + 8, "%7[0-7]", digits);
	return number_parse_octal(digits, &mask) < 0 ? 0777 : (mode_t)mask;
}
