// SPDX-License-Identifier: Apache-2.0
#include "tap/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/raw.h"

size_t target_size_bytes(size_t argc)
{
	return sizeof(struct target) + (TARGET_ARGV_FRONT + argc + 2) * sizeof(char *);
}

/* Only what is a regular file: opening a device or a fifo does things. */
static long open_at(const struct target_request *request, int dirfd, const char *path, int flags)
{
	int open_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
			 (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
	struct statx x;
	long r;

	r = raw5(__NR_statx, dirfd, path, flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW), STATX_TYPE,
		 &x);
	if (r < 0)
		return r;
	if (S_ISLNK(x.stx_mode))
		return -ELOOP;
	if (!S_ISREG(x.stx_mode))
		return -EACCES;
	return request->open_file(dirfd, path, open_flags);
}

static long open_target(const struct target_request *request, int dirfd, const char *path,
			int flags)
{
	long found;
	long fd;

	if (!request->find_file || (!path[0] && (flags & AT_EMPTY_PATH)))
		return open_at(request, dirfd, path, flags);
	found = request->find_file(request->context, dirfd, path, flags);
	if (found < 0)
		return found;
	fd = open_at(request, (int)found, "", AT_EMPTY_PATH);
	raw1(__NR_close, found);
	return fd;
}

static long check_permission(int fd)
{
	long r = raw4(__NR_faccessat2, fd, "", 1 /* X_OK */, AT_EMPTY_PATH | AT_EACCESS);

	return r == -ENOSYS ? 0 : r;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

long target_split_line(char *line, size_t size_bytes, char **ret_name, char **ret_argument)
{
	char *end = line + size_bytes;
	char *newline = line + 2;
	char *at;

	while (newline < end && *newline && *newline != '\n')
		newline++;
	for (at = newline; at > line + 2 && is_blank(at[-1]);)
		at--;
	*at = '\0';
	at = line + 2;
	while (is_blank(*at))
		at++;
	*ret_name = at;
	if (!*at)
		return -ENOEXEC;
	while (*at && !is_blank(*at))
		at++;
	if (!*at && newline == end && size_bytes == TARGET_LINE_BYTES)
		return -ENOEXEC;
	*ret_argument = NULL;
	if (!*at)
		return 0;
	*at++ = '\0';
	while (is_blank(*at))
		at++;
	*ret_argument = *at ? at : NULL;
	return 0;
}

static void close_target(struct target *target)
{
	if (target->fd >= 0)
		raw1(__NR_close, target->fd);
	target->fd = -1;
}

/* Puts the interpreter in front: argv[0] of the script is dropped. */
static void add_script(struct target *target, const char *script, const char *name,
		       const char *argument)
{
	size_t end = target->first + target->argc;

	if (target->argc)
		target->first++;
	target->argv[--target->first] = script;
	if (argument)
		target->argv[--target->first] = argument;
	target->argv[--target->first] = name;
	target->argc = end - target->first;
}

/* Follows "#!" lines until target->fd is an ELF file. */
static long find_program(struct target *target, const struct target_request *request)
{
	const char *script = target->path;
	char *argument;
	char *name;
	long fd = open_target(request, request->dirfd, request->path, request->flags);

	for (int depth = 0;; depth++) {
		char *line = target->line[depth < TARGET_SCRIPT_DEPTH ? depth : 0];
		long size_bytes;
		long r;

		if (fd < 0)
			return fd;
		target->fd = (int)fd;
		r = check_permission((int)fd);
		if (r < 0)
			return r;
		if (depth == TARGET_SCRIPT_DEPTH)
			return elf_read((int)fd, &target->elf) == 0 ? 0 : -ELOOP;
		size_bytes = raw4(__NR_pread64, fd, line, TARGET_LINE_BYTES, 0);
		if (size_bytes < 0)
			return size_bytes;
		if (size_bytes < 2 || line[0] != '#' || line[1] != '!')
			return elf_read((int)fd, &target->elf);
		line[size_bytes] = '\0';
		r = target_split_line(line, (size_t)size_bytes, &name, &argument);
		if (r < 0)
			return r;
		close_target(target);
		add_script(target, script, name, argument);
		script = name;
		fd = open_target(request, AT_FDCWD, name, 0);
	}
}

static long check_interpreter(struct target *target, const struct target_request *request)
{
	long r;
	long fd;

	if (!target->elf.has_interpreter)
		return 0;
	r = elf_read_interpreter(target->fd, &target->elf, target->interpreter, TARGET_PATH_MAX);
	if (r < 0)
		return r;
	fd = open_target(request, AT_FDCWD, target->interpreter, 0);
	if (fd < 0)
		return fd;
	target->interpreter_fd = (int)fd;
	return check_permission((int)fd);
}

/* AT_EXECFN: the path as given, or /dev/fd/N[/path] as fs/exec.c, alloc_bprm makes it. */
static void name_program(struct target *target, const struct target_request *request)
{
	const char *path = request->name ? request->name : request->path;
	char digits[12];
	size_t count = 0;
	char *at = target->path;
	unsigned fd = (unsigned)request->dirfd;

	if (path[0] == '/' || request->dirfd == AT_FDCWD || request->name) {
		memcpy(at, path, strlen(path) + 1);
		return;
	}
	memcpy(at, "/dev/fd/", 8);
	at += 8;
	do {
		digits[count++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd);
	while (count)
		*at++ = digits[--count];
	if (path[0])
		*at++ = '/';
	if (strlen(path) < TARGET_PATH_MAX - 32)
		memcpy(at, path, strlen(path) + 1);
	else
		*at = '\0';
}

/* Its interpreter is its libc, and has no DT_SONAME to know it by. */
bool target_is_musl(const struct target *target)
{
	const char *name = target->interpreter;

	for (const char *at = target->interpreter; *at; at++)
		if (*at == '/')
			name = at + 1;
	return target->interpreter_fd >= 0 && strncmp(name, "ld-musl-", 8) == 0;
}

long target_resolve(struct target *target, const struct target_request *request)
{
	static const char nothing[] = "";
	long r;

	target->fd = target->interpreter_fd = -1;
	if (!request->path[0] && !(request->flags & AT_EMPTY_PATH))
		return -ENOENT;
	name_program(target, request);
	target->first = TARGET_ARGV_FRONT;
	target->argc = request->argc;
	if (request->argc)
		memcpy(target->argv + TARGET_ARGV_FRONT, request->argv,
		       request->argc * sizeof(char *));
	else /* since Linux 5.18 a program always has an argv[0] */
		target->argv[TARGET_ARGV_FRONT + target->argc++] = nothing;
	target->argv[TARGET_ARGV_FRONT + target->argc] = NULL;
	r = find_program(target, request);
	return r < 0 ? r : check_interpreter(target, request);
}
