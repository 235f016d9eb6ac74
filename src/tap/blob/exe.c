// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/exe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tap/blob/blob.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"

static char *print_number(char *at, unsigned number)
{
	char digits[12];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (count)
		*at++ = digits[--count];
	return at;
}

static const char *after_number(const char *at, unsigned expected)
{
	char digits[12];
	size_t length = (size_t)(print_number(digits, expected) - digits);

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

void exe_note(int target_fd)
{
	char link[32] = "/proc/self/fd/";
	long r;

	*print_number(link + 14, (unsigned)target_fd) = '\0';
	r = raw4(__NR_readlinkat, AT_FDCWD, link, tap.exe, sizeof(tap.exe) - 1);
	tap.exe_bytes = r < 0 ? 0 : (size_t)r;
	tap.exe[tap.exe_bytes] = '\0';
}

/* The longest such path, with the largest pid. */
#define ASKED_MAX sizeof("/proc/thread-self/exe")

static long read_link(struct tap_call *call, int path_arg)
{
	char path[ASKED_MAX + 8];
	const char *address = (const char *)call->arg[path_arg];
	long room_bytes = (int)call->arg[path_arg + 2];
	long size_bytes = (long)tap.exe_bytes;

	if (tap.exe_is_real || !tap.exe_bytes ||
	    memory_read_string(path, address, sizeof(path), ENAMETOOLONG) < 0 ||
	    !exe_is_asked_for(path))
		return pass(call);
	if (room_bytes <= 0)
		return -EINVAL;
	if (size_bytes > room_bytes)
		size_bytes = room_bytes;
	if (memory_write((void *)call->arg[path_arg + 1], tap.exe, (size_t)size_bytes) < 0)
		return -EFAULT;
	return size_bytes;
}

long on_readlink(struct tap_call *call)
{
	return read_link(call, 0);
}

long on_readlinkat(struct tap_call *call)
{
	return read_link(call, 1);
}
