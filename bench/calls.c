// SPDX-License-Identifier: Apache-2.0
/* One system call again and again: calls stat|open|getpid COUNT [PATH]
 *
 * bench/paths compiles it inside the root that it measures. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call_stat(const char *path)
{
	struct stat st;

	return stat(path, &st);
}

static int call_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

static int call_getpid(const char *path)
{
	(void)path;
	return syscall(SYS_getpid) > 0 ? 0 : -1; /* not what libc remembers */
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*call)(const char *path);
	} kinds[] = { { "stat", call_stat }, { "open", call_open }, { "getpid", call_getpid } };
	const char *path = argc > 3 ? argv[3] : "/usr/share/perl5";

	for (size_t i = 0; argc > 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name) != 0)
			continue;
		for (long n = atol(argv[2]); n > 0; n--)
			if (kinds[i].call(path) < 0) {
				perror(path);
				return 1;
			}
		return 0;
	}
	fprintf(stderr, "usage: calls stat|open|getpid COUNT [PATH]\n");
	return 2;
}
