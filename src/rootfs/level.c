// SPDX-License-Identifier: Apache-2.0
#include "rootfs/level.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/memory.h"

void level_done(struct level *level)
{
	for (size_t i = 0; i < level->count; i++)
		close(level->layer[i].fd);
	free(level->layer);
	*level = (struct level){ 0 };
}

static void add(struct level *level, size_t index, int fd)
{
	level->layer = memory_resize(level->layer, level->count + 1, sizeof(*level->layer));
	level->layer[level->count++] = (struct level_layer){ index, fd };
}

/* Of a plain directory there is none: its marks are on disk. */
static const struct owner *record_of(const struct view *view, size_t index, const char *path)
{
	return owners_find(&view->layer[index].owners, path);
}

static bool is_plain_whiteout(const struct view_layer *layer, const struct stat *st)
{
	return layer->plain && S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(const struct view_layer *layer, const struct owner *owner, int fd)
{
	char path[64];
	char value;

	if (!layer->plain)
		return owner && owner->opaque;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* fd is O_PATH */
	return getxattr(path, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

int level_root(const struct view *view, struct level *ret_level, struct err *err)
{
	struct level level = { 0 };

	for (size_t i = 0; i < view->count; i++) {
		const struct owner *owner = record_of(view, i, "");
		int fd = openat(view->layer[i].dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			int code = errno;

			level_done(&level);
			return fail(err, code, "open the root of a layer");
		}
		add(&level, i, fd);
		if (i + 1 < view->count && is_opaque(&view->layer[i], owner, fd))
			break;
	}
	*ret_level = level;
	return 0;
}

/* 1: the layer shows the directory, 0: it has nothing there, -ENOTDIR: it hides what is below. */
static int open_in(const struct level_layer *layer, const char *name, const struct owner *owner,
		   int *ret_fd)
{
	int fd;

	if (owner && owner->whiteout)
		return -ENOTDIR;
	fd = openat(layer->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	*ret_fd = fd;
	return 1;
}

int level_down(const struct view *view, const struct level *parent, const char *path,
	       const char *name, struct level *ret_level, struct err *err)
{
	struct level level = { 0 };

	for (size_t i = 0; i < parent->count; i++) {
		const struct level_layer *layer = &parent->layer[i];
		const struct owner *owner = record_of(view, layer->index, path);
		int fd = -1;
		int r = open_in(layer, name, owner, &fd);

		if (r == -ENOTDIR)
			break;
		if (r < 0) {
			level_done(&level);
			return fail(err, -r, "open '/%s' in a layer", path);
		}
		if (r > 0)
			add(&level, layer->index, fd);
		if (i + 1 < parent->count && is_opaque(&view->layer[layer->index], owner, fd))
			break;
	}
	*ret_level = level;
	return 0;
}

int level_at(const struct view *view, const char *path, struct level *ret_level, struct err *err)
{
	struct level level;
	int r = level_root(view, &level, err);

	for (const char *at = path; r == 0 && *at;) {
		size_t length = strcspn(at, "/");
		struct level below = { 0 };
		char above[PATH_MAX];
		char name[NAME_MAX + 1];

		snprintf(above, sizeof(above), "%.*s", (int)(at + length - path), path);
		snprintf(name, sizeof(name), "%.*s", (int)length, at);
		r = level_down(view, &level, above, name, &below, err);
		level_done(&level);
		level = below;
		at += length + (at[length] == '/');
	}
	if (r == 0)
		*ret_level = level;
	return r;
}

/* Where a directory's metadata comes from: the topmost layer whose archive had an entry for it. */
static void find_explicit(const struct view *view, const struct level *level, size_t from,
			  const char *path, const char *name, struct level_entry *entry)
{
	for (size_t i = from; i < level->count; i++) {
		const struct level_layer *layer = &level->layer[i];
		const struct owner *owner = record_of(view, layer->index, path);
		struct stat st;

		if (owner && owner->whiteout)
			return;
		if (fstatat(layer->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(st.st_mode))
			return;
		if (!owner || !owner->implicit) {
			entry->st = st;
			entry->owner = owner;
			return;
		}
		if (owner->opaque)
			return;
	}
}

bool level_find(const struct view *view, const struct level *level, const char *path,
		const char *name, struct level_entry *ret_entry)
{
	for (size_t i = 0; i < level->count; i++) {
		const struct level_layer *layer = &level->layer[i];
		const struct owner *owner = record_of(view, layer->index, path);
		struct level_entry entry = { .index = layer->index,
					     .dirfd = layer->fd,
					     .owner = owner };

		if (owner && owner->whiteout)
			return false;
		if (fstatat(layer->fd, name, &entry.st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (is_plain_whiteout(&view->layer[layer->index], &entry.st))
			return false;
		if (owner && owner->implicit)
			find_explicit(view, level, i, path, name, &entry);
		*ret_entry = entry;
		return true;
	}
	return false;
}

void level_view_entry(const struct level_entry *entry, struct view_entry *ret_entry)
{
	view_entry_fill(ret_entry, entry->index, &entry->st, entry->owner);
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int directory_names(int dirfd, struct strings *names, struct err *err)
{
	auto_fd fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup(cleanup_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return fail(err, errno, "read a directory");
	(void)take_fd(&fd);
	while ((errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strings_add(names, entry->d_name);
	return errno ? fail(err, errno, "read a directory") : 0;
}

int level_names(const struct level *level, struct strings *names, struct err *err)
{
	auto_strings all = { 0 };
	const char *last = NULL;

	for (size_t i = 0; i < level->count; i++) {
		int r = directory_names(level->layer[i].fd, &all, err);

		if (r < 0)
			return r;
	}
	strings_sort(&all);
	strings_each(&all, name) {
		if (!last || strcmp(last, name) != 0)
			strings_add(names, name);
		last = name;
	}
	return 0;
}
