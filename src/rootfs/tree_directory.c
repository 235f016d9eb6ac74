// SPDX-License-Identifier: Apache-2.0
/* tree_of_directory: a directory of the host, say one that debootstrap filled. */
#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "rootfs/level.h"
#include "rootfs/tree.h"

struct walk {
	struct tree *tree;
	int root_fd;
	uid_t caller;	    /* 0: ids are kept as they are */
	bool passes_closed; /* directories that may not be read are empty ones */
	struct err *err;
};

static int walk_directory(struct walk *walk, int dirfd, const char *path);

static int open_directory(struct walk *walk, int dirfd, const char *name, const char *path)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? fail(walk->err, errno, "open directory '/%s'", path) : fd;
}

static int walk_entry(struct walk *walk, int dirfd, const char *name, const char *path)
{
	struct tree_entry *entry;
	auto_fd fd = -1;
	struct stat st;
	int r;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(walk->err, errno, "stat '/%s'", path);
	if (S_ISSOCK(st.st_mode)) /* tar knows none; who listens makes it anew */
		return 0;
	entry = tree_add(walk->tree);
	entry->path = arena_copy(&walk->tree->arena, path);
	entry->root_fd = walk->root_fd;
	r = tree_entry_from_disk(walk->tree, entry, dirfd, name, &st, walk->err);
	if (r < 0)
		return r;
	entry->uid = walk->caller && st.st_uid == walk->caller ? 0 : st.st_uid;
	entry->gid = walk->caller ? 0 : st.st_gid;
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = open_directory(walk, dirfd, name, path);
	if (fd == -EACCES && walk->passes_closed) {
		err_clear(walk->err);
		return 0;
	}
	return fd < 0 ? fd : walk_directory(walk, fd, path);
}

static int walk_directory(struct walk *walk, int dirfd, const char *path)
{
	auto_strings names = { 0 };
	int r = directory_names(dirfd, &names, walk->err);

	if (r < 0)
		return err_wrap(walk->err, "'/%s'", path);
	strings_sort(&names);
	strings_each(&names, name) {
		auto_buf below = { 0 };

		buf_printf(&below, "%s%s%s", path, *path ? "/" : "", name);
		r = walk_entry(walk, dirfd, name, below.bytes);
		if (r < 0)
			return r;
	}
	return 0;
}

int tree_add_below(int root_fd, const char *source, const char *path, struct tree *tree,
		   struct err *err)
{
	struct walk walk = { .tree = tree,
			     .root_fd = root_fd,
			     .caller = geteuid(),
			     .passes_closed = true,
			     .err = err };
	size_t first = tree->count;
	int r = walk_entry(&walk, root_fd, source, source);

	for (size_t i = first; r == 0 && strcmp(source, path) != 0 && i < tree->count; i++) {
		struct tree_entry *entry = &tree->item[i];

		entry->disk_path = entry->path;
		entry->path = arena_printf(&tree->arena, "%s%s", path,
					   entry->path + strlen(source));
	}
	return r;
}

int tree_of_directory(int root_fd, struct tree *tree, struct err *err)
{
	struct walk walk = { .tree = tree, .root_fd = root_fd, .caller = geteuid(), .err = err };

	return walk_entry(&walk, root_fd, ".", "");
}
