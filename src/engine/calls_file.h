/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of calls that the tracer makes itself. */
#ifndef ENGINE_CALLS_FILE_H
#define ENGINE_CALLS_FILE_H

#include "engine/calls.h"

/* calls_file.c */
call_handler calls_stat, calls_lstat, calls_fstat, calls_newfstatat, calls_statx;
call_handler calls_access, calls_faccessat, calls_statfs;
call_handler calls_mkdir, calls_mkdirat, calls_mknod, calls_mknodat;
call_handler calls_unlink, calls_rmdir, calls_unlinkat, calls_symlink, calls_symlinkat;
call_handler calls_rename, calls_renameat, calls_link, calls_linkat;
call_handler calls_chmod, calls_fchmod, calls_fchmodat;
call_handler calls_chown, calls_lchown, calls_fchown, calls_fchownat;
call_handler calls_truncate, calls_utime, calls_utimes, calls_futimesat, calls_utimensat;
/* calls_link.c */
call_handler calls_readlink, calls_readlinkat, calls_getcwd;
/* calls_list.c */
call_handler calls_getdents64;
/* calls_xattr.c */
call_handler calls_setxattr, calls_lsetxattr, calls_fsetxattr;
call_handler calls_getxattr, calls_lgetxattr, calls_fgetxattr;
call_handler calls_listxattr, calls_llistxattr, calls_flistxattr;
call_handler calls_removexattr, calls_lremovexattr, calls_fremovexattr;
/* calls_identity.c */
call_handler calls_identity, calls_getres, calls_getgroups, calls_setgroups;
call_handler calls_capget, calls_capset, calls_prctl;
/* calls_open.c */
call_handler calls_open, calls_openat, calls_openat2, calls_creat;
/* calls_process.c */
call_handler calls_chdir, calls_chroot, calls_umask, calls_uname, calls_affinity;
call_handler calls_inotify_add_watch, calls_fanotify_mark;
/* calls_exec.c */
call_handler calls_execve, calls_execveat;
/* calls_socket.c */
call_handler calls_bind, calls_connect, calls_sendto, calls_sendmsg, calls_sendmmsg;
call_handler calls_getsockname, calls_getsockopt;

#endif
