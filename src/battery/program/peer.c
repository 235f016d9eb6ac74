// SPDX-License-Identifier: Apache-2.0
/* Sockets of the host, its processes, its kernel. */
#include <linux/keyctl.h>
#include <linux/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "battery/program/attempt.h"

/* ---- AF_UNIX ---- */

static bool socket_address(struct sockaddr_un *address, const char *path)
{
	const char *end = address->sun_path + sizeof(address->sun_path);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	text_put(address->sun_path, end, path);
	return text_length(path) < sizeof(address->sun_path);
}

static void peer_connect(void)
{
	each_way_outside(BATTERY_SOCKET, path, way) {
		struct sockaddr_un address;
		long fd = raw3(__NR_socket, AF_UNIX, SOCK_STREAM, 0);

		if (!socket_address(&address, path))
			continue;
		must_fail(raw3(__NR_connect, fd, &address, sizeof(address)), way->name);
		raw1(__NR_close, fd);
	}
}

static void peer_bind(void)
{
	each_way_outside(BATTERY_NEW, path, way) {
		struct sockaddr_un address;
		long fd = raw3(__NR_socket, AF_UNIX, SOCK_STREAM, 0);

		if (!socket_address(&address, path))
			continue;
		must_fail(raw3(__NR_bind, fd, &address, sizeof(address)), way->name);
		raw1(__NR_close, fd);
	}
}

static void peer_send(void)
{
	each_way_outside(BATTERY_SOCKET, path, way) {
		struct sockaddr_un address;
		char byte = 'x';
		struct iovec data = { &byte, 1 };
		struct msghdr message = { .msg_name = &address,
					  .msg_namelen = sizeof(address),
					  .msg_iov = &data,
					  .msg_iovlen = 1 };
		long fd = raw3(__NR_socket, AF_UNIX, SOCK_DGRAM, 0);

		if (!socket_address(&address, path))
			continue;
		/* the socket there is of another type, and says so */
		if (raw6(__NR_sendto, fd, &byte, 1, 0, &address, sizeof(address)) == -EPROTOTYPE ||
		    raw3(__NR_sendmsg, fd, &message, 0) == -EPROTOTYPE)
			reached(way->name);
		raw1(__NR_close, fd);
	}
}

static void peer_abstract(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	long fd = raw3(__NR_socket, AF_UNIX, SOCK_STREAM, 0);
	size_t length = text_length(here.abstract);

	text_put(address.sun_path + 1, address.sun_path + sizeof(address.sun_path), here.abstract);
	must_fail(raw3(__NR_connect, fd, &address,
		       offsetof(struct sockaddr_un, sun_path) + 1 + length),
		  "connected");
}

/* ---- processes ---- */

/* One of the battery's own that has the number by chance is no process of the host. */
static bool is_ours(void)
{
	return here.pid == raw1(__NR_getpid, 0) || here.pid == raw1(__NR_getppid, 0) ||
	       here.pid <= 2;
}

/* The host's side counts what arrives: an answer from another process would be no proof. */
static void peer_kill(void)
{
	if (!is_ours())
		refused(raw2(__NR_kill, here.pid, 10 /* SIGUSR1 */));
}

static void peer_ptrace(void)
{
	if (!is_ours())
		must_fail(raw4(__NR_ptrace, PTRACE_SEIZE, here.pid, 0, 0), "traced");
}

static void peer_memory(void)
{
	uint64_t word = 0;
	struct iovec to = { &word, sizeof(word) };
	struct iovec from = { (void *)0x400000, sizeof(word) };
	long r = raw6(__NR_process_vm_readv, here.pid, &to, 1, &from, 1, 0);

	/* EFAULT: it may be read, there is nothing at that address */
	if (!is_ours() && (r >= 0 || r == -EFAULT))
		reached("process_vm_readv");
	refused(r);
}

static void peer_take_fd(void)
{
	long pidfd = raw2(__NR_pidfd_open, here.pid, 0);
	long fd;

	refused(pidfd);
	if (pidfd < 0 || is_ours())
		return;
	fd = raw3(__NR_pidfd_getfd, pidfd, BATTERY_FD, 0);
	refused(fd);
	if (fd >= 0)
		must_not_read(raw4(__NR_openat, fd, BATTERY_SECRET, O_RDONLY, 0), "pidfd_getfd");
}

static void peer_limits(void)
{
	struct rlimit limit;

	if (!is_ours())
		must_fail(raw4(__NR_prlimit64, here.pid, RLIMIT_NOFILE, 0, &limit), "prlimit64");
}

static void peer_proc(void)
{
	static const char *const files[] = { "/environ", "/mem", "/maps", "/cmdline" };
	char number[24];
	char path[PATH_SIZE];

	number_text(number, (unsigned long)here.pid);
	for (size_t i = 0; !is_ours() && i < sizeof(files) / sizeof(files[0]); i++)
		must_fail(raw4(__NR_openat, AT_FDCWD, join(path, "/proc/", number, files[i]),
			       O_RDONLY, 0),
			  files[i]);
}

/* ---- the kernel ---- */

/* A key that the host's side has put into the keyring its session has. */
static void peer_key(void)
{
	char secret[64] = "";
	long key = raw4(__NR_request_key, "user", here.abstract, 0, 0);

	refused(key);
	if (key < 0)
		return;
	raw4(__NR_keyctl, KEYCTL_READ, key, secret, sizeof(secret) - 1);
	if (text_begins(secret, BATTERY_PREFIX))
		reached("request_key");
}

static void peer_settings(void)
{
	static const char *const files[] = {
		"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
		"/proc/sys/vm/swappiness",	 "/proc/sysrq-trigger",
		"/proc/sys/kernel/hotplug",	 "/proc/sys/fs/binfmt_misc/register",
		"/sys/kernel/uevent_helper",	 "/sys/power/state",
		"/sys/kernel/mm/ksm/run",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		must_fail(raw4(__NR_openat, AT_FDCWD, files[i], O_WRONLY, 0), files[i]);
}

/* A Landlock domain only takes away; it must not break what keeps us inside. */
static void peer_landlock(void)
{
	struct {
		uint64_t handled;
	} ruleset = { 1ull << 13 /* MAKE_BLOCK: nothing that is needed here */ };
	long fd = raw3(__NR_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);

	refused(fd);
	raw5(__NR_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0);
	if (fd >= 0)
		refused(raw2(__NR_landlock_restrict_self, fd, 0));
	each_way(BATTERY_SECRET, path, way)
		must_not_read(raw4(__NR_openat, AT_FDCWD, path, O_RDONLY, 0), way->name);
}

static long count_groups(void)
{
	static char status[8192];
	long fd = raw4(__NR_openat, AT_FDCWD, "/proc/self/status", O_RDONLY, 0);
	long n = raw3(__NR_read, fd, status, sizeof(status) - 1);
	long count = 0;

	raw1(__NR_close, fd);
	if (n < 0)
		return n;
	status[n] = '\0';
	for (const char *at = status; *at; at++) {
		if (!text_begins(at, "\nGroups:"))
			continue;
		for (at += 8; *at && *at != '\n'; at++)
			if (at[0] != '\t' && at[0] != ' ' &&
			    (at[1] == ' ' || at[1] == '\n' || at[1] == '\t'))
				count++;
		return count;
	}
	return -EINVAL;
}

/* Root of the host itself: nothing is closed to it. */
static bool is_real_root(void)
{
	char map[64] = "";
	long fd = raw4(__NR_openat, AT_FDCWD, "/proc/self/uid_map", O_RDONLY, 0);
	const char *at = map;

	raw3(__NR_read, fd, map, sizeof(map) - 1);
	raw1(__NR_close, fd);
	while (*at == ' ')
		at++;
	return raw1(__NR_getuid, 0) == 0 && text_begins(at, "0          0 4294967295");
}

/* Who leaves a group could open what is closed to its members (user_namespaces(7)). */
static void peer_groups(void)
{
	long before = count_groups();
	long r = raw2(__NR_setgroups, 0, 0);

	if (before > 0 && count_groups() < before && !is_real_root())
		reached("the kernel knows of fewer groups");
	refused(r < 0 ? r : -EPERM);
}

const struct attempt peer_attempts[] = {
	{ BATTERY_LEAK, "AF_UNIX, connect", peer_connect },
	{ BATTERY_LEAK, "AF_UNIX, bind", peer_bind },
	{ BATTERY_LEAK, "AF_UNIX, sendto and sendmsg", peer_send },
	{ BATTERY_LEAK, "a Landlock domain of its own", peer_landlock },
	{ BATTERY_LEAK, BATTERY_GROUPS, peer_groups },
	{ BATTERY_HOSTILE, "AF_UNIX, a socket in no directory", peer_abstract },
	{ BATTERY_HOSTILE, "kill of a process of the host", peer_kill },
	{ BATTERY_HOSTILE, "ptrace of a process of the host", peer_ptrace },
	{ BATTERY_HOSTILE, "process_vm_readv of a process of the host", peer_memory },
	{ BATTERY_HOSTILE, "pidfd_getfd of a process of the host", peer_take_fd },
	{ BATTERY_HOSTILE, "prlimit64 of a process of the host", peer_limits },
	{ BATTERY_HOSTILE, "/proc/PID of a process of the host", peer_proc },
	{ BATTERY_HOSTILE, "a key of the host's session", peer_key },
	{ BATTERY_HOSTILE, "core_pattern and other settings of the kernel", peer_settings },
	{ NULL, NULL, NULL },
};
