// SPDX-License-Identifier: Apache-2.0
#include "rootfs/change_time.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/attributes.h"
#include "base/banned.h"

#define TICKS_MAX 100
#define A_TICK_NS 1000000 /* no clock of a kernel ticks faster */

bool change_time_is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

bool change_time_pass(const struct timespec *last)
{
	static const struct timespec tick = { .tv_nsec = A_TICK_NS };

	for (int i = 0; i < TICKS_MAX; i++) {
		struct timespec now;

		if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0)
			return false;
		if (change_time_is_before(last, &now))
			return true;
		nanosleep(&tick, NULL);
	}
	return false;
}

static bool is_told_of(int fd, volatile char *bytes)
{
	struct stat before;
	struct stat after;

	if (pwrite(fd, "1", 1, 0) != 1 || fstat(fd, &before) < 0 ||
	    !change_time_pass(&before.st_ctim))
		return false;
	bytes[0] = '2';
	return fstat(fd, &after) == 0 && change_time_is_before(&before.st_ctim, &after.st_ctim);
}

/* Overlayfs is what its upper file system is. */
static bool writing_to_memory_tells(int dirfd)
{
	const size_t size_bytes = (size_t)sysconf(_SC_PAGESIZE);
	auto_fd fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	void *bytes;
	bool tells;

	if (fd < 0 || ftruncate(fd, (off_t)size_bytes) < 0)
		return false;
	bytes = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	tells = is_told_of(fd, bytes);
	munmap(bytes, size_bytes);
	return tells;
}

bool change_time_tells(int dirfd)
{
	struct statfs fs;

	if (fstatfs(dirfd, &fs) < 0)
		return false;
	switch ((unsigned long)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
		return true;
	case OVERLAYFS_SUPER_MAGIC:
		return writing_to_memory_tells(dirfd);
	default:
		return false;
	}
}
