// SPDX-License-Identifier: Apache-2.0
/* A file of an overlay's upper directory has the names that the step gave it: one that was copied
 * up begins with one. A complete copy has all the names that its layers had, so that their number
 * says nothing, and a new one is found only by looking whose names they are. */
#include "rootfs/snapshot_links.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/banned.h"
#include "base/buf.h"
#include "rootfs/level.h"

struct search {
	const struct view *lower;
	struct map *renamed;
	struct err *err;
};

const char *file_key(const struct stat *st, struct file_key *key)
{
	snprintf(key->text, sizeof(key->text), "%llx:%llx", (unsigned long long)st->st_dev,
		 (unsigned long long)st->st_ino);
	return key->text;
}

static void look_at_file(struct search *search, const char *path, const struct stat *st)
{
	struct view_entry below;
	struct file_key key;

	if (st->st_nlink < 2 || view_lookup(search->lower, path, &below) == 0)
		return;
	map_set(search->renamed, file_key(st, &key), search->renamed);
}

static int look_at_directory(struct search *search, int dirfd, const char *path)
{
	auto_strings names = { 0 };
	int r = directory_names(dirfd, &names, search->err);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		auto_buf below = { 0 };
		auto_fd fd = -1;
		struct stat st;

		if (fstatat(dirfd, names.item[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(search->err, errno, "stat '/%s/%s'", path, names.item[i]);
		buf_printf(&below, "%s%s%s", path, *path ? "/" : "", names.item[i]);
		if (!S_ISDIR(st.st_mode)) {
			look_at_file(search, buf_text(&below), &st);
			continue;
		}
		fd = openat(dirfd, names.item[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			r = look_at_directory(search, fd, buf_text(&below));
	}
	return r;
}

int snapshot_find_renamed(const struct view *lower, int copy_fd, struct map *renamed,
			  struct err *err)
{
	struct search search = { lower, renamed, err };

	return look_at_directory(&search, copy_fd, "");
}
