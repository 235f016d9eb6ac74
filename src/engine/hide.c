// SPDX-License-Identifier: Apache-2.0
/* Paths that are not there. Nothing can be unmounted from a directory entry, so the directory that
 * holds it is covered: by an overlay over itself with a whiteout, where whatever is written there
 * is thrown away or nothing can be; else by a directory in memory in which every other entry is
 * bound, so that changes below reach the original.
 *
 * Both would lose what is made in the covered directory itself: where that could be, it is refused.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/strings.h"
#include "engine/tree.h"
#include "sys/openat2.h"

/* All hidden names of one directory, which is covered once. */
struct group {
	const struct strings *hidden;
	size_t first;	      /* of them in `hidden` */
	size_t parent_length; /* of its path, with the slash */
};

static size_t parent_length_of(const char *path)
{
	return (size_t)(strrchr(path, '/') - path) + 1;
}

static bool is_in_group(const struct group *group, const char *path)
{
	return parent_length_of(path) == group->parent_length &&
	       memcmp(path, group->hidden->item[group->first], group->parent_length) == 0;
}

static bool is_hidden(const void *context, const char *name)
{
	const struct group *group = context;

	for (size_t i = group->first; i < group->hidden->count; i++)
		if (is_in_group(group, group->hidden->item[i]) &&
		    strcmp(group->hidden->item[i] + group->parent_length, name) == 0)
			return true;
	return false;
}

/* The mount that the path is in, or NULL: the root itself. */
static const struct box_mount *mount_around(const struct box *box, const char *path)
{
	const struct box_mount *around = NULL;

	for (size_t i = 0; i < box->mounts.count; i++)
		if (path_is_below(path, box->mounts.item[i].target))
			around = &box->mounts.item[i];
	return around;
}

/* Is everything in it thrown away or unchangeable, so that an overlay may stand for it? */
static bool keeps_nothing(const struct box *box, const struct box_mount *around)
{
	if (around)
		return around->read_only;
	return box->root.read_only || (box->root.kind == BOX_ROOT_OVERLAY && !box->root.upper);
}

static int cover_by_overlay(struct tree *tree, const struct group *group, int directory_fd,
			    int *ret_fd, struct err *err)
{
	struct mount_option options[6];
	auto_mount_source alone = MOUNT_SOURCE_NONE;
	char lower[32];
	char name[16];
	char whiteout[PATH_MAX];
	struct stat st;
	int r;

	/* -EINVAL: mounts of the host's are below, which an overlay would not show */
	r = mount_take(directory_fd, "", false, 0, &alone, err);
	if (r == 0 && fstat(directory_fd, &st) < 0)
		r = fail(err, errno, "stat");
	if (r == 0)
		r = tree_memory_directory(tree, st.st_mode & 07777, name, err);
	for (size_t i = group->first; r == 0 && i < group->hidden->count; i++) {
		const char *path = group->hidden->item[i];

		if (!is_in_group(group, path))
			continue;
		if (snprintf(whiteout, sizeof(whiteout), "%s/%s", name,
			     path + group->parent_length) >= (int)sizeof(whiteout))
			r = fail(err, ENAMETOOLONG, "whiteout");
		else if (mknodat(tree->memory_fd, whiteout, S_IFCHR, 0) < 0 && errno != EEXIST)
			r = fail(err, errno, "whiteout");
	}
	snprintf(lower, sizeof(lower), "/proc/self/fd/%d", directory_fd);
	options[0] = (struct mount_option){ "lowerdir+", lower, true };
	return r < 0 ? r : tree_overlay_on(tree, options, 1, name, directory_fd, ret_fd, err);
}

static int cover(struct tree *tree, const struct group *group, int directory_fd, bool by_overlay,
		 struct err *err)
{
	int *cover_fd = &tree->room_fd[tree->room_count];
	int r = -ENOTSUP;

	if (tree->room_count == TREE_ROOMS_MAX)
		return fail_plain(err, E2BIG, "more than %d directories to cover", TREE_ROOMS_MAX);
	if (by_overlay)
		r = cover_by_overlay(tree, group, directory_fd, cover_fd, err);
	if (r < 0) {
		err_clear(err);
		r = room_cover_by_binds(tree, directory_fd, is_hidden, group, cover_fd, err);
	}
	return r < 0 ? r : room_become_root(tree, directory_fd, *cover_fd, err);
}

static bool can_be_written(int directory_fd)
{
	return faccessat(directory_fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) == 0;
}

static int refuse(const char *path, struct err *err)
{
	fail_plain(err, EACCES, "hide '%s': the directory it is in can be written", path);
	err_hint(err,
		 "what is made there would be lost; hide the directory, or mount it read-only");
	return -EACCES;
}

static int hide_group(struct tree *tree, const struct group *group, struct err *err)
{
	const struct box *box = tree->plan->box;
	const char *path = group->hidden->item[group->first];
	const struct box_mount *around = mount_around(box, path);
	bool keeps = !keeps_nothing(box, around);
	char parent[PATH_MAX];
	auto_fd directory_fd = -1;
	int r;

	if (snprintf(parent, sizeof(parent), "%.*s", (int)group->parent_length, path) >=
	    (int)sizeof(parent))
		return fail(err, ENAMETOOLONG, "hide '%s'", path);
	directory_fd = openat2_in_root(tree->root_fd, parent, O_PATH | O_DIRECTORY, 0);
	if (directory_fd == -ENOENT || directory_fd == -ENOTDIR)
		return 0; /* nothing there */
	if (directory_fd < 0)
		return fail(err, -directory_fd, "hide '%s'", path);
	if (keeps && can_be_written(directory_fd))
		return refuse(path, err);
	r = cover(tree, group, directory_fd, !keeps, err);
	if (r < 0)
		return err_wrap(err, "hide '%s'", path);
	/* a root whose changes are thrown away can be written under the cover, too */
	if (around || box->root.kind == BOX_ROOT_DIRECTORY || box->root.read_only)
		tree->room_count++; /* read-only in the end, until then it takes mount points */
	else
		cleanup_fd(&tree->room_fd[tree->room_count]);
	return 0;
}

static bool is_first_of_its_directory(const struct strings *hidden, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		const struct group group = { hidden, i, parent_length_of(hidden->item[i]) };

		if (is_in_group(&group, hidden->item[index]))
			return false;
	}
	return true;
}

/* Directories near the root first: a cover over them would hide the covers below. */
int hide_all(struct tree *tree, bool in_mounts, struct err *err)
{
	const struct box *box = tree->plan->box;
	const struct strings *hidden = &box->hidden;
	size_t longest = 0;
	int r = 0;

	for (size_t i = 0; i < hidden->count; i++)
		if (parent_length_of(hidden->item[i]) > longest)
			longest = parent_length_of(hidden->item[i]);
	for (size_t length = 1; length <= longest; length++)
		for (size_t i = 0; r == 0 && i < hidden->count; i++) {
			const struct group group = { hidden, i, parent_length_of(hidden->item[i]) };

			if (group.parent_length == length && is_first_of_its_directory(hidden, i) &&
			    (mount_around(box, hidden->item[i]) != NULL) == in_mounts)
				r = hide_group(tree, &group, err);
		}
	return r;
}
