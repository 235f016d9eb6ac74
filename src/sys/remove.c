// SPDX-License-Identifier: Apache-2.0
/* Depth first, one open directory per level. Recursion is bounded: trees deeper than DEPTH_MAX
 * are taken apart by moving what is too deep up to the top, so that neither the stack nor the
 * table of open files decides how deep a tree may be. */
#include "sys/remove.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/banned.h"
#include "sys/ids.h"
#include "sys/subid.h"

#define DEPTH_MAX 200

struct removal {
	int top_fd;
	dev_t device;
	uint64_t moved; /* number of subtrees moved up to the top so far */
	struct err *err;
};

static int remove_entry(struct removal *removal, int dirfd, const char *name, bool maybe_directory,
			int depth);

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int open_directory(int dirfd, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);

	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, flags);
	return fd < 0 ? -errno : fd;
}

static int remove_content(struct removal *removal, int fd, int depth)
{
	cleanup(cleanup_dir) DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		close(fd);
		return fail(removal->err, ENOMEM, "read directory");
	}
	while ((errno = 0, entry = readdir(dir))) {
		bool maybe_directory = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
		int r;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = remove_entry(removal, dirfd(dir), entry->d_name, maybe_directory, depth);
		if (r < 0)
			return r;
	}
	if (errno)
		return fail(removal->err, errno, "read directory");
	return 0;
}

static int move_up(struct removal *removal, int dirfd, const char *name)
{
	char moved[64];

	for (;;) {
		snprintf(moved, sizeof(moved), ".deep-%llu", (unsigned long long)removal->moved++);
		if (renameat(dirfd, name, removal->top_fd, moved) == 0 || errno == ENOENT)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return fail(removal->err, errno, "move '%s' up", name);
	}
}

static int remove_directory(struct removal *removal, int dirfd, const char *name, int depth)
{
	struct stat st;
	int fd;
	int r;

	if (depth >= DEPTH_MAX)
		return move_up(removal, dirfd, name);
	fd = open_directory(dirfd, name);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fail(removal->err, -fd, "open directory '%s'", name);
	if (fstat(fd, &st) < 0 || st.st_dev != removal->device) {
		close(fd);
		return fail_plain(removal->err, EXDEV, "'%s' is a mount point", name);
	}
	if ((st.st_mode & 0700) != 0700)
		(void)fchmod(fd, 0700);
	r = remove_content(removal, fd, depth + 1);
	if (r < 0)
		return err_wrap(removal->err, "'%s'", name);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail(removal->err, errno, "rmdir '%s'", name);
	return 0;
}

static int remove_entry(struct removal *removal, int dirfd, const char *name, bool maybe_directory,
			int depth)
{
	if (maybe_directory) {
		int r = remove_directory(removal, dirfd, name, depth);

		if (r != -ENOTDIR && r != -ELOOP)
			return r;
		err_clear(removal->err);
	}
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR)
		return remove_directory(removal, dirfd, name, depth);
	return fail(removal->err, errno, "unlink '%s'", name);
}

/* After moving up, the top directory holds what was moved: go over it until it is empty. */
static int remove_top(struct removal *removal, int dirfd, const char *name)
{
	int r;

	do {
		auto_fd again = -1;

		again = openat(removal->top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (again < 0)
			return fail(removal->err, errno, "open directory '%s'", name);
		removal->moved = 0;
		r = remove_content(removal, take_fd(&again), 1);
		if (r < 0)
			return err_wrap(removal->err, "'%s'", name);
	} while (removal->moved > 0);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail(removal->err, errno, "rmdir '%s'", name);
	return 0;
}

static int remove_own(int dirfd, const char *name, struct err *err)
{
	struct removal removal = { .err = err };
	auto_fd top = -1;
	struct stat st;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return fail(err, errno, "unlink '%s'", name);
	top = open_directory(dirfd, name);
	if (top == -ENOENT)
		return 0;
	if (top < 0)
		return fail(err, -top, "open directory '%s'", name);
	if (fstat(top, &st) < 0)
		return fail(err, errno, "stat '%s'", name);
	if ((st.st_mode & 0700) != 0700)
		(void)fchmod(top, 0700);
	removal.top_fd = top;
	removal.device = st.st_dev;
	return remove_top(&removal, dirfd, name);
}

/* ---- what a box with subordinate ids left ---- */

struct target {
	int dirfd;
	const char *name;
};

static int remove_inside(void *context, struct err *err)
{
	const struct target *target = context;

	return remove_own(target->dirfd, target->name, err);
}

/* -ENOENT: there are no such ids. */
static int remove_with_ids(int dirfd, const char *name, struct err *err)
{
	struct target target = { dirfd, name };
	struct arena arena = { 0 };
	struct id_space space;
	struct user user;
	int r;

	ids_caller(&arena, &user);
	r = id_space_of_user(&user, 0, 0, &space, err);
	if (r == 0)
		r = id_space_call(&space, remove_inside, &target, err);
	arena_done(&arena);
	return r;
}

int remove_tree(int dirfd, const char *name, struct err *err)
{
	struct err first = { 0 };
	struct err second = { 0 };
	int r = remove_own(dirfd, name, &first);

	if ((r == -EACCES || r == -EPERM) && geteuid() != 0 &&
	    remove_with_ids(dirfd, name, &second) == 0)
		return 0;
	if (r < 0 && err)
		*err = first;
	return r;
}
