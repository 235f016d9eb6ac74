// SPDX-License-Identifier: Apache-2.0
#include "engine/namespaces.h"

#include <linux/keyctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/seldom.h"
#include "sys/landlock.h"
#include "sys/ns.h"
#include "sys/seccomp.h"

unsigned long namespaces_of(const struct box_private *private_ns)
{
	return (unsigned long)(CLONE_NEWNS | (private_ns->pid ? CLONE_NEWPID : 0) |
			       (private_ns->ipc ? CLONE_NEWIPC : 0) |
			       (private_ns->uts ? CLONE_NEWUTS : 0) |
			       (private_ns->network ? CLONE_NEWNET : 0));
}

/* Keys of the caller's session (Kerberos tickets, passwords of mounts) are reached through a
 * keyring that processes inherit, whatever their namespaces (session-keyring(7)). Where the kernel
 * refuses keyctl(2) it does so inside as well; where the user has no key to spare (kernel.keys),
 * the command is more important. Not asked first whether there is a session: the kernel makes two
 * keyrings to answer that, of the user's few. */
static void leave_session_keyring(void)
{
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

int namespaces_set_up(const struct box *box, struct err *err)
{
	if (box->hostname && box->private_ns.uts &&
	    sethostname(box->hostname, strlen(box->hostname)) < 0)
		return fail(err, errno, "hostname '%s'", box->hostname);
	if (box->private_ns.ipc)
		leave_session_keyring();
	return box->private_ns.network ? ns_loopback_up(err) : 0;
}

static bool can_be_written(const struct box_mount *mount)
{
	return !mount->read_only &&
	       (mount->kind == BOX_MOUNT_BIND || mount->kind == BOX_MOUNT_TMPFS ||
		mount->kind == BOX_MOUNT_DEV || mount->kind == BOX_MOUNT_PROC);
}

int namespaces_wall(const struct box *box, struct err *err)
{
	auto_fd fd = landlock_begin(false);
	int r;

	if (fd < 0) /* the kernel has none: namespaces alone it is */
		return 0;
	r = landlock_allow(fd, "/", box->root.read_only, err);
	for (size_t i = 0; r == 0 && i < box->mounts.count; i++)
		if (can_be_written(&box->mounts.item[i]))
			r = landlock_allow(fd, box->mounts.item[i].target, false, err);
	return r < 0 ? r : landlock_enforce(fd, err);
}

int namespaces_refuse(const struct box *box, struct err *err)
{
	if (!box->kernel_release)
		return 0;
	fail_plain(err, ENOTSUP,
		   "--kernel-release: the kernel answers uname(2), and this engine does not stand "
		   "between");
	err_hint(err, "--engine tap and --engine ptrace do");
	return -ENOTSUP;
}

/* The host's facts are seven pages of stack. */
static seldom int refuse_without_trap(struct err *err)
{
	auto_host host = { 0 };

	host_init(&host, NULL);
	if (host_fact(&host, HOST_SECCOMP_TRAP)->usable)
		return 0;
	(void)host_refuse(&host, HOST_SECCOMP_TRAP, err);
	return err_wrap(err, "root emulation");
}

int namespaces_refuse_tap(const struct box *box, struct err *err)
{
	if (box->emulation != BOX_EMULATION_TAP || seccomp_knows_trap())
		return 0;
	return refuse_without_trap(err);
}

int namespaces_probe(struct host *host, const struct box_private *private_ns,
		     struct err *ret_why_not)
{
	const struct {
		bool wanted;
		enum host_fact fact;
	} needs[] = {
		{ true, HOST_USER_NAMESPACE },
		{ true, HOST_NAMESPACE_MOUNT },
		{ private_ns->network, HOST_NAMESPACE_NETWORK },
	};

	for (size_t i = 0; i < array_count(needs); i++)
		if (needs[i].wanted && !host_fact(host, needs[i].fact)->usable)
			return host_refuse(host, needs[i].fact, ret_why_not);
	return 0;
}
