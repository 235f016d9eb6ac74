// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"
#include "pathmap/pathmap.h"
#include "sys/raw.h"

static long host_openat2(void *context, int dirfd, const char *path, const struct open_how *how)
{
	(void)context;
	return raw4(__NR_openat2, dirfd, path, how, sizeof(*how));
}

static long host_readlinkat(void *context, int dirfd, const char *path, char *to, size_t room_bytes)
{
	(void)context;
	return raw4(__NR_readlinkat, dirfd, path, to, room_bytes);
}

static void host_close(void *context, int fd)
{
	(void)context;
	close(fd);
}

static long host_path_of(void *context, int dirfd, char *to, size_t room_bytes)
{
	char link[32] = "/proc/self/cwd";
	long r;

	if (dirfd != AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	r = host_readlinkat(context, AT_FDCWD, link, to, room_bytes);
	if (r >= (long)room_bytes)
		return -ENAMETOOLONG;
	if (r >= 0)
		to[r] = '\0';
	return r == -ENOENT && dirfd != AT_FDCWD ? -EBADF : r;
}

static long host_self(void *context, bool thread, char *to, size_t room_bytes)
{
	(void)context;
	return snprintf(to, room_bytes, thread ? "%d/task/%d" : "%d", getpid(), gettid());
}

static long host_may_follow(void *context, long pid, int fd)
{
	(void)context;
	(void)fd;
	return pid == getpid() ? 0 : -EACCES;
}

static bool host_is_own(void *context, long pid)
{
	(void)context;
	(void)pid;
	return true;
}

static const char *host_exe(void *context, long pid)
{
	(void)context;
	(void)pid;
	return NULL;
}

const struct pathmap_ops pathmap_host_ops = {
	.openat2 = host_openat2,
	.readlinkat = host_readlinkat,
	.close = host_close,
	.path_of = host_path_of,
	.self = host_self,
	.may_follow = host_may_follow,
	.is_own = host_is_own,
	.exe = host_exe,
};
