/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of calls that the tracer makes itself. */
#ifndef ENGINE_CALLS_FILE_H
#define ENGINE_CALLS_FILE_H

#include "engine/calls.h"

/* Made by the tracer, as who it is for: the result or -errno. */
long calls_make(const struct visit *visit, long nr, const long arg[6]);
/* The spot as two arguments of a call, beginning at `at`; flags_at: where it takes AT_* flags. */
#define CALLS_NO_FLAGS 6u
void calls_put_spot(const struct spot *spot, long arg[6], unsigned at, unsigned flags_at,
		    char path[SPOT_PATH_MAX]);
/* Flags that the kernel may not look at, once they are about a descriptor. */
static inline bool calls_has_unknown(unsigned long flags, unsigned long known)
{
	return (uint32_t)flags & ~known;
}

/* calls_file.c */
call_handler calls_stat, calls_lstat, calls_fstat, calls_newfstatat, calls_statx;
call_handler calls_access, calls_faccessat, calls_statfs;
call_handler calls_mkdir, calls_mkdirat, calls_mknod, calls_mknodat;
call_handler calls_unlink, calls_rmdir, calls_unlinkat, calls_symlink, calls_symlinkat;
call_handler calls_chmod, calls_fchmod, calls_fchmodat;
call_handler calls_chown, calls_lchown, calls_fchown, calls_fchownat;
call_handler calls_truncate, calls_utime, calls_utimes, calls_futimesat, calls_utimensat;
/* calls_pair.c */
call_handler calls_rename, calls_renameat, calls_link, calls_linkat;
/* calls_link.c */
call_handler calls_readlink, calls_readlinkat, calls_getcwd;
/* calls_list.c */
call_handler calls_getdents64;
/* calls_xattr.c */
call_handler calls_setxattr, calls_lsetxattr, calls_fsetxattr;
call_handler calls_getxattr, calls_lgetxattr, calls_fgetxattr;
call_handler calls_listxattr, calls_llistxattr, calls_flistxattr;
call_handler calls_removexattr, calls_lremovexattr, calls_fremovexattr;
call_handler calls_setxattrat, calls_getxattrat, calls_listxattrat, calls_removexattrat;
/* calls_identity.c */
call_handler calls_identity, calls_getres, calls_getgroups, calls_setgroups;
call_handler calls_capget, calls_capset;
/* calls_control.c */
call_handler calls_prctl, calls_seccomp, calls_clone, calls_kill;
/* calls_open.c */
call_handler calls_open, calls_openat, calls_openat2, calls_creat;
/* calls_resolve.c: what openat2(2) with RESOLVE_* leads to. The caller ends the spot. */
struct open_how;
long calls_find_resolved(struct visit *visit, int dirfd, const char *path,
			 const struct open_how *how, struct spot *ret_spot);
/* calls_open.c: the file, or where it is to be made. `quick`: 0 or SPOT_QUICK. */
long calls_find_opening(struct visit *visit, int dirfd, const char *path, uint64_t flags,
			unsigned quick, struct spot *spot);
/* calls_process.c */
call_handler calls_ptrace, calls_wait4, calls_waitid;
call_handler calls_chdir, calls_fchdir, calls_chroot, calls_umask, calls_uname, calls_affinity;
call_handler calls_inotify_add_watch, calls_fanotify_mark;
/* calls_mount.c */
call_handler calls_mount;
/* A file in memory in place of /proc/PID/mounts and mountinfo; -1: that is not what `guest` names.
 */
int calls_list_mounts(const struct visit *visit, const char *guest);
/* calls_exec.c */
call_handler calls_execve, calls_execveat;
/* calls_socket.c */
call_handler calls_bind, calls_connect, calls_sendto, calls_sendmsg, calls_sendmmsg;
call_handler calls_getsockname;
/* calls_peer.c */
struct msghdr;
call_handler calls_getsockopt, calls_setsockopt, calls_recvmsg, calls_recvmmsg;
/* The ids that a message claims its sender has: judged, noted, and changed to those the kernel
 * knows. 1: *message has other control data now; 0: it claims nothing; or -errno. */
long calls_judge_claim(struct visit *visit, struct msghdr *message);

#endif
