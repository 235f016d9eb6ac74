// SPDX-License-Identifier: Apache-2.0
#include "rootfs/directory_walk.h"

#include <fcntl.h>

#include "base/banned.h"
#include "base/buf.h"
#include "rootfs/level.h"

struct walk {
	directory_visit *visit;
	void *context;
	struct err *err;
};

static int walk_directory(const struct walk *walk, int dirfd, const char *path);

static int walk_entry(const struct walk *walk, int dirfd, const char *name, const char *path)
{
	struct directory_walk_entry entry = { .dirfd = dirfd, .name = name, .path = path };
	auto_fd fd = -1;
	int r;

	if (fstatat(dirfd, name, &entry.st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(walk->err, errno, "stat '/%s'", path);
	r = walk->visit(walk->context, &entry, walk->err);
	if (r != 0 || !S_ISDIR(entry.st.st_mode))
		return r < 0 ? r : 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail(walk->err, errno, "open '/%s'", path) : walk_directory(walk, fd, path);
}

static int walk_directory(const struct walk *walk, int dirfd, const char *path)
{
	auto_strings names = { 0 };
	int r = directory_names(dirfd, &names, walk->err);

	if (r < 0)
		return err_wrap(walk->err, "'/%s'", path);
	strings_each(&names, name) {
		auto_buf below = { 0 };

		buf_printf(&below, "%s%s%s", path, *path ? "/" : "", name);
		r = walk_entry(walk, dirfd, name, below.bytes);
		if (r < 0)
			return r;
	}
	return 0;
}

int directory_walk(int root_fd, directory_visit *visit, void *context, struct err *err)
{
	const struct walk walk = { .visit = visit, .context = context, .err = err };

	return walk_directory(&walk, root_fd, "");
}
