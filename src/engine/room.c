// SPDX-License-Identifier: Apache-2.0
/* Room for mount points in a directory that is read-only, or somebody else's, and must stay as it
 * is: the one directory that lacks the entry is covered by an overlay over itself whose changes go
 * to memory. The overlay's root is new, so nothing of the directory has to be copied up, which
 * would fail for owners that are not mapped (EOVERFLOW).
 *
 * Where overlay is refused, the cover is a directory in memory with every entry of the original
 * bound on a place of the same name. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/strings.h"
#include "engine/seed.h"
#include "engine/tree.h"
#include "sys/entries.h"
#include "sys/openat2.h"

static int cover_by_overlay(struct tree *tree, int directory_fd, mode_t mode, int *ret_fd,
			    struct err *err)
{
	struct mount_option options[6];
	char lower[32];

	snprintf(lower, sizeof(lower), "/proc/self/fd/%d", directory_fd);
	options[0] = (struct mount_option){ "lowerdir+", lower, true };
	return tree_overlay_in_memory(tree, options, 1, mode, directory_fd, ret_fd, err);
}

struct binding {
	int from_fd;
	int cover_fd;
	bool (*leaves_out)(const void *context, const char *name);
	const void *context;
	struct err *err;
};

/* A place for one entry, and the entry on it; a symlink is simply made again. */
static int bind_entry(void *context, const char *name)
{
	const struct binding *binding = context;
	auto_mount_source source = MOUNT_SOURCE_NONE;
	struct stat st;
	int r;

	if (binding->leaves_out && binding->leaves_out(binding->context, name))
		return 0;
	if (fstatat(binding->from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(binding->err, errno, "'%s'", name);
	if (S_ISLNK(st.st_mode))
		return seed_link(binding->from_fd, binding->cover_fd, name, binding->err);
	r = S_ISDIR(st.st_mode) ? mkdirat(binding->cover_fd, name, 0700)
				: mknodat(binding->cover_fd, name, S_IFREG | 0600, 0);
	if (r < 0)
		return fail(binding->err, errno, "place for '%s'", name);
	/* read-only if it was */
	r = mount_take(binding->from_fd, name, true, 0, &source, binding->err);
	if (r == 0)
		r = mount_put(&source, binding->cover_fd, name, NULL, binding->err);
	return r < 0 ? err_wrap(binding->err, "'%s'", name) : 0;
}

static int bind_entries(struct binding *binding)
{
	auto_fd list_fd = openat(binding->from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = list_fd < 0 ? -errno : entries_each(list_fd, bind_entry, binding);

	return r < 0 && !binding->err->code ? fail(binding->err, -r, "list") : r;
}

int room_cover_by_binds(struct tree *tree, int directory_fd,
			bool (*leaves_out)(const void *context, const char *name),
			const void *context, int *ret_fd, struct err *err)
{
	auto_mount_source source = MOUNT_SOURCE_NONE;
	struct stat st;
	char name[16];
	int r = fstat(directory_fd, &st) < 0 ? fail(err, errno, "stat") : 0;

	if (r == 0)
		r = tree_memory_directory(tree, st.st_mode & 07777, name, err);
	if (r == 0)
		r = mount_take(tree->memory_fd, name, false, 0, &source, err);
	if (r == 0)
		r = mount_put(&source, directory_fd, NULL, ret_fd, err);
	if (r < 0)
		return r;
	return bind_entries(&(struct binding){ directory_fd, *ret_fd, leaves_out, context, err });
}

/* Room in the root directory itself is the root from then on. */
int room_become_root(struct tree *tree, int directory_fd, int room_fd, struct err *err)
{
	struct stat root;
	struct stat st;
	int fd;

	if (fstat(tree->root_fd, &root) < 0 || fstat(directory_fd, &st) < 0)
		return fail(err, errno, "stat");
	if (st.st_dev != root.st_dev || st.st_ino != root.st_ino)
		return 0;
	fd = fcntl(room_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return fail(err, errno, "duplicate a descriptor");
	close(tree->root_fd);
	tree->root_fd = fd;
	return 0;
}

static int make_room(struct tree *tree, int directory_fd, struct err *err)
{
	int *room_fd = &tree->room_fd[tree->room_count];
	char path[PATH_MAX] = "";
	struct stat st;
	int r;

	if (tree->room_count == TREE_ROOMS_MAX)
		return fail_plain(err, E2BIG, "mount points are missing in more than %d places",
				  TREE_ROOMS_MAX);
	r = fstat(directory_fd, &st) < 0 ? fail(err, errno, "stat") : 0;
	if (r == 0) {
		r = cover_by_overlay(tree, directory_fd, st.st_mode & 07777, room_fd, err);
		if (r < 0) {
			err_clear(err);
			r = room_cover_by_binds(tree, directory_fd, NULL, NULL, room_fd, err);
		}
	}
	if (r == 0)
		r = room_become_root(tree, directory_fd, *room_fd, err);
	if (r < 0) {
		(void)!mount_path_of(directory_fd, path);
		return err_wrap(err, "room for mount points in '%s'", path);
	}
	tree->room_count++;
	return 0;
}

/* A target below an earlier mount will be made there, not in the root. */
static bool is_in_another(const struct box_mounts *mounts, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (text_starts(mounts->item[index].target, mounts->item[i].target))
			return true;
	return false;
}

/* See to it that the mount point is there. *ret_refusing_fd is the directory that lacks room, or
 * -1. */
static int try_point(struct tree *tree, const struct box_mount *mount, int *ret_refusing_fd,
		     struct err *err)
{
	bool directory;
	unsigned made;
	int r = tree_wants_directory(mount, &directory, err);
	auto_fd fd = -1;

	if (r < 0)
		return r;
	fd = openat2_make_target(tree->root_fd, mount->target, directory, &made, ret_refusing_fd);
	if (fd < 0 && *ret_refusing_fd < 0)
		return fail(err, -fd, "mount point '%s' in the root", mount->target);
	return 0;
}

/* How far below "/", to be compared with others of the same root. */
static unsigned depth_of(int directory_fd)
{
	char path[PATH_MAX];
	unsigned depth = 0;

	if (mount_path_of(directory_fd, path) < 0 || strcmp(path, "/") == 0)
		return 0;
	for (const char *at = path; *at; at++)
		depth += *at == '/';
	return depth;
}

static bool is_missing(const struct tree *tree, const struct box_mount *mount)
{
	auto_fd fd = openat2_in_root(tree->root_fd, mount->target, O_PATH, 0);

	return fd == -ENOENT;
}

/* Of the directories that lack room, the one nearest to the root; *ret_fd is -1 when none does. */
static int find_nearest(struct tree *tree, int *ret_fd, struct err *err)
{
	const struct box_mounts *mounts = &tree->plan->box->mounts;
	auto_fd nearest_fd = -1;

	for (size_t i = 0; i < mounts->count; i++) {
		const struct box_mount *mount = &mounts->item[i];
		auto_fd fd = -1;
		int r;

		if (mount->optional || is_in_another(mounts, i) || !is_missing(tree, mount))
			continue;
		r = try_point(tree, mount, &fd, err);
		if (r < 0)
			return r;
		if (fd >= 0 && (nearest_fd < 0 || depth_of(fd) < depth_of(nearest_fd))) {
			cleanup_fd(&nearest_fd);
			nearest_fd = take_fd(&fd);
		}
	}
	*ret_fd = take_fd(&nearest_fd);
	return 0;
}

/* From the root downwards: room in a directory hides what was mounted below it before. */
int room_make_all(struct tree *tree, struct err *err)
{
	for (;;) {
		auto_fd directory_fd = -1;
		int r = find_nearest(tree, &directory_fd, err);

		if (r == 0 && directory_fd < 0)
			return 0;
		if (r == 0)
			r = make_room(tree, directory_fd, err);
		if (r < 0)
			return r;
	}
}

int room_close_all(struct tree *tree, struct err *err)
{
	for (size_t i = 0; i < tree->room_count; i++) {
		int r = mount_add_attrs(tree->room_fd[i], false, MOUNT_READ_ONLY, err);

		if (r < 0)
			return err_wrap(err, "room for mount points");
	}
	return 0;
}
