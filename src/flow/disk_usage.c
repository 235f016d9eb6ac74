// SPDX-License-Identifier: Apache-2.0
#include "flow/disk_usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/map.h"
#include "base/strings.h"
#include "rootfs/level.h"

#define BLOCK_BYTES 512 /* of st_blocks, whatever the file system */
#define DEPTH_MAX   1000

struct usage {
	struct map links; /* "DEVICE:INODE" of files with several names */
	uint64_t bytes;
	struct err *err;
};

static bool is_counted(struct usage *usage, const struct stat *st)
{
	char key[48];

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return false;
	snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)st->st_dev,
		 (unsigned long long)st->st_ino);
	if (map_get(&usage->links, key))
		return true;
	map_set(&usage->links, key, usage);
	return false;
}

static int count(struct usage *usage, int dirfd, const char *name, int depth)
{
	auto_strings names = { 0 };
	auto_fd fd = -1;
	struct stat st;
	int r;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(usage->err, errno, "stat '%s'", name);
	if (!is_counted(usage, &st))
		usage->bytes += (uint64_t)st.st_blocks * BLOCK_BYTES;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (depth == DEPTH_MAX)
		return fail_plain(usage->err, ELOOP, "more than %d directories deep", DEPTH_MAX);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == EACCES
			       ? 0
			       : fail(usage->err, errno, "open '%s'", name);
	r = directory_names(fd, &names, usage->err);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = count(usage, fd, names.item[i], depth + 1);
	return r;
}

int disk_usage(int dirfd, const char *name, uint64_t *ret_bytes, struct err *err)
{
	struct usage usage = { .err = err };
	int r = count(&usage, dirfd, name, 0);

	map_done(&usage.links);
	if (r == 0)
		*ret_bytes = usage.bytes;
	return r;
}
