// SPDX-License-Identifier: Apache-2.0
/* binds LIST FOLDER CMD..: each file named in LIST is bound to the same path below FOLDER, by
 * open_tree(2) and move_mount(2) and nothing else, in namespaces of our own; then CMD runs. What
 * the kernel takes for it is the least that any program takes which mounts files one by one. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 4
#endif

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "binds: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void bind_one(const char *source, const char *folder)
{
	char target[PATH_MAX];
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | O_CLOEXEC);

	if (fd < 0)
		die(source);
	snprintf(target, sizeof(target), "%s%s", folder, source);
	if (syscall(SYS_move_mount, fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die(target);
	close(fd);
}

int main(int argc, char **argv)
{
	FILE *list = argc > 3 ? fopen(argv[1], "re") : NULL;
	char line[PATH_MAX];
	int status;
	pid_t pid;

	if (!list)
		die("LIST FOLDER CMD..");
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		die("unshare");
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		bind_one(line, argv[2]);
	}
	pid = fork();
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die(argv[3]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
