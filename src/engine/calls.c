// SPDX-License-Identifier: Apache-2.0
/* Which call is whose. A call that takes a path and has no line here is refused (ENOSYS), as are
 * those that the table of system calls does not know: tests/unit/engine. */

#include "engine/calls.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "engine/calls_file.h"
#include "sys/raw.h"
#include "tap/table.h"
#include "tap/traced.h"

#define STOPS(call, function)		  [NR_##call] = { CALL_STOPS, 0, 0, function }
#define STOPS_IF(call, arg, function)	  [NR_##call] = { CALL_STOPS_IF, arg, 0, function }
#define STOPS_EQ(call, arg, to, function) [NR_##call] = { CALL_STOPS_EQ, arg, to, function }
#define REFUSED(call, error)		  [NR_##call] = { CALL_REFUSED, 0, error, NULL }
#define FREE(call)			  [NR_##call] = { CALL_ALLOWED, 0, 0, NULL }

/* Calls about files, with or without root emulation. */
static const struct call_rule rules[TAP_NR_ROWS] = {
#ifdef SYS_open
	STOPS(open, calls_open),
	STOPS(creat, calls_creat),
	STOPS(stat, calls_stat),
	STOPS(lstat, calls_lstat),
	STOPS(access, calls_access),
	STOPS(mkdir, calls_mkdir),
	STOPS(mknod, calls_mknod),
	STOPS(unlink, calls_unlink),
	STOPS(rmdir, calls_rmdir),
	STOPS(symlink, calls_symlink),
	STOPS(rename, calls_rename),
	STOPS(link, calls_link),
	STOPS(readlink, calls_readlink),
	STOPS(chmod, calls_chmod),
	STOPS(chown, calls_chown),
	STOPS(lchown, calls_lchown),
	STOPS(utime, calls_utime),
	STOPS(utimes, calls_utimes),
	STOPS(futimesat, calls_futimesat),
#endif
	STOPS(openat, calls_openat),
	STOPS(openat2, calls_openat2),
	STOPS(newfstatat, calls_newfstatat),
	STOPS(statx, calls_statx),
	STOPS(faccessat, calls_faccessat),
	STOPS(faccessat2, calls_faccessat),
	STOPS(mkdirat, calls_mkdirat),
	STOPS(mknodat, calls_mknodat),
	STOPS(unlinkat, calls_unlinkat),
	STOPS(symlinkat, calls_symlinkat),
	STOPS(renameat, calls_renameat),
	STOPS(renameat2, calls_renameat),
	STOPS(linkat, calls_linkat),
	STOPS(readlinkat, calls_readlinkat),
	STOPS(fchmodat, calls_fchmodat),
	STOPS(fchmodat2, calls_fchmodat),
	STOPS(fchownat, calls_fchownat),
	STOPS(truncate, calls_truncate),
	STOPS(utimensat, calls_utimensat),
	STOPS(statfs, calls_statfs),
	STOPS(setxattr, calls_setxattr),
	STOPS(lsetxattr, calls_lsetxattr),
	STOPS(getxattr, calls_getxattr),
	STOPS(lgetxattr, calls_lgetxattr),
	STOPS(listxattr, calls_listxattr),
	STOPS(llistxattr, calls_llistxattr),
	STOPS(removexattr, calls_removexattr),
	STOPS(lremovexattr, calls_lremovexattr),
	STOPS(setxattrat, calls_setxattrat),
	STOPS(getxattrat, calls_getxattrat),
	STOPS(listxattrat, calls_listxattrat),
	STOPS(removexattrat, calls_removexattrat),
	STOPS(getdents64, calls_getdents64),
	STOPS(getcwd, calls_getcwd),
	STOPS(chdir, calls_chdir),
	STOPS(fchdir, calls_fchdir),
	STOPS(chroot, calls_chroot),
	STOPS(umask, calls_umask),
	STOPS(inotify_add_watch, calls_inotify_add_watch),
	STOPS(fanotify_mark, calls_fanotify_mark),
	STOPS(execve, calls_execve),
	STOPS(execveat, calls_execveat),
	STOPS(bind, calls_bind),
	STOPS(connect, calls_connect),
	STOPS_IF(sendto, 4, calls_sendto),
	STOPS(sendmsg, calls_sendmsg),
	STOPS(sendmmsg, calls_sendmmsg),
	STOPS(getsockname, calls_getsockname),
	STOPS(getpeername, calls_getsockname),
	STOPS_IF(accept, 1, calls_getsockname),
	STOPS_IF(accept4, 1, calls_getsockname),
	STOPS(prctl, calls_prctl),
	STOPS_EQ(seccomp, 0, SECCOMP_SET_MODE_FILTER, calls_seccomp),
	STOPS_EQ(kill, 0, (uint32_t)-1, calls_kill),
	/* a name of its own kind, not a path */
	FREE(mq_open),
	FREE(mq_unlink),
	FREE(bpf),
	FREE(landlock_add_rule), /* what it is about has been opened */
	/* mounts: what paths mean is not the kernel's to say; of the new calls there are none, and
	 * libraries go on with the old ones */
	STOPS(mount, calls_mount),
	STOPS(umount2, calls_mount),
	STOPS(pivot_root, calls_mount),
	REFUSED(fsopen, ENOSYS),
	REFUSED(fsmount, ENOSYS),
	REFUSED(fspick, ENOSYS),
	REFUSED(open_tree, ENOSYS),
	REFUSED(open_tree_attr, ENOSYS),
	REFUSED(move_mount, ENOSYS),
	REFUSED(mount_setattr, ENOSYS),
	REFUSED(setns, EPERM),
	[NR_unshare] = { CALL_REFUSED_IF, 0, NEW_NAMESPACES, NULL },
	[NR_clone] = { CALL_STOPS_ANY, 0, NEW_NAMESPACES | CLONE_UNTRACED, calls_clone },
	REFUSED(clone3, ENOSYS), /* its flags are behind a pointer: libcs fall back */
	REFUSED(acct, EPERM),
	REFUSED(swapon, EPERM),
	REFUSED(swapoff, EPERM),
	REFUSED(quotactl, EPERM),
	REFUSED(open_by_handle_at, EPERM),
	REFUSED(name_to_handle_at, EOPNOTSUPP),
#if defined(__x86_64__)
	STOPS(ptrace, calls_ptrace),
	STOPS(wait4, calls_wait4),
	STOPS(waitid, calls_waitid),
#else
	REFUSED(ptrace, EPERM), /* debug.h */
#endif
};

/* And those that only root emulation is about. */
static const struct call_rule root_rules[TAP_NR_ROWS] = {
	STOPS(fstat, calls_fstat),
	STOPS(fchmod, calls_fchmod),
	STOPS(fchown, calls_fchown),
	STOPS(fsetxattr, calls_fsetxattr),
	STOPS(fgetxattr, calls_fgetxattr),
	STOPS(flistxattr, calls_flistxattr),
	STOPS(fremovexattr, calls_fremovexattr),
	STOPS(getuid, calls_identity),
	STOPS(geteuid, calls_identity),
	STOPS(getgid, calls_identity),
	STOPS(getegid, calls_identity),
	STOPS(setuid, calls_identity),
	STOPS(setgid, calls_identity),
	STOPS(setreuid, calls_identity),
	STOPS(setregid, calls_identity),
	STOPS(setresuid, calls_identity),
	STOPS(setresgid, calls_identity),
	STOPS(setfsuid, calls_identity),
	STOPS(setfsgid, calls_identity),
	STOPS(getresuid, calls_getres),
	STOPS(getresgid, calls_getres),
	STOPS(getgroups, calls_getgroups),
	STOPS(setgroups, calls_setgroups),
	STOPS(capget, calls_capget),
	STOPS(capset, calls_capset),
	STOPS(getsockopt, calls_getsockopt),
	STOPS_EQ(setsockopt, 2, SO_PASSCRED, calls_setsockopt),
	STOPS(recvmsg, calls_recvmsg),
	STOPS(recvmmsg, calls_recvmmsg),
	STOPS(kill, calls_kill),
	STOPS(tkill, calls_kill),
	STOPS(tgkill, calls_kill),
	STOPS(rt_sigqueueinfo, calls_kill),
	STOPS(rt_tgsigqueueinfo, calls_kill),
	STOPS(pidfd_send_signal, calls_kill),
};

/* It only is of interest whether the kernel refuses it. */
static long watched_end(struct tracer *tracer, struct tracee *tracee, long result)
{
	(void)tracer;
	(void)tracee;
	return result;
}

static enum call_verdict calls_watched(struct visit *visit)
{
	visit->tracee->finish = watched_end;
	return CALL_GO;
}

static const struct call_rule watched_rule = { CALL_STOPS, 0, 0, calls_watched };

/* What root emulation would have made succeed. */
static bool is_roots(long number)
{
	static const uint16_t numbers[] = { NR_fchown,	  NR_setuid,	NR_setgid,
					    NR_setreuid,  NR_setregid,	NR_setresuid,
					    NR_setresgid, NR_setgroups, NR_capset };

	for (size_t i = 0; i < array_count(numbers); i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static bool has_path(const struct tap_row *row)
{
	for (const char *at = row->args; *at; at++)
		if (*at == 'p' || *at == 'l' || *at == 'c')
			return true;
	return row->class == TAP_PATH || row->class == TAP_PATH2 || row->class == TAP_EXEC;
}

static bool has_read_only(const struct calls *calls)
{
	return calls->map && (calls->map->any_flags & PATHMAP_READ_ONLY);
}

const struct call_rule *calls_rule(const struct calls *calls, long number)
{
	static const struct call_rule free_rule;
	static const struct call_rule unknown = { CALL_REFUSED, 0, ENOSYS, NULL };
	static const struct call_rule name_rule = { CALL_STOPS, 0, 0, calls_uname };
	const struct call_rule *rule = &unknown;
	const struct tap_row *row;

	if (number < 0 || number >= TAP_NR_END || !tap_table[number].name)
		return &unknown;
	row = &tap_table[number];
	if (number == NR_uname && (calls->hostname[0] || calls->kernel_release[0]))
		return &name_rule;
	if (root_rules[number].interest &&
	    (calls->emulates || (has_read_only(calls) && tap_row_changes_fd(row))))
		return &root_rules[number];
	if (rules[number].interest)
		rule = &rules[number];
	else if (!has_path(row) && row->trap.when != TAP_REFUSED)
		rule = row->trap.seen || is_roots(number) ? &watched_rule : &free_rule;
	return rule->interest == CALL_ALLOWED ? &free_rule : rule;
}

/* Where all calls stop: what the filter would say. */
static bool is_meant(const struct call_rule *rule, struct registers *registers)
{
	unsigned long arg = *registers_arg(registers, rule->arg);

	switch (rule->interest) {
	case CALL_STOPS_IF:
		return arg;
	case CALL_STOPS_EQ:
		return (uint32_t)arg == rule->value;
	case CALL_STOPS_ANY:
	case CALL_REFUSED_IF:
		return arg & rule->value;
	default:
		return true;
	}
}

/* int $0x80 has numbers of its own; a filter has refused it already. */
static bool is_native(const struct tracer *tracer, const struct tracee *tracee,
		      const struct registers *registers)
{
	unsigned architecture;

	if (tracer->by_filter)
		return true;
	architecture = trace_architecture(tracee->tid);
	return registers_are_native(registers) && (!architecture || architecture == ARCH_AUDIT);
}

static enum call_verdict decide(struct visit *visit)
{
	struct registers *registers = visit->registers;
	const struct call_rule *rule = calls_rule(visit->calls, registers_call(registers));

	if (rule->interest == CALL_FREE || !is_meant(rule, registers))
		return CALL_GO;
	if (!rule->handler)
		return visit_answer(visit,
				    rule->interest == CALL_REFUSED ? -(long)rule->value : -EPERM);
	if (visit->calls->emulates)
		traced_become(&visit->tracee->subject->creds);
	return rule->handler(visit);
}

/* Where all calls stop, filters of others are asked after us, about a call that every list of what
 * is allowed has. No call at all, -1, is on none of them. */
enum call_verdict calls_begin(struct tracer *tracer, struct tracee *tracee,
			      struct registers *registers)
{
	struct visit visit = { tracer, tracee, tracer->context, registers };
	enum call_verdict verdict;

	if (!is_native(tracer, tracee, registers))
		return visit_answer(&visit, -ENOSYS);
	verdict = decide(&visit);
	if (verdict == CALL_SKIP && !tracer->by_filter)
		registers_set_call(registers, SYS_getpid);
	return verdict;
}
