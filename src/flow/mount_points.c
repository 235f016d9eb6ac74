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

/* A directory of the upper directory that making the mount point brought along: a copy of one below
 * whose only change is its mtime. Where owners are real a new one would not show here, and whoever
 * compares knows it is no change. */
static bool is_copy_of_below(const struct box *box, int upper_fd, const char *path)
{
	struct stat below;
	struct stat above;

	return box->root.kind == BOX_ROOT_OVERLAY && !box->owners_are_real &&
	       fstatat(upper_fd, path, &above, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(above.st_mode) && find_below(box, path, &below) &&
	       below.st_mode == above.st_mode;
}

static int remove_one(const struct box *box, int upper_fd, const char *point, unsigned made,
		      struct err *err)
{
	char path[ENGINE_MADE_PATH_SIZE];
	struct stat st;
	char *slash;

	memcpy(path, point, strlen(point) + 1);
	if (fstatat(upper_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* the command removed it itself */
	if (S_ISREG(st.st_mode) && st.st_size > 0)
		return 0; /* the command replaced it by something of its own */
	if (unlinkat(upper_fd, path, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0)
		return errno == ENOTEMPTY ? 0 : fail(err, errno, "remove mount point '/%s'", path);
	while ((slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (made > 1)
			made--;
		else if (!is_copy_of_below(box, upper_fd, path))
			break;
		if (unlinkat(upper_fd, path, AT_REMOVEDIR) < 0)
			break;
	}
	return 0;
}

int mount_points_remove(const struct box *box, const struct engine_made *made, struct err *err)
{
	const char *changed = box->root.kind == BOX_ROOT_OVERLAY ? box->root.upper : box->root.path;
	auto_fd upper_fd = -1;

	if (!changed || made->count == 0)
		return 0;
	upper_fd = open(changed, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (upper_fd < 0)
		return fail(err, errno, "open '%s'", changed);
	for (size_t i = made->count; i-- > 0;) {
		const char *path = made->point[i].path + strspn(made->point[i].path, "/");
		int r = *path ? remove_one(box, upper_fd, path, made->point[i].components, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
