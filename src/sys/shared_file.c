// SPDX-License-Identifier: Apache-2.0
#include "sys/shared_file.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/attributes.h"
#include "base/banned.h"

#ifndef AT_STATX_FORCE_SYNC
#define AT_STATX_FORCE_SYNC 0x2000 /* linux/fcntl.h */
#endif
#define NS_PER_S 1000000000

bool shared_file_system(int fd)
{
	/* linux/magic.h; overlay and the like show what is below: never a store's place on NFS */
	static const unsigned long local[] = {
		0xef53,	    /* ext4 */
		0x58465342, /* xfs */
		0x9123683e, /* btrfs */
		0x01021994, /* tmpfs */
		0x858458f6, /* ramfs */
		0x794c7630, /* overlay */
		0xf2f52010, /* f2fs */
		0x2fc12fc1, /* zfs */
		0xca451a4e, /* bcachefs */
	};
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return true;
	for (size_t i = 0; i < array_count(local); i++)
		if ((unsigned long)st.f_type == local[i])
			return false;
	return true;
}

bool shared_file_mtime(int dirfd, const char *name, int64_t *ret_ns)
{
	struct statx stx;
	struct stat st;

	/* not every C library has a name for it */
	if (syscall(SYS_statx, dirfd, name, AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC, STATX_MTIME,
		    &stx) == 0) {
		*ret_ns = stx.stx_mtime.tv_sec * NS_PER_S + stx.stx_mtime.tv_nsec;
		return true;
	}
	if (errno != ENOSYS || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*ret_ns = (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
	return true;
}
