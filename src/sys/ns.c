// SPDX-License-Identifier: Apache-2.0
#include "sys/ns.h"

#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "base/io.h"
#include "sys/new_calls.h"
#include "sys/rule.h"

pid_t ns_fork(unsigned long flags)
{
	/* Raw clone(2), not clone3: container seccomp profiles answer ENOSYS to clone3 because
	 * they cannot see its flags. The argument order is the same on x86-64 and arm64 up to
	 * the zeroes. */
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	return pid < 0 ? -errno : (pid_t)pid;
}

pid_t ns_fork_pidfd(unsigned long flags, int *ret_pidfd)
{
	pid_t pid = ns_fork(flags);

	if (pid > 0)
		*ret_pidfd = pidfd_open(pid, 0);
	return pid;
}

static int write_proc(const char *path, const char *text)
{
	auto_fd fd = openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC); /* musl's open(2) is two calls */

	if (fd < 0)
		return -errno;
	return io_write_all(fd, text, strlen(text));
}

int ns_map(pid_t pid, uid_t inside_uid, uid_t outside_uid, gid_t inside_gid, gid_t outside_gid,
	   struct err *err)
{
	const struct {
		const char *file;
		uint32_t inside, outside;
	} maps[] = { { "uid_map", inside_uid, outside_uid },
		     { "gid_map", inside_gid, outside_gid } };
	char folder[32] = "/proc/self";
	char path[64];
	char line[64];
	int r;

	if (pid)
		snprintf(folder, sizeof(folder), "/proc/%d", (int)pid);
	/* Since 3.19 gid_map needs setgroups denied first, for a process without CAP_SETGID. */
	snprintf(path, sizeof(path), "%s/setgroups", folder);
	r = write_proc(path, "deny");
	if (r < 0 && r != -ENOENT)
		return fail(err, -r, "write %s", path);
	for (size_t i = 0; i < array_count(maps); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, maps[i].file);
		snprintf(line, sizeof(line), "%u %u 1", maps[i].inside, maps[i].outside);
		r = write_proc(path, line);
		if (r < 0)
			return fail(err, -r, "write '%s' to %s", line, path);
	}
	return 0;
}

void ns_explain(int error, struct err *err)
{
	struct rule rule;

	rule_user_namespace(error, &rule);
	rule_add_hint(&rule, err);
}

int ns_loopback_up(struct err *err)
{
	auto_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	if (fd < 0)
		return fail(err, errno, "socket for loopback");
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return fail(err, errno, "read flags of lo");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return fail(err, errno, "bring lo up");
	return 0;
}
