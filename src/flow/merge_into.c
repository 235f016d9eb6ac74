// SPDX-License-Identifier: Apache-2.0
#include "flow/merge_into.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/buf.h"
#include "rootfs/level.h"

struct merge {
	bool moves; /* else it only looks whether it could */
	struct buf path;
	struct err *err;
};

static int merge_level(struct merge *merge, int from_fd, int to_fd);

static int merge_directories(struct merge *merge, int from_fd, int to_fd, const char *name)
{
	auto_fd from = openat(from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd to = openat(to_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (from < 0 || to < 0)
		return fail(merge->err, errno, "open '%s'", merge->path.bytes);
	return merge_level(merge, from, to);
}

static int merge_one(struct merge *merge, int from_fd, int to_fd, const char *name)
{
	struct stat from;
	struct stat to;
	bool there;

	if (fstatat(from_fd, name, &from, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(merge->err, errno, "look at '%s'", merge->path.bytes);
	there = fstatat(to_fd, name, &to, AT_SYMLINK_NOFOLLOW) == 0;
	if (!there && errno != ENOENT)
		return fail(merge->err, errno, "look at '%s'", merge->path.bytes);
	if (there && S_ISDIR(from.st_mode) && S_ISDIR(to.st_mode))
		return merge_directories(merge, from_fd, to_fd, name);
	if (there && (S_ISDIR(from.st_mode) || S_ISDIR(to.st_mode)))
		return fail_plain(merge->err, EEXIST, "'%s' is %s there, and %s is to be written",
				  merge->path.bytes, S_ISDIR(to.st_mode) ? "a directory" : "a file",
				  S_ISDIR(to.st_mode) ? "a file" : "a directory");
	if (merge->moves && renameat(from_fd, name, to_fd, name) < 0)
		return fail(merge->err, errno, "put '%s' there", merge->path.bytes);
	return 0;
}

static int merge_level(struct merge *merge, int from_fd, int to_fd)
{
	size_t length = merge->path.size_bytes;
	auto_strings names = { 0 };
	int r = directory_names(from_fd, &names, merge->err);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		buf_printf(&merge->path, "%s%s", length ? "/" : "", names.item[i]);
		r = merge_one(merge, from_fd, to_fd, names.item[i]);
		buf_truncate(&merge->path, length);
	}
	return r;
}

int merge_into(int from_fd, int to_fd, struct err *err)
{
	struct merge merge = { .err = err };
	int r = merge_level(&merge, from_fd, to_fd);

	merge.moves = true;
	if (r == 0)
		r = merge_level(&merge, from_fd, to_fd);
	buf_done(&merge.path);
	return r;
}
