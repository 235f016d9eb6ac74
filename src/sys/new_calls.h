/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that glibc declares and musl 1.2.3 does not yet: the mount calls of Linux 5.2 and
 * 5.12, pidfds and close_range; and what neither has. As in glibc: -1 and errno on failure. Manual:
 * fsopen(2) and so on, or Documentation/filesystems/mount_api.rst of the kernel. */
#ifndef SYS_NEW_CALLS_H
#define SYS_NEW_CALLS_H

#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <sys/pidfd.h>
#else
#include <linux/close_range.h>
#include <linux/mount.h>
#include <sys/types.h>

static inline int open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

static inline int move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to,
			     unsigned flags)
{
	return (int)syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags);
}

static inline int mount_setattr(int dirfd, const char *path, unsigned flags,
				struct mount_attr *attr, size_t size_bytes)
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, size_bytes);
}

static inline int fsopen(const char *type, unsigned flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

static inline int fsconfig(int context, unsigned command, const char *key, const void *value,
			   int aux)
{
	return (int)syscall(SYS_fsconfig, context, command, key, value, aux);
}

static inline int fsmount(int context, unsigned flags, unsigned attrs)
{
	return (int)syscall(SYS_fsmount, context, flags, attrs);
}

static inline int pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int close_range(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}
#endif

/* Linux 6.15; neither libc has it. */
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

static inline int open_tree_attr(int dirfd, const char *path, unsigned flags,
				 struct mount_attr *attr, size_t size_bytes)
{
	return (int)syscall(SYS_open_tree_attr, dirfd, path, flags, attr, size_bytes);
}

/* Linux 6.13; likewise. */
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif

static inline ssize_t listxattrat(int dirfd, const char *path, unsigned flags, char *list,
				  size_t size_bytes)
{
	return syscall(SYS_listxattrat, dirfd, path, flags, list, size_bytes);
}

#endif
