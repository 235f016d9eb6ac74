// SPDX-License-Identifier: Apache-2.0
#include "flow/mount_points.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "sys/openat2.h"

/* The same directory in one of the lower layers, or false. */
static bool find_below(const struct box *box, const char *path, struct stat *ret_st)
{
	for (size_t i = 0; i < box->root.lower.count; i++) {
		auto_fd layer = open(box->root.lower.item[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		auto_fd fd = layer < 0 ? -1
				       : openat2_no_symlinks(layer, path, O_PATH | O_NOFOLLOW, 0);

		if (fd >= 0)
			return fstat(fd, ret_st) == 0 && S_ISDIR(ret_st->st_mode);
	}
	return false;
}

struct tidying {
	const struct box *box;
	const struct view *layers; /* NULL: nothing is recorded below */
	int upper_fd;
	struct map owners; /* path -> struct emulated */
};

/* Did the command change whose it is, its mode or attributes? `st` as it is on disk. */
static bool is_given_away(const struct tidying *tidying, const char *path, const struct stat *st)
{
	const struct emulated *said = map_get(&tidying->owners, path);
	struct view_entry below = { .mode = st->st_mode };

	if (!said)
		return false;
	if (tidying->layers && view_lookup(tidying->layers, path, &below) < 0)
		below = (struct view_entry){ .mode = st->st_mode };
	return said->uid != below.uid || said->gid != below.gid || said->xattr_count > 0 ||
	       ((st->st_mode & ~said->mode_mask) | said->mode_bits) != below.mode;
}

/* A directory of the upper directory that making the mount point brought along: a copy of one below
 * whose only change is its mtime. Where owners are real a new one would not show here, and whoever
 * compares knows it is no change. */
static bool is_copy_of_below(const struct tidying *tidying, const char *path,
			     const struct stat *above)
{
	const struct box *box = tidying->box;
	struct stat below;

	return box->root.kind == BOX_ROOT_OVERLAY && !box->owners_are_real &&
	       find_below(box, path, &below) && below.st_mode == above->st_mode;
}

/* The directory it is in keeps its time: nobody is to see that a mount point was there. */
static int unlink_unseen(int upper_fd, const char *path, int flags)
{
	char parent[ENGINE_MADE_PATH_SIZE] = ".";
	const char *slash = strrchr(path, '/');
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	if (slash) {
		memcpy(parent, path, (size_t)(slash - path));
		parent[slash - path] = '\0';
	}
	if (fstatat(upper_fd, parent, &st, AT_SYMLINK_NOFOLLOW) == 0)
		times[1] = st.st_mtim;
	if (unlinkat(upper_fd, path, flags) < 0)
		return -errno;
	utimensat(upper_fd, parent, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int remove_one(const struct tidying *tidying, const char *point, unsigned made,
		      struct err *err)
{
	int upper_fd = tidying->upper_fd;
	char path[ENGINE_MADE_PATH_SIZE];
	struct stat st;
	char *slash;
	int r;

	memcpy(path, point, strlen(point) + 1);
	if (fstatat(upper_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* the command removed it itself */
	if (S_ISREG(st.st_mode) && st.st_size > 0)
		return 0; /* the command replaced it by something of its own */
	r = unlink_unseen(upper_fd, path, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
	if (r < 0)
		return r == -ENOTEMPTY ? 0 : fail(err, -r, "remove mount point '/%s'", path);
	while ((slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (fstatat(upper_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
		    is_given_away(tidying, path, &st))
			break;
		if (made > 1)
			made--;
		else if (!is_copy_of_below(tidying, path, &st))
			break;
		if (unlink_unseen(upper_fd, path, AT_REMOVEDIR) < 0)
			break;
	}
	return 0;
}

static int read_owners(struct tidying *tidying, const struct emulation *emulation,
		       struct arena *arena, struct err *err)
{
	if (!emulation || emulation->report_fd < 0)
		return 0;
	tidying->layers = emulation->layers;
	return emulation_read(emulation, arena, &tidying->owners, err);
}

static int remove_all(const struct tidying *tidying, const struct engine_made *made,
		      struct err *err)
{
	for (size_t i = made->count; i-- > 0;) {
		const char *path = made->point[i].path + strspn(made->point[i].path, "/");
		int r = *path ? remove_one(tidying, path, made->point[i].components, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int mount_points_remove(const struct box *box, const struct engine_made *made,
			const struct emulation *emulation, struct err *err)
{
	const char *changed = box->root.kind == BOX_ROOT_OVERLAY ? box->root.upper : box->root.path;
	struct tidying tidying = { .box = box };
	auto_arena arena = { 0 };
	auto_fd upper_fd = -1;
	int r;

	if (!changed || made->count == 0)
		return 0;
	upper_fd = tidying.upper_fd = open(changed, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (upper_fd < 0)
		return fail(err, errno, "open '%s'", changed);
	r = read_owners(&tidying, emulation, &arena, err);
	if (r == 0)
		r = remove_all(&tidying, made, err);
	map_done(&tidying.owners);
	return r;
}
