// SPDX-License-Identifier: Apache-2.0
/* Programs that close everything, take every number and count what is open. */
#include "torture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int limit;

static void exec_works(void)
{
	must(in_child(execl("/bin/true", "true", (char *)NULL)) == 0);
}

static void closing_every_number_hurts_nothing(void)
{
	for (int fd = 3; fd < limit; fd++)
		close(fd);
	exec_works();
	must(in_child({
		     struct stat st;

		     must(stat("/etc/passwd", &st) == 0);
		     execl("/bin/sh", "sh", "-c", "exec /bin/true", (char *)NULL);
	     }) == 0);
}

static void closing_ranges_hurts_nothing(void)
{
	int low = dup(0);
	int high = fcntl(0, F_DUPFD, 500);

	must(low >= 0 && high == 500);
	must(syscall(SYS_close_range, 3, ~0u, 0) == 0);
	must_fail(EBADF, fcntl(low, F_GETFD));
	must_fail(EBADF, fcntl(high, F_GETFD));
	exec_works();
	low = dup(0);
	must(syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */) == 0);
	must(fcntl(low, F_GETFD) == FD_CLOEXEC);
	exec_works();
	must(syscall(SYS_close_range, 3, ~0u, 2 /* CLOSE_RANGE_UNSHARE */) == 0);
	exec_works();
	must_fail(EINVAL, syscall(SYS_close_range, 5, 4, 0));
}

static void every_number_can_be_taken(void)
{
	for (int fd = 3; fd < limit; fd++) {
		must(dup2(0, fd) == fd);
		must(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
	}
	for (int fd = 3; fd < limit; fd++)
		must(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	for (int fd = 3; fd < 600 && fd < limit; fd++)
		must(close(fd) == 0);
	exec_works();
}

static int count_listed(const char *folder)
{
	DIR *list = opendir(folder);
	int count = 0;

	must(list);
	for (struct dirent *entry; (entry = readdir(list));)
		if (entry->d_name[0] != '.')
			count++;
	closedir(list);
	return count - 1; /* the folder itself */
}

/* What was open when we were started, and not more. */
static void nothing_that_we_did_not_open_is_there(void)
{
	struct stat st;
	int open_count = 0;
	int path_count = 0;

	for (int fd = 0; fd < limit; fd++) {
		bool there = fcntl(fd, F_GETFD) >= 0;

		must((fstat(fd, &st) == 0) == there);
		must((fstatat(fd, "", &st, AT_EMPTY_PATH) == 0) == there);
		open_count += there;
	}
	path_count = count_listed("/proc/self/fd");
	must(path_count == open_count);
	must(count_listed("/proc/self/fdinfo") == open_count);
	must(count_listed("/proc/thread-self/fd") == open_count);
	for (int fd = 3; fd < limit; fd++)
		must_fail(EBADF, dup2(fcntl(fd, F_GETFD) < 0 ? fd : -1, 2));
}

static void new_descriptors_get_the_lowest_number(void)
{
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int second = open("/dev/null", O_RDONLY | O_CLOEXEC);

	must(second > first && second < 32);
	must(close(first) == 0);
	must(dup(0) == first);
}

static void a_low_limit_does_not_stop_exec(void)
{
	must(in_child({
		     struct rlimit few = { 8, 8 };

		     must(setrlimit(RLIMIT_NOFILE, &few) == 0);
		     execl("/bin/sh", "sh", "-c", "/bin/true; exec /bin/true", (char *)NULL);
	     }) == 0);
}

static void a_vfork_child_may_move_descriptors(void)
{
	static int fd;
	pid_t pid = vfork();

	if (pid == 0) {
		for (fd = limit - 40; fd < limit; fd++)
			if (syscall(SYS_dup3, 0, fd, O_CLOEXEC) != fd)
				_exit(3);
		execl("/bin/true", "true", (char *)NULL);
		_exit(4);
	}
	must(wait_for(pid) == 0);
	exec_works();
}

static const struct claim claims[] = {
	CLAIM(closing_every_number_hurts_nothing),
	CLAIM(closing_ranges_hurts_nothing),
	CLAIM(every_number_can_be_taken),
	CLAIM(nothing_that_we_did_not_open_is_there),
	CLAIM(new_descriptors_get_the_lowest_number),
	CLAIM(a_low_limit_does_not_stop_exec),
	CLAIM(a_vfork_child_may_move_descriptors),
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	struct rlimit now;

	must(getrlimit(RLIMIT_NOFILE, &now) == 0);
	limit = now.rlim_cur < 1024 ? (int)now.rlim_cur : 1024;
	return run_claims(claims, argc, argv);
}
