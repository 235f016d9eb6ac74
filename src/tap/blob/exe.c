// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/exe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tap/blob/blob.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/text_number.h"

static const char *after_number(const char *at, unsigned expected)
{
	char digits[12];
	size_t length = (size_t)(text_number(digits, expected) - digits);

	return strncmp(at, digits, length) == 0 ? at + length : NULL;
}

bool exe_is_asked_for(const char *path)
{
	const char *rest = NULL;

	if (tap.exe_is_real || strncmp(path, "/proc/", 6) != 0)
		return false;
	path += 6;
	if (strncmp(path, "self/", 5) == 0)
		rest = path + 4;
	else if (strncmp(path, "thread-self/", 12) == 0)
		rest = path + 11;
	else
		rest = after_number(path, (unsigned)raw0(__NR_getpid));
	return rest && strcmp(rest, "/exe") == 0;
}

/* As long as the longest such path, with the largest pid. */
#define ASKED_MAX (sizeof("/proc/thread-self/exe") + 8)

bool exe_is_asked_for_at(const char *program_address)
{
	char path[ASKED_MAX];

	return !tap.exe_is_real && memory_string_starts(program_address, "/proc/") &&
	       memory_read_string(path, program_address, sizeof(path), ENAMETOOLONG) >= 0 &&
	       exe_is_asked_for(path);
}

void exe_keep(int target_fd)
{
	long fd = raw3(__NR_fcntl, target_fd, F_DUPFD_CLOEXEC, tap.page->fd_base);

	tap.exe_fd = fd < 0 ? -1 : (int)fd;
	tap.exe_is_real = fd < 0; /* no descriptor left: the kernel's answer is better than none */
}

static long read_link(struct tap_call *call, int path_arg)
{
	char link[32] = "/proc/self/fd/";

	if (!exe_is_asked_for_at((const char *)call->arg[path_arg]))
		return pass(call);
	text_number(link + 14, (unsigned)tap.exe_fd);
	return raw4(__NR_readlinkat, AT_FDCWD, link, call->arg[path_arg + 1],
		    (int)call->arg[path_arg + 2]);
}

long on_readlink(struct tap_call *call)
{
	return read_link(call, 0);
}

long on_readlinkat(struct tap_call *call)
{
	return read_link(call, 1);
}
