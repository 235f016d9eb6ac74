// SPDX-License-Identifier: Apache-2.0
/* The least a process with a root of its own costs: probe FLAGS ROOT CMD [ARGS...]
 *
 * clone(2) into new namespaces, pivot_root(2), execve(2), and the wait for the end; nothing else.
 * FLAGS are letters: u user, m mount (both needed), p pid, i ipc, h uts. What other programs take
 * beyond this time is theirs. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
	perror(what);
	return 125;
}

static void map(const char *path, unsigned id)
{
	char line[32];
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	snprintf(line, sizeof(line), "0 %u 1", id);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		_exit(failed(path));
	close(fd);
}

static int child(const char *root, char **argv, unsigned uid)
{
	map("/proc/self/uid_map", uid);
	if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
		return failed("bind");
	if (chdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return failed("pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return failed("umount2");
	execve(argv[0], argv, (char *[]){ NULL });
	return failed(argv[0]);
}

static unsigned long flags_of(const char *letters)
{
	static const struct {
		char letter;
		unsigned long flag;
	} flags[] = { { 'u', CLONE_NEWUSER },
		      { 'm', CLONE_NEWNS },
		      { 'p', CLONE_NEWPID },
		      { 'i', CLONE_NEWIPC },
		      { 'h', CLONE_NEWUTS } };
	unsigned long sum = 0;

	for (; *letters; letters++)
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			if (flags[i].letter == *letters)
				sum |= flags[i].flag;
	return sum;
}

int main(int argc, char **argv)
{
	unsigned uid = geteuid();
	int status;
	long pid;

	if (argc < 4) {
		fprintf(stderr, "usage: probe FLAGS ROOT CMD [ARGS...]\n");
		return 125;
	}
	pid = syscall(SYS_clone, flags_of(argv[1]) | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return failed("clone");
	if (pid == 0)
		_exit(child(argv[2], argv + 3, uid));
	if (waitpid((pid_t)pid, &status, 0) < 0)
		return failed("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
