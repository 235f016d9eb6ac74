// SPDX-License-Identifier: Apache-2.0
/* Which capability is in the table. Some of those calls also do what everybody may. */
#include "tap/blob/privilege.h"

#include <errno.h>
#include <linux/mount.h>
#include <linux/quota.h>
#include <linux/sched.h>

#include "tap/blob/handlers.h"

/* asm-generic and x86 agree: bits/socket.h */
#define FAMILY_INET   2
#define FAMILY_INET6  10
#define FAMILY_PACKET 17
#define TYPE_MASK     15
#define TYPE_RAW      3

/* syslog(2): what dmesg_restrict alone decides. */
#define SYSLOG_READ_ALL	   3
#define SYSLOG_SIZE_BUFFER 10

static bool makes_namespaces(unsigned long flags)
{
	return (flags & TAP_NAMESPACES) && !(flags & CLONE_NEWUSER);
}

/* IPv4 or IPv6, raw, or below them; a raw netlink(7) socket is anybody's. */
static bool is_raw_socket(long family, long type)
{
	return family == FAMILY_PACKET || ((family == FAMILY_INET || family == FAMILY_INET6) &&
					   (type & TYPE_MASK) == TYPE_RAW);
}

/* quotactl(2): who may look, the kernel says. */
static bool changes_quota(unsigned long command)
{
	switch ((unsigned)command >> SUBCMDSHIFT) {
	case Q_QUOTAON:
	case Q_QUOTAOFF:
	case Q_SETINFO:
	case Q_SETQUOTA:
		return true;
	default:
		return false;
	}
}

static bool asks(const struct tap_call *call)
{
	const long *arg = call->arg;

	switch (call->nr) {
	case NR_clone:
	case NR_unshare:
		return makes_namespaces((unsigned long)arg[0]);
	case NR_socket:
		return is_raw_socket((int)arg[0], (int)arg[1]);
	case NR_open_tree:
	case NR_open_tree_attr:
		return arg[2] & OPEN_TREE_CLONE;
	case NR_fsconfig:
		return (int)arg[1] == FSCONFIG_CMD_RECONFIGURE;
	case NR_syslog:
		return (int)arg[0] != SYSLOG_READ_ALL && (int)arg[0] != SYSLOG_SIZE_BUFFER;
	case NR_quotactl:
		return changes_quota((unsigned long)arg[0]);
	case NR_quotactl_fd:
		return changes_quota((unsigned long)arg[1]);
	case NR_iopl:
		return (unsigned)arg[0];
	case NR_ioperm:
		return (int)arg[2];
	default:
		return true;
	}
}

bool privilege_is_missing(const struct tap_row *row, const struct tap_call *call)
{
	return tap.root && !creds_may(&process_read()->creds, row->trap.needs) && asks(call);
}

/* Trapped where it makes namespaces, and made by who may. The child continues on a copy of our
 * stack, and has its own one when the signal handler returns: where memory would be in common for
 * as long as its parent waits, it is not. */
long on_clone(struct tap_call *call)
{
	unsigned long stack = (unsigned long)call->arg[1];
	long r;

	if ((call->arg[0] & CLONE_VM) && !(call->arg[0] & CLONE_VFORK))
		return -EINVAL;
	call->arg[0] &= ~(long)CLONE_VM;
	call->arg[1] = 0;
	r = pass(call);
	if (r == 0 && stack)
		context_set_stack(call->context, stack);
	return r;
}
