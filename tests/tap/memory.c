// SPDX-License-Identifier: Apache-2.0
/* Bad pointers: whatever the kernel answers, we answer, and nothing crashes. Every call that is
 * trapped is made with every one of its arguments in turn at addresses that are not there. */
#include "torture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct trial {
	long number;
	const char *name;
	unsigned pointers; /* bit i: argument i is a pointer */
	long arg[6];
};

static char *buffer; /* readable and writable */
static char *edge;   /* the last 3 bytes before a page that is not there */

#define P(call, bits, ...)               \
	{                                \
		SYS_##call, #call, bits, \
		{                        \
			__VA_ARGS__      \
		}                        \
	}
#define B ((long)buffer)

static void every_bad_pointer_is_an_error(void)
{
	const char *path = "/etc/passwd";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct trial trials[] = {
		P(newfstatat, 06, AT_FDCWD, (long)path, B, 0),
		P(fstat, 02, fd, B),
		P(statx, 022, AT_FDCWD, (long)path, 0, 0x7ff, B),
		P(fchownat, 02, AT_FDCWD, (long)path, -1, -1, 0),
		P(fchmodat, 02, AT_FDCWD, (long)"/nowhere", 0644),
		P(mknodat, 02, AT_FDCWD, (long)"/nowhere/x", 020644, 0x103),
		P(mkdirat, 02, AT_FDCWD, (long)"/nowhere/x", 0755),
		P(symlinkat, 05, (long)"a", AT_FDCWD, (long)"/nowhere/x"),
		P(linkat, 012, AT_FDCWD, (long)"/nowhere/x", AT_FDCWD, (long)"/nowhere/y", 0),
		P(unlinkat, 02, AT_FDCWD, (long)"/nowhere/x", 0),
		P(renameat2, 012, AT_FDCWD, (long)"/nowhere/x", AT_FDCWD, (long)"/nowhere/y", 0),
		P(openat, 02, AT_FDCWD, (long)path, O_WRONLY | O_CREAT, 0600),
		P(openat2, 06, AT_FDCWD, (long)path, B, 24),
		P(truncate, 01, (long)"/nowhere/x", 0),
		P(utimensat, 016, AT_FDCWD, (long)"/nowhere/x", B, 0),
		P(faccessat, 02, AT_FDCWD, (long)path, 4),
		P(readlinkat, 06, AT_FDCWD, (long)"/proc/self/exe", B, 100),
		P(execve, 07, (long)"/nowhere/x", B, B),
		P(execveat, 016, AT_FDCWD, (long)"/nowhere/x", B, B, 0),
		P(rt_sigaction, 06, 10, B, B, 8),
		P(rt_sigprocmask, 06, 0, B, B, 8),
		P(rt_sigsuspend, 01, B, 8),
		P(ppoll, 015, 0, 0, B, B, 8),
		P(pselect6, 040, 0, 0, 0, 0, B, B),
		P(sigaltstack, 03, B, B),
		P(prctl, 04, 22, 2, B),
		P(seccomp, 04, 1, 0, B),
		P(getdents64, 02, fd, B, 4096),
		P(setxattr, 07, (long)path, (long)"security.x", B, 10, 0),
		P(getxattr, 07, (long)path, (long)"security.x", B, 10),
		P(listxattr, 03, (long)path, B, 4096),
		P(removexattr, 03, (long)path, (long)"security.x"),
		P(getresuid, 07, B, B, B),
		P(getgroups, 02, 100, B),
		P(setgroups, 02, 2, B),
		P(capget, 03, B, B),
		P(capset, 03, B, B),
		P(bind, 02, fd, B, 110),
		P(connect, 02, fd, B, 110),
		P(getsockopt, 030, fd, 1, 17, B, B),
	};
	const long bad[] = { 8, 0x7fffffffff00, -4096, (long)edge, 0x1000 };

	for (size_t t = 0; t < sizeof(trials) / sizeof(trials[0]); t++)
		for (int a = 0; a < 6; a++)
			for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
				struct trial trial = trials[t];
				int status;

				if (!(trial.pointers & 1u << a))
					continue;
				memset(buffer, 0, 4096);
				trial.arg[a] = bad[b];
				status = in_child(alarm(5);
						  syscall(trial.number, trial.arg[0], trial.arg[1],
							  trial.arg[2], trial.arg[3], trial.arg[4],
							  trial.arg[5]);
						  _exit(errno == ENOSYS ? 9 : 0));
				/* Waiting for ever (a readable mask) is a good answer, too. */
				if (status != 0 && status != -14 && status != 9) {
					printf("%s with argument %d at %lx: %d\n", trial.name, a,
					       bad[b], status);
					_exit(1);
				}
			}
}

static void strings_may_end_where_memory_does(void)
{
	char text[4] = "";

	strcpy(edge, "/");
	must(faccessat(AT_FDCWD, edge, F_OK, 0) == 0);
	must(access(edge, F_OK) == 0);
	must(mkdir(edge, 0755) == -1 && errno == EEXIST);
	must_fail(EINVAL, readlink(edge, text, sizeof(text)));
	must_fail(EACCES, execl(edge, edge, (char *)NULL));
	memcpy(edge, "/xy", 3); /* no end */
	must_fail(EFAULT, mkdir(edge, 0755));
	must_fail(EFAULT, syscall(SYS_execve, edge, NULL, NULL));
}

static void vectors_may_end_where_memory_does(void)
{
	char *page = edge + 3 - 16;
	char *args[] = { "true", NULL };

	memcpy(page, args, sizeof(args));
	must(in_child(execve("/bin/true", (char **)(void *)page, NULL)) == 0);
	memcpy(page, (char *[]){ "true", "x" }, 16);
	must_fail(EFAULT, execve("/bin/true", (char **)(void *)page, NULL));
}

static const struct claim claims[] = {
	CLAIM(every_bad_pointer_is_an_error),
	CLAIM(strings_may_end_where_memory_does),
	CLAIM(vectors_may_end_where_memory_does),
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	char *pages = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(pages != MAP_FAILED);
	must(munmap(pages + 8192, 4096) == 0);
	buffer = pages;
	edge = pages + 8192 - 3;
	return run_claims(claims, argc, argv);
}
