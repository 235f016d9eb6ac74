// SPDX-License-Identifier: Apache-2.0
/* The rows. tools/gen-syscalls prints those that are missing, tests/unit/tap fails on them.
 * Compiled twice: into the tap with its handlers, and into the hosted library without. */
#include "tap/table.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/wait.h>
#include <stddef.h>

#ifdef TAP_BLOB
#include "tap/blob/handlers.h"
#define ROW(call, kind, arguments, when_and_if, function) \
	[NR_##call] = { .name = #call,                    \
			.args = arguments,                \
			.class = TAP_##kind,              \
			.trap = when_and_if,              \
			.handler = function }
#else
#define ROW(call, kind, arguments, when_and_if, function) \
	[NR_##call] = { .name = #call, .args = arguments, .class = TAP_##kind, .trap = when_and_if }
#endif

#define NEVER                               \
	{                                   \
		TAP_NEVER, TAP_ALWAYS, 0, 0 \
	}
#define CORE                               \
	{                                  \
		TAP_CORE, TAP_ALWAYS, 0, 0 \
	}
#define CORE_IF_SET(arg)                     \
	{                                    \
		TAP_CORE, TAP_IF_SET, arg, 0 \
	}
#define CORE_IF_ANY(arg, bits)                  \
	{                                       \
		TAP_CORE, TAP_IF_ANY, arg, bits \
	}
#define CORE_IF_FD(arg)                     \
	{                                   \
		TAP_CORE, TAP_IF_FD, arg, 0 \
	}
#define CORE_IF_FD2(arg)                     \
	{                                    \
		TAP_CORE, TAP_IF_FD2, arg, 0 \
	}
#define ROOT                               \
	{                                  \
		TAP_ROOT, TAP_ALWAYS, 0, 0 \
	}
#define ROOT_IF_EQUAL(arg, to)                  \
	{                                       \
		TAP_ROOT, TAP_IF_EQUAL, arg, to \
	}
#define ROOT_IF_EITHER(arg, this, that)                         \
	{                                                       \
		TAP_ROOT, TAP_IF_EITHER, arg, this | that << 16 \
	}
#define ROOT_IF_OPEN(arg)                                    \
	{                                                    \
		TAP_ROOT, TAP_IF_OPEN, arg, TAP_OPEN_CHANGES \
	}
#define WATCHED                               \
	{                                     \
		TAP_WATCHED, TAP_ALWAYS, 0, 0 \
	}
#define WATCHED_IF_SPACES(arg, capability)                              \
	{                                                               \
		TAP_WATCHED, TAP_IF_SPACES, arg, 0, .needs = capability \
	}
#define WATCHED_IF_EQUAL(arg, to)                  \
	{                                          \
		TAP_WATCHED, TAP_IF_EQUAL, arg, to \
	}
#define SEEN                                              \
	{                                                 \
		TAP_NEVER, TAP_ALWAYS, 0, 0, .seen = true \
	}
#define NEEDS(capability)                                                      \
	{                                                                      \
		TAP_NEVER, TAP_ALWAYS, 0, 0, .seen = true, .needs = capability \
	}
#define NEEDS_IF_ANY(arg, bits, capability)                                         \
	{                                                                           \
		TAP_NEVER, TAP_IF_ANY, arg, bits, .seen = true, .needs = capability \
	}
#define VIEW_NEEDS(capability)                                                \
	{                                                                     \
		TAP_VIEW, TAP_ALWAYS, 0, 0, .seen = true, .needs = capability \
	}
#define ROOT_NEEDS(capability)                                                \
	{                                                                     \
		TAP_ROOT, TAP_ALWAYS, 0, 0, .seen = true, .needs = capability \
	}
#define ROOT_IF_EQUAL_NEEDS(arg, to, capability)                                   \
	{                                                                          \
		TAP_ROOT, TAP_IF_EQUAL, arg, to, .seen = true, .needs = capability \
	}
#define EXE                               \
	{                                 \
		TAP_EXE, TAP_ALWAYS, 0, 0 \
	}
#define VIEW                               \
	{                                  \
		TAP_VIEW, TAP_ALWAYS, 0, 0 \
	}
#define REFUSED                               \
	{                                     \
		TAP_REFUSED, TAP_ALWAYS, 0, 0 \
	}

/* asm-generic/socket.h: SO_PASSCRED, SO_PEERCRED, SO_PEERGROUPS */
#define PASSCRED   16
#define PEERCRED   17
#define PEERGROUPS 59

/* The bit that SOCK_RAW has, and SOCK_DGRAM with it, but SOCK_STREAM has not */
#define RAW_OR_DATAGRAM 2

/* clang-format off */
const struct tap_row tap_table[TAP_NR_ROWS] = {
	ROW(_sysctl, PASS, "", NEVER, NULL),
	ROW(accept, FD, "f...", NEVER, NULL),
	ROW(accept4, FD, "f...", NEVER, NULL),
	ROW(access, PATH, "p.", ROOT, on_access),
	ROW(acct, PATH, "p", NEEDS(CAP_SYS_PACCT), NULL),
	ROW(add_key, PASS, "", NEVER, NULL),
	ROW(adjtimex, PASS, "", NEVER, NULL),
	ROW(afs_syscall, PASS, "", NEVER, NULL),
	ROW(alarm, PASS, "", NEVER, NULL),
	ROW(arch_prctl, PASS, "", NEVER, NULL),
	ROW(bind, FD, "fa.", ROOT, on_bind),
	ROW(bpf, PATH, "...", SEEN, NULL),
	ROW(brk, PASS, "", NEVER, NULL),
	ROW(cachestat, FD, "f...", NEVER, NULL),
	ROW(capget, IDENTITY, "...", ROOT, on_capget),
	ROW(capset, IDENTITY, "...", ROOT, on_capset),
	ROW(chdir, PATH, "p", NEVER, NULL),
	ROW(chmod, OWNER, "p.", ROOT, on_chmod),
	ROW(chown, OWNER, "p..", ROOT, on_chown),
	ROW(chroot, PATH, "p", NEEDS(CAP_SYS_CHROOT), NULL),
	ROW(clock_adjtime, PASS, "", NEVER, NULL),
	ROW(clock_getres, PASS, "", NEVER, NULL),
	ROW(clock_gettime, PASS, "", NEVER, NULL),
	ROW(clock_nanosleep, PASS, "", NEVER, NULL),
	ROW(clock_settime, PASS, "", NEEDS(CAP_SYS_TIME), NULL),
	ROW(clone, PASS, "", WATCHED_IF_SPACES(0, CAP_SYS_ADMIN), on_clone),
	ROW(clone3, REFUSE, "..", REFUSED, NULL),
	ROW(close, FD, "f", CORE_IF_FD(0), on_close),
	ROW(close_range, FD, "...", CORE, on_close_range),
	ROW(connect, FD, "fa.", ROOT, on_connect),
	ROW(copy_file_range, FD, "f...", NEVER, NULL),
	ROW(creat, PATH, "p.", ROOT, on_creat),
	ROW(create_module, PASS, "", NEVER, NULL),
	ROW(delete_module, PASS, "", NEEDS(CAP_SYS_MODULE), NULL),
	ROW(dup, FD, "f", CORE_IF_FD(0), on_hidden_fd),
	ROW(dup2, FD, "ff", CORE_IF_FD2(0), on_dup2),
	ROW(dup3, FD, "ff.", CORE_IF_FD2(0), on_dup2),
	ROW(epoll_create, PASS, "", NEVER, NULL),
	ROW(epoll_create1, PASS, "", NEVER, NULL),
	ROW(epoll_ctl, FD, "f...", NEVER, NULL),
	ROW(epoll_ctl_old, PASS, "", NEVER, NULL),
	ROW(epoll_pwait, SIGNAL, "f.....", CORE_IF_SET(4), on_epoll_pwait),
	ROW(epoll_pwait2, SIGNAL, "f.....", CORE_IF_SET(4), on_epoll_pwait2),
	ROW(epoll_wait, FD, "f...", NEVER, NULL),
	ROW(epoll_wait_old, PASS, "", NEVER, NULL),
	ROW(eventfd, PASS, "", NEVER, NULL),
	ROW(eventfd2, PASS, "", NEVER, NULL),
	ROW(execve, EXEC, "p..", CORE, on_execve),
	ROW(execveat, EXEC, "dp..n", CORE, on_execveat),
	ROW(exit, PASS, "", NEVER, NULL),
	ROW(exit_group, PASS, "", NEVER, NULL),
	ROW(faccessat, PATH, "dp.", ROOT, on_faccessat),
	ROW(faccessat2, PATH, "dp.n", ROOT, on_faccessat2),
	ROW(fadvise64, FD, "f...", NEVER, NULL),
	ROW(fallocate, FD, "f...", NEVER, NULL),
	ROW(fanotify_init, PASS, "", SEEN, NULL),
	ROW(fanotify_mark, PATH, "f..dp", NEVER, NULL),
	ROW(fchdir, FD, "f...", VIEW, NULL),
	ROW(fchmod, OWNER, "f.", ROOT, on_fchmod),
	ROW(fchmodat, OWNER, "dp.", ROOT, on_fchmodat),
	ROW(fchmodat2, OWNER, "dp.n", ROOT, on_fchmodat2),
	ROW(fchown, OWNER, "f..", ROOT, on_fchown),
	ROW(fchownat, OWNER, "dp..n", ROOT, on_fchownat),
	ROW(fcntl, FD, "f..", CORE_IF_FD(0), on_hidden_fd),
	ROW(fdatasync, FD, "f...", NEVER, NULL),
	ROW(fgetxattr, OWNER, "f...", ROOT, on_fgetxattr),
	ROW(file_getattr, PATH, "dp..n", NEVER, NULL),
	ROW(file_setattr, PATH, "dp..n", NEVER, NULL),
	ROW(finit_module, FD, "f...", NEEDS(CAP_SYS_MODULE), NULL),
	ROW(flistxattr, OWNER, "f..", ROOT, on_flistxattr),
	ROW(flock, FD, "f...", NEVER, NULL),
	ROW(fork, PASS, "", NEVER, NULL),
	ROW(fremovexattr, OWNER, "f.", ROOT, on_fremovexattr),
	ROW(fsconfig, MOUNT, "f....", ROOT_IF_EQUAL_NEEDS(1, FSCONFIG_CMD_RECONFIGURE, CAP_SYS_ADMIN), on_remount),
	ROW(fsetxattr, OWNER, "f....", ROOT, on_fsetxattr),
	ROW(fsmount, MOUNT, "f..", VIEW_NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(fsopen, MOUNT, "..", ROOT_NEEDS(CAP_SYS_ADMIN), on_fsopen),
	ROW(fspick, PATH, "dpn", VIEW_NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(fstat, STAT, "fs", ROOT, on_fstat),
	ROW(fstatfs, FD, "f...", NEVER, NULL),
	ROW(fsync, FD, "f...", NEVER, NULL),
	ROW(ftruncate, FD, "f...", NEVER, NULL),
	ROW(futex, PASS, "", NEVER, NULL),
	ROW(futex_requeue, PASS, "", NEVER, NULL),
	ROW(futex_wait, PASS, "", NEVER, NULL),
	ROW(futex_waitv, PASS, "", NEVER, NULL),
	ROW(futex_wake, PASS, "", NEVER, NULL),
	ROW(futimesat, PATH, "dp.", ROOT, on_futimesat),
	ROW(get_kernel_syms, PASS, "", NEVER, NULL),
	ROW(get_mempolicy, PASS, "", NEVER, NULL),
	ROW(get_robust_list, PASS, "", NEVER, NULL),
	ROW(get_thread_area, PASS, "", NEVER, NULL),
	ROW(getcpu, PASS, "", NEVER, NULL),
	ROW(getcwd, PATH, ".", VIEW, NULL),
	ROW(getdents, FD, "f..", CORE, on_getdents),
	ROW(getdents64, FD, "f..", CORE, on_getdents64),
	ROW(getegid, IDENTITY, "...", ROOT, on_getegid),
	ROW(geteuid, IDENTITY, "...", ROOT, on_geteuid),
	ROW(getgid, IDENTITY, "...", ROOT, on_getgid),
	ROW(getgroups, IDENTITY, "...", ROOT, on_getgroups),
	ROW(getitimer, PASS, "", NEVER, NULL),
	ROW(getpeername, FD, "fa.", NEVER, NULL),
	ROW(getpgid, PASS, "", NEVER, NULL),
	ROW(getpgrp, PASS, "", NEVER, NULL),
	ROW(getpid, PASS, "", NEVER, NULL),
	ROW(getpmsg, PASS, "", NEVER, NULL),
	ROW(getppid, PASS, "", NEVER, NULL),
	ROW(getpriority, PASS, "", NEVER, NULL),
	ROW(getrandom, PASS, "", NEVER, NULL),
	ROW(getresgid, IDENTITY, "...", ROOT, on_getresgid),
	ROW(getresuid, IDENTITY, "...", ROOT, on_getresuid),
	ROW(getrlimit, PASS, "", NEVER, NULL),
	ROW(getrusage, PASS, "", NEVER, NULL),
	ROW(getsid, PASS, "", NEVER, NULL),
	ROW(getsockname, FD, "fa.", NEVER, NULL),
	ROW(getsockopt, FD, "f....", ROOT_IF_EITHER(2, PEERCRED, PEERGROUPS), on_getsockopt),
	ROW(gettid, PASS, "", NEVER, NULL),
	ROW(gettimeofday, PASS, "", NEVER, NULL),
	ROW(getuid, IDENTITY, "...", ROOT, on_getuid),
	ROW(getxattr, OWNER, "p...", ROOT, on_getxattr),
	ROW(getxattrat, OWNER, "dpn...", ROOT, on_getxattrat),
	ROW(init_module, PASS, "", NEEDS(CAP_SYS_MODULE), NULL),
	ROW(inotify_add_watch, PATH, ".p.", NEVER, NULL),
	ROW(inotify_init, PASS, "", NEVER, NULL),
	ROW(inotify_init1, PASS, "", NEVER, NULL),
	ROW(inotify_rm_watch, FD, "f...", NEVER, NULL),
	ROW(io_cancel, PASS, "", NEVER, NULL),
	ROW(io_destroy, PASS, "", NEVER, NULL),
	ROW(io_getevents, PASS, "", NEVER, NULL),
	ROW(io_pgetevents, SIGNAL, "......", CORE_IF_SET(5), on_io_pgetevents),
	ROW(io_setup, PASS, "", NEVER, NULL),
	ROW(io_submit, PASS, "", NEVER, NULL),
	ROW(io_uring_enter, REFUSE, "f.....", REFUSED, NULL),
	ROW(io_uring_register, REFUSE, "f...", REFUSED, NULL),
	ROW(io_uring_setup, REFUSE, "..", REFUSED, NULL),
	ROW(ioctl, FD, "f...", NEVER, NULL),
	ROW(ioperm, PASS, "", NEEDS(CAP_SYS_RAWIO), NULL),
	ROW(iopl, PASS, "", NEEDS(CAP_SYS_RAWIO), NULL),
	ROW(ioprio_get, PASS, "", NEVER, NULL),
	ROW(ioprio_set, PASS, "", SEEN, NULL),
	ROW(kcmp, PASS, "", NEVER, NULL),
	ROW(kexec_file_load, FD, "f...", NEEDS(CAP_SYS_BOOT), NULL),
	ROW(kexec_load, PASS, "", NEEDS(CAP_SYS_BOOT), NULL),
	ROW(keyctl, PASS, "", NEVER, NULL),
	ROW(kill, PASS, "", WATCHED_IF_EQUAL(0, 0xffffffffu), on_kill),
	ROW(landlock_add_rule, PATH, "f...", NEVER, NULL),
	ROW(landlock_create_ruleset, PASS, "", NEVER, NULL),
	ROW(landlock_restrict_self, PASS, "", NEVER, NULL),
	ROW(lchown, OWNER, "l..", ROOT, on_lchown),
	ROW(lgetxattr, OWNER, "l...", ROOT, on_lgetxattr),
	ROW(link, PATH2, "lc", ROOT, on_link),
	ROW(linkat, PATH2, "dldcn", ROOT, on_linkat),
	ROW(listen, FD, "f.", ROOT, on_listen),
	ROW(listmount, MOUNT, "....", VIEW, NULL),
	ROW(listns, MOUNT, "....", NEVER, NULL),
	ROW(listxattr, OWNER, "p..", ROOT, on_listxattr),
	ROW(listxattrat, OWNER, "dpn..", ROOT, on_listxattrat),
	ROW(llistxattr, OWNER, "l..", ROOT, on_llistxattr),
	ROW(lookup_dcookie, PASS, "", NEVER, NULL),
	ROW(lremovexattr, OWNER, "l.", ROOT, on_lremovexattr),
	ROW(lseek, FD, "f...", NEVER, NULL),
	ROW(lsetxattr, OWNER, "l....", ROOT, on_lsetxattr),
	ROW(lsm_get_self_attr, PASS, "", NEVER, NULL),
	ROW(lsm_list_modules, PASS, "", NEVER, NULL),
	ROW(lsm_set_self_attr, PASS, "", NEVER, NULL),
	ROW(lstat, STAT, "ls", ROOT, on_lstat),
	ROW(madvise, PASS, "", NEVER, NULL),
	ROW(map_shadow_stack, PASS, "", NEVER, NULL),
	ROW(mbind, PASS, "", NEVER, NULL),
	ROW(membarrier, PASS, "", NEVER, NULL),
	ROW(memfd_create, PASS, "", NEVER, NULL),
	ROW(memfd_secret, PASS, "", NEVER, NULL),
	ROW(migrate_pages, PASS, "", NEVER, NULL),
	ROW(mincore, PASS, "", NEVER, NULL),
	ROW(mkdir, PATH, "c.", ROOT, on_mkdir),
	ROW(mkdirat, PATH, "dc.", ROOT, on_mkdirat),
	ROW(mknod, OWNER, "c..", ROOT, on_mknod),
	ROW(mknodat, OWNER, "dc..", ROOT, on_mknodat),
	ROW(mlock, PASS, "", NEVER, NULL),
	ROW(mlock2, PASS, "", NEVER, NULL),
	ROW(mlockall, PASS, "", NEVER, NULL),
	ROW(mmap, PASS, "", NEVER, NULL),
	ROW(modify_ldt, PASS, "", NEVER, NULL),
	ROW(mount, MOUNT, ".p...", ROOT_NEEDS(CAP_SYS_ADMIN), on_mount),
	ROW(mount_setattr, MOUNT, "dpn..", ROOT_NEEDS(CAP_SYS_ADMIN), on_remount),
	ROW(move_mount, MOUNT, "dpdp.", VIEW_NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(move_pages, PASS, "", NEVER, NULL),
	ROW(mprotect, PASS, "", NEVER, NULL),
	ROW(mq_getsetattr, FD, "f...", NEVER, NULL),
	ROW(mq_notify, FD, "f...", NEVER, NULL),
	ROW(mq_open, PATH, "....", NEVER, NULL),
	ROW(mq_timedreceive, FD, "f...", NEVER, NULL),
	ROW(mq_timedsend, FD, "f...", NEVER, NULL),
	ROW(mq_unlink, PATH, ".", NEVER, NULL),
	ROW(mremap, PASS, "", NEVER, NULL),
	ROW(mseal, PASS, "", NEVER, NULL),
	ROW(msgctl, PASS, "", NEVER, NULL),
	ROW(msgget, PASS, "", NEVER, NULL),
	ROW(msgrcv, PASS, "", NEVER, NULL),
	ROW(msgsnd, PASS, "", NEVER, NULL),
	ROW(msync, PASS, "", NEVER, NULL),
	ROW(munlock, PASS, "", NEVER, NULL),
	ROW(munlockall, PASS, "", NEVER, NULL),
	ROW(munmap, PASS, "", NEVER, NULL),
	ROW(name_to_handle_at, PATH, "dp..n", NEVER, NULL),
	ROW(nanosleep, PASS, "", NEVER, NULL),
	ROW(newfstatat, STAT, "dpsn", ROOT, on_newfstatat),
	ROW(nfsservctl, PASS, "", NEVER, NULL),
	ROW(open, PATH, "p..", ROOT_IF_OPEN(1), on_open),
	ROW(open_by_handle_at, PATH, "f..", VIEW_NEEDS(CAP_DAC_READ_SEARCH), NULL),
	ROW(open_tree, PATH, "dpn", VIEW_NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(open_tree_attr, PATH, "dpn..", VIEW_NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(openat, PATH, "dp..", ROOT_IF_OPEN(2), on_openat),
	ROW(openat2, PATH, "dp..", ROOT, on_openat2),
	ROW(pause, PASS, "", NEVER, NULL),
	ROW(perf_event_open, PASS, "", SEEN, NULL),
	ROW(personality, PASS, "", NEVER, NULL),
	ROW(pidfd_getfd, FD, "f...", NEVER, NULL),
	ROW(pidfd_open, PASS, "", NEVER, NULL),
	ROW(pidfd_send_signal, FD, "f...", WATCHED, on_pidfd_send_signal),
	ROW(pipe, PASS, "", NEVER, NULL),
	ROW(pipe2, PASS, "", NEVER, NULL),
	ROW(pivot_root, MOUNT, "pp", VIEW_NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(pkey_alloc, PASS, "", NEVER, NULL),
	ROW(pkey_free, PASS, "", NEVER, NULL),
	ROW(pkey_mprotect, PASS, "", NEVER, NULL),
	ROW(poll, PASS, "", NEVER, NULL),
	ROW(ppoll, SIGNAL, ".....", CORE_IF_SET(3), on_ppoll),
	ROW(prctl, IDENTITY, ".....", CORE, on_prctl),
	ROW(pread64, FD, "f...", NEVER, NULL),
	ROW(preadv, FD, "f...", NEVER, NULL),
	ROW(preadv2, FD, "f...", NEVER, NULL),
	ROW(prlimit64, PASS, "", NEVER, NULL),
	ROW(process_madvise, PASS, "", NEVER, NULL),
	ROW(process_mrelease, PASS, "", NEVER, NULL),
	ROW(process_vm_readv, PASS, "", NEVER, NULL),
	ROW(process_vm_writev, PASS, "", NEVER, NULL),
	ROW(pselect6, SIGNAL, "......", CORE_IF_SET(5), on_pselect6),
	ROW(ptrace, SIGNAL, "....", CORE, on_ptrace),
	ROW(putpmsg, PASS, "", NEVER, NULL),
	ROW(pwrite64, FD, "f...", NEVER, NULL),
	ROW(pwritev, FD, "f...", NEVER, NULL),
	ROW(pwritev2, FD, "f...", NEVER, NULL),
	ROW(query_module, PASS, "", NEVER, NULL),
	ROW(quotactl, PATH, ".p..", NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(quotactl_fd, FD, "f...", NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(read, FD, "f...", NEVER, NULL),
	ROW(readahead, FD, "f...", NEVER, NULL),
	ROW(readlink, PATH, "l..", EXE, on_readlink),
	ROW(readlinkat, PATH, "dl..", EXE, on_readlinkat),
	ROW(readv, FD, "f...", NEVER, NULL),
	ROW(reboot, PASS, "", NEEDS(CAP_SYS_BOOT), NULL),
	ROW(recvfrom, FD, "f...", NEVER, NULL),
	ROW(recvmmsg, IDENTITY, "f...", WATCHED, on_recvmmsg),
	ROW(recvmsg, IDENTITY, "f...", WATCHED, on_recvmsg),
	ROW(remap_file_pages, PASS, "", NEVER, NULL),
	ROW(removexattr, OWNER, "p.", ROOT, on_removexattr),
	ROW(removexattrat, OWNER, "dpn.", ROOT, on_removexattrat),
	ROW(rename, PATH2, "cc", ROOT, on_rename),
	ROW(renameat, PATH2, "dcdc", ROOT, on_renameat),
	ROW(renameat2, PATH2, "dcdc.", ROOT, on_renameat2),
	ROW(request_key, PASS, "", NEVER, NULL),
	ROW(restart_syscall, PASS, "", NEVER, NULL),
	ROW(rmdir, PATH, "c", ROOT, on_rmdir),
	ROW(rseq, PASS, "", NEVER, NULL),
	ROW(rt_sigaction, SIGNAL, "....", CORE, on_rt_sigaction),
	ROW(rt_sigpending, SIGNAL, "..", NEVER, NULL),
	ROW(rt_sigprocmask, SIGNAL, "....", CORE_IF_SET(1), on_rt_sigprocmask),
	ROW(rt_sigqueueinfo, PASS, "", WATCHED, on_rt_sigqueueinfo),
	ROW(rt_sigreturn, SIGNAL, "", CORE, on_rt_sigreturn),
	ROW(rt_sigsuspend, SIGNAL, "..", CORE, on_rt_sigsuspend),
	ROW(rt_sigtimedwait, SIGNAL, "....", NEVER, NULL),
	ROW(rt_tgsigqueueinfo, PASS, "", WATCHED, on_rt_tgsigqueueinfo),
	ROW(sched_get_priority_max, PASS, "", NEVER, NULL),
	ROW(sched_get_priority_min, PASS, "", NEVER, NULL),
	ROW(sched_getaffinity, PASS, "", NEVER, NULL),
	ROW(sched_getattr, PASS, "", NEVER, NULL),
	ROW(sched_getparam, PASS, "", NEVER, NULL),
	ROW(sched_getscheduler, PASS, "", NEVER, NULL),
	ROW(sched_rr_get_interval, PASS, "", NEVER, NULL),
	ROW(sched_setaffinity, PASS, "", NEVER, NULL),
	ROW(sched_setattr, PASS, "", NEVER, NULL),
	ROW(sched_setparam, PASS, "", NEVER, NULL),
	ROW(sched_setscheduler, PASS, "", SEEN, NULL),
	ROW(sched_yield, PASS, "", NEVER, NULL),
	ROW(seccomp, SIGNAL, "...", CORE, on_seccomp),
	ROW(security, PASS, "", NEVER, NULL),
	ROW(select, PASS, "", NEVER, NULL),
	ROW(semctl, PASS, "", NEVER, NULL),
	ROW(semget, PASS, "", NEVER, NULL),
	ROW(semop, PASS, "", NEVER, NULL),
	ROW(semtimedop, PASS, "", NEVER, NULL),
	ROW(sendfile, FD, "f...", NEVER, NULL),
	ROW(sendmmsg, IDENTITY, "fa..", WATCHED, on_sendmmsg),
	ROW(sendmsg, IDENTITY, "fa.", WATCHED, on_sendmsg),
	ROW(sendto, FD, "f...a.", NEVER, NULL),
	ROW(set_mempolicy, PASS, "", NEVER, NULL),
	ROW(set_mempolicy_home_node, PASS, "", NEVER, NULL),
	ROW(set_robust_list, PASS, "", NEVER, NULL),
	ROW(set_thread_area, PASS, "", NEVER, NULL),
	ROW(set_tid_address, PASS, "", NEVER, NULL),
	ROW(setdomainname, PASS, "", NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(setfsgid, IDENTITY, "...", ROOT, on_setfsgid),
	ROW(setfsuid, IDENTITY, "...", ROOT, on_setfsuid),
	ROW(setgid, IDENTITY, "...", ROOT, on_setgid),
	ROW(setgroups, IDENTITY, "...", ROOT, on_setgroups),
	ROW(sethostname, PASS, "", NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(setitimer, PASS, "", NEVER, NULL),
	ROW(setns, MOUNT, "f.", ROOT_NEEDS(CAP_SYS_ADMIN), on_setns),
	ROW(setpgid, PASS, "", NEVER, NULL),
	ROW(setpriority, PASS, "", SEEN, NULL),
	ROW(setregid, IDENTITY, "...", ROOT, on_setregid),
	ROW(setresgid, IDENTITY, "...", ROOT, on_setresgid),
	ROW(setresuid, IDENTITY, "...", ROOT, on_setresuid),
	ROW(setreuid, IDENTITY, "...", ROOT, on_setreuid),
	ROW(setrlimit, PASS, "", NEVER, NULL),
	ROW(setsid, PASS, "", NEVER, NULL),
	ROW(setsockopt, FD, "f...", ROOT_IF_EQUAL(2, PASSCRED), on_setsockopt),
	ROW(settimeofday, PASS, "", NEEDS(CAP_SYS_TIME), NULL),
	ROW(setuid, IDENTITY, "...", ROOT, on_setuid),
	ROW(setxattr, OWNER, "p....", ROOT, on_setxattr),
	ROW(setxattrat, OWNER, "dpn...", ROOT, on_setxattrat),
	ROW(shmat, PASS, "", NEVER, NULL),
	ROW(shmctl, PASS, "", NEVER, NULL),
	ROW(shmdt, PASS, "", NEVER, NULL),
	ROW(shmget, PASS, "", NEVER, NULL),
	ROW(shutdown, FD, "f...", NEVER, NULL),
	ROW(sigaltstack, SIGNAL, "..", CORE, on_sigaltstack),
	ROW(signalfd, SIGNAL, "f..", NEVER, NULL),
	ROW(signalfd4, SIGNAL, "f...", NEVER, NULL),
	ROW(socket, PASS, "", NEEDS_IF_ANY(1, RAW_OR_DATAGRAM, CAP_NET_RAW), NULL),
	ROW(socketpair, PASS, "....", ROOT, on_socketpair),
	ROW(splice, FD, "f...", NEVER, NULL),
	ROW(stat, STAT, "ps", ROOT, on_stat),
	ROW(statfs, PATH, "p.", NEVER, NULL),
	ROW(statmount, MOUNT, "....", VIEW, NULL),
	ROW(statx, STAT, "dpn.x", ROOT, on_statx),
	ROW(swapoff, PATH, "p", NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(swapon, PATH, "p.", NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(symlink, PATH, ".c", ROOT, on_symlink),
	ROW(symlinkat, PATH, ".dc", ROOT, on_symlinkat),
	ROW(sync, PASS, "", NEVER, NULL),
	ROW(sync_file_range, FD, "f...", NEVER, NULL),
	ROW(syncfs, FD, "f...", NEVER, NULL),
	ROW(sysfs, PASS, "", NEVER, NULL),
	ROW(sysinfo, PASS, "", NEVER, NULL),
	ROW(syslog, PASS, "", NEEDS(CAP_SYSLOG), NULL),
	ROW(tee, FD, "f...", NEVER, NULL),
	ROW(tgkill, PASS, "", WATCHED, on_tgkill),
	ROW(time, PASS, "", NEVER, NULL),
	ROW(timer_create, PASS, "", NEVER, NULL),
	ROW(timer_delete, PASS, "", NEVER, NULL),
	ROW(timer_getoverrun, PASS, "", NEVER, NULL),
	ROW(timer_gettime, PASS, "", NEVER, NULL),
	ROW(timer_settime, PASS, "", NEVER, NULL),
	ROW(timerfd_create, PASS, "", NEVER, NULL),
	ROW(timerfd_gettime, FD, "f...", NEVER, NULL),
	ROW(timerfd_settime, FD, "f...", NEVER, NULL),
	ROW(times, PASS, "", NEVER, NULL),
	ROW(tkill, PASS, "", WATCHED, on_tkill),
	ROW(truncate, PATH, "p.", ROOT, on_truncate),
	ROW(tuxcall, PASS, "", NEVER, NULL),
	ROW(umask, PASS, "", NEVER, NULL),
	ROW(umount2, MOUNT, "p.", VIEW_NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(uname, PASS, "", VIEW, NULL),
	ROW(unlink, PATH, "c", ROOT, on_unlink),
	ROW(unlinkat, PATH, "dc.", ROOT, on_unlinkat),
	ROW(unshare, MOUNT, ".", NEEDS(CAP_SYS_ADMIN), NULL),
	ROW(uprobe, PASS, "", NEVER, NULL),
	ROW(uretprobe, PASS, "", NEVER, NULL),
	ROW(uselib, PATH, "p", NEVER, NULL),
	ROW(userfaultfd, PASS, "", NEVER, NULL),
	ROW(ustat, PASS, "", NEVER, NULL),
	ROW(utime, PATH, "p.", ROOT, on_utime),
	ROW(utimensat, PATH, "dp.n", ROOT, on_utimensat),
	ROW(utimes, PATH, "p.", ROOT, on_utimes),
	ROW(vfork, PASS, "", NEVER, NULL),
	ROW(vhangup, PASS, "", NEEDS(CAP_SYS_TTY_CONFIG), NULL),
	ROW(vmsplice, FD, "f...", NEVER, NULL),
	ROW(vserver, PASS, "", NEVER, NULL),
	ROW(wait4, SIGNAL, "....", CORE_IF_ANY(2, __WALL), on_wait4),
	ROW(waitid, PASS, "", NEVER, NULL),
	ROW(write, FD, "f...", NEVER, NULL),
	ROW(writev, FD, "f...", NEVER, NULL),
};
