// SPDX-License-Identifier: Apache-2.0
/* Directories that are held: working directory, chroot, descriptors that travel. */
#include <sys/socket.h>
#include <sys/un.h>

#include "battery/program/attempt.h"

#define UP_AND_UP "/../../../../../../../../../../.."

static void read_relative(const char *how)
{
	char path[PATH_SIZE];

	must_not_read(raw4(__NR_openat, AT_FDCWD, BATTERY_SECRET, O_RDONLY, 0), how);
	must_not_read(raw4(__NR_openat, AT_FDCWD, join(path, here.outside + 1, "/", BATTERY_SECRET),
			   O_RDONLY, 0),
		      how);
	must_not_read(raw4(__NR_openat, AT_FDCWD, join(path, here.outside, "/", BATTERY_SECRET),
			   O_RDONLY, 0),
		      how);
	must_not_read(raw4(__NR_openat, AT_FDCWD, "outside/" BATTERY_SECRET, O_RDONLY, 0), how);
}

static void descriptor_chdir(void)
{
	each_way_outside("", path, way)
		must_fail(raw1(__NR_chdir, path), way->name);
}

static void descriptor_chroot(void)
{
	each_way_outside("", path, way)
		must_fail(raw1(__NR_chroot, path), way->name);
}

/* The classic: keep a directory above the new root, and climb from there. */
static void descriptor_chroot_climb(void)
{
	raw3(__NR_mkdirat, AT_FDCWD, "/jail", 0700);
	refused(raw1(__NR_chroot, "/jail"));
	raw1(__NR_fchdir, here.root_fd);
	for (int i = 0; i < 30; i++)
		raw1(__NR_chdir, "..");
	read_relative("climbing above a chroot");
	refused(raw1(__NR_chroot, "."));
	read_relative("a chroot on top");
}

static void descriptor_fchdir(void)
{
	raw1(__NR_fchdir, here.bind_fd);
	for (int i = 0; i < 20; i++) {
		read_relative("'..' from a bind");
		refused(raw1(__NR_chdir, ".."));
	}
	each_way_outside("", path, way) {
		long fd = raw4(__NR_openat, AT_FDCWD, path, O_PATH, 0);

		if (fd < 0)
			refused(fd);
		else
			must_fail(raw1(__NR_fchdir, fd), way->name);
	}
}

static void check_cwd(const char *how)
{
	char cwd[PATH_SIZE] = "";
	long n = raw2(__NR_getcwd, cwd, sizeof(cwd));

	refused(n);
	for (const char *at = cwd; *at; at++)
		if (text_begins(at, "rootlet-verify-"))
			reached(how);
}

/* Of a directory that is gone: whoever keeps its name may tell the host's. */
static void descriptor_removed(void)
{
	raw3(__NR_mkdirat, AT_FDCWD, "/gone", 0700);
	raw3(__NR_mkdirat, AT_FDCWD, "/gone/below", 0700);
	refused(raw1(__NR_chdir, "/gone/below"));
	raw3(__NR_unlinkat, AT_FDCWD, "/gone/below", AT_REMOVEDIR);
	raw3(__NR_unlinkat, AT_FDCWD, "/gone", AT_REMOVEDIR);
	check_cwd("getcwd");
	for (int i = 0; i < 12; i++) {
		read_relative("'..' of what is gone");
		raw1(__NR_chdir, "..");
	}
	check_cwd("getcwd, further up");
}

/* A directory that is moved while somebody stands in it. */
static void descriptor_moved(void)
{
	raw3(__NR_mkdirat, AT_FDCWD, "/from", 0700);
	raw3(__NR_mkdirat, AT_FDCWD, "/from/a", 0700);
	raw3(__NR_mkdirat, AT_FDCWD, "/from/a/b", 0700);
	refused(raw1(__NR_chdir, "/from/a/b"));
	raw5(__NR_renameat2, AT_FDCWD, "/from/a/b", AT_FDCWD, "/moved", 0);
	check_cwd("getcwd");
	for (int i = 0; i < 12; i++) {
		read_relative("'..' of what was moved");
		raw1(__NR_chdir, "..");
	}
}

/* ---- a descriptor through a socket ---- */

union control {
	char bytes[64];
	struct cmsghdr header;
};

static long send_fd(long socket, int fd)
{
	char byte = 0;
	struct iovec data = { &byte, 1 };
	union control control = { 0 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = CMSG_SPACE(sizeof(int)) };

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)(void *)CMSG_DATA(&control.header) = fd;
	return raw3(__NR_sendmsg, socket, &message, 0);
}

static long receive_fd(long socket)
{
	char byte;
	struct iovec data = { &byte, 1 };
	union control control = { 0 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	long n = raw3(__NR_recvmsg, socket, &message, 0);

	if (n < 0)
		return n;
	return message.msg_controllen ? *(int *)(void *)CMSG_DATA(&control.header) : -EBADF;
}

static void descriptor_passed(void)
{
	static const int *const given[] = { &here.root_fd, &here.bind_fd };
	int pair[2];

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		long fd;
		long r = raw4(__NR_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);

		if (r < 0) {
			refused(r);
			return;
		}
		r = send_fd(pair[0], *given[i]);
		refused(r);
		fd = r < 0 ? r : receive_fd(pair[1]);
		refused(fd);
		for (int up = 0; fd >= 0 && up < 12; up++) {
			char path[PATH_SIZE];

			must_not_read(raw4(__NR_openat, fd,
					   join(path, here.outside + 1, "/", BATTERY_SECRET), 0, 0),
				      "down from it");
			must_not_read(raw4(__NR_openat, fd, "../outside/" BATTERY_SECRET, 0, 0),
				      "beside it");
			fd = raw4(__NR_openat, fd, "..", O_PATH, 0);
		}
	}
}

/* Descriptors that somebody forgot in the program: none may lead outside. */
static void descriptor_inherited(void)
{
	for (int fd = 0; fd < 1100; fd++) {
		char path[PATH_SIZE];

		if (fd == here.root_fd || fd == here.bind_fd)
			continue;
		must_not_read(raw4(__NR_openat, fd,
				   join(path, here.outside + 1, "/", BATTERY_SECRET), 0, 0),
			      "an inherited directory");
		must_not_read(raw4(__NR_openat, fd, "../outside/" BATTERY_SECRET, 0, 0),
			      "beside an inherited directory");
	}
}

/* A child's links in /proc are followed for it, not for us: from where it is, and what it has open.
 */
static void descriptor_of_child(void)
{
	static const char *const links[] = { "/root", "/cwd", "/fd/", "/task/" };
	char number[24];
	char fd[24];
	char folder[PATH_SIZE];
	char path[PATH_SIZE];
	long pid = fork_process();

	if (pid == 0) {
		raw5(__NR_prctl, 1 /* PR_SET_PDEATHSIG */, 9, 0, 0, 0);
		raw1(__NR_fchdir, here.bind_fd);
		for (;;)
			raw4(__NR_ppoll, 0, 0, 0, 0);
	}
	number_text(number, (unsigned long)pid);
	number_text(fd, (unsigned long)here.bind_fd);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		join(folder, "/proc/", number, links[i]);
		if (i >= 2)
			text_put(folder + text_length(folder), folder + PATH_SIZE,
				 i == 2 ? fd : number);
		must_not_read(raw4(__NR_openat, AT_FDCWD,
				   join(path, folder, "/../outside/", BATTERY_SECRET), 0, 0),
			      links[i]);
		must_not_read(
			raw4(__NR_openat, AT_FDCWD,
			     join(path, folder, i == 3 ? "/root/../outside/" : "/../../outside/",
				  BATTERY_SECRET),
			     0, 0),
			links[i]);
		join(path, folder, UP_AND_UP, here.outside);
		text_put(path + text_length(path), path + PATH_SIZE, "/" BATTERY_SECRET);
		must_not_read(raw4(__NR_openat, AT_FDCWD, path, 0, 0), links[i]);
	}
	raw2(__NR_kill, pid, 9);
	wait_for(pid);
}

const struct attempt descriptor_attempts[] = {
	{ BATTERY_LEAK, "chdir", descriptor_chdir },
	{ BATTERY_LEAK, "chroot", descriptor_chroot },
	{ BATTERY_LEAK, "chroot and climb", descriptor_chroot_climb },
	{ BATTERY_LEAK, "O_PATH and fchdir", descriptor_fchdir },
	{ BATTERY_LEAK, "a removed working directory", descriptor_removed },
	{ BATTERY_LEAK, "a moved working directory", descriptor_moved },
	{ BATTERY_LEAK, "directories passed through a socket", descriptor_passed },
	{ BATTERY_LEAK, "inherited descriptors", descriptor_inherited },
	{ BATTERY_LEAK, "links of a child in /proc", descriptor_of_child },
	{ NULL, NULL, NULL },
};
