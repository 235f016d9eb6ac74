// SPDX-License-Identifier: Apache-2.0
/* An environment's root as real files: for engines without mounts, for hosts without overlayfs, and
 * to be given away. Files share their blocks with the host's where the file system can. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/map.h"
#include "flow/isolate.h"
#include "sys/openat2.h"

#define DEPTH_MAX 1000

struct copier {
	const struct visible *visible;
	int folder_fd;	 /* what it goes to */
	struct map said; /* path -> item: trees leave it to them */
};

/* Opened in one go: a directory on the way that is a link would be ours, and is none. */
static int open_parent(const struct copier *copier, const char *path, const char **ret_name,
		       struct err *err)
{
	const char *slash = strrchr(path, '/');
	auto_buf folder = { 0 };
	int fd;

	buf_add(&folder, path, (size_t)(slash - path));
	*ret_name = slash + 1;
	fd = openat2_make_directories(copier->folder_fd, folder.size_bytes ? folder.bytes : "/",
				      0755);
	return fd < 0 ? fail(err, -fd, "copy '%s'", path) : fd;
}

static int copy_file(const struct copier *copier, const char *source, const char *path,
		     const struct stat *st, struct err *err)
{
	const char *name;
	auto_fd from = openat2_in_root(copier->visible->root_fd, source,
				       O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	auto_fd folder = -1;
	auto_fd to = -1;
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r;

	if (from < 0)
		return from == -EACCES || from == -ENOENT ? 0 : fail(err, -from, "'%s'", source);
	folder = open_parent(copier, path, &name, err);
	if (folder < 0)
		return folder;
	to = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return errno == EEXIST ? 0 : fail(err, errno, "copy '%s'", path);
	r = io_copy(from, to, UINT64_MAX, err);
	if (r < 0)
		return err_wrap(err, "copy '%s'", path);
	if (fchmod(to, (st->st_mode & 0777) | 0400) < 0 || futimens(to, times) < 0)
		return fail(err, errno, "copy '%s'", path);
	return 0;
}

static int copy_link(const struct copier *copier, const char *source, const char *path,
		     const char *content, struct err *err)
{
	char target[PATH_MAX];
	const char *name;
	auto_fd folder = open_parent(copier, path, &name, err);
	ssize_t length;

	if (folder < 0)
		return folder;
	if (!content) {
		length = readlinkat(copier->visible->root_fd, source + 1, target,
				    sizeof(target) - 1);
		if (length < 0)
			return fail(err, errno, "link '%s'", source);
		target[length] = '\0';
		content = target;
	}
	return symlinkat(content, folder, name) < 0 && errno != EEXIST
		       ? fail(err, errno, "link '%s'", path)
		       : 0;
}

static int copy_directory(const struct copier *copier, const char *path, mode_t mode,
			  struct err *err)
{
	auto_fd fd = openat2_make_directories(copier->folder_fd, path, 0755);
	auto_fd real = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (real < 0)
		return fail(err, fd < 0 ? -fd : errno, "make '%s'", path);
	return fchmod(real, (mode & 07777) | 0700) < 0 ? fail(err, errno, "mode of '%s'", path) : 0;
}

static int copy_any(const struct copier *copier, const char *source, const char *path,
		    const struct stat *st, struct err *err)
{
	if (S_ISDIR(st->st_mode))
		return copy_directory(copier, path, st->st_mode, err);
	if (S_ISLNK(st->st_mode))
		return copy_link(copier, source, path, NULL, err);
	/* devices, sockets and pipes are of no use without the one who made them */
	return S_ISREG(st->st_mode) ? copy_file(copier, source, path, st, err) : 0;
}

/* All below it that no item speaks of. */
static int copy_tree(const struct copier *copier, const char *source, const char *path,
		     unsigned depth, struct err *err)
{
	int fd = openat2_in_root(copier->visible->root_fd, source, O_RDONLY | O_DIRECTORY, 0);
	const struct dirent *entry;
	DIR *stream;
	int r = 0;

	if (fd < 0)
		return fd == -EACCES || fd == -ENOENT ? 0 : fail(err, -fd, "'%s'", source);
	stream = fdopendir(fd);
	if (!stream || depth > DEPTH_MAX) {
		fail(err, stream ? ELOOP : errno, "'%s'", source);
		close(fd);
		return -err->code;
	}
	while (r == 0 && (entry = readdir(stream))) {
		auto_buf from = { 0 };
		auto_buf to = { 0 };
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		buf_printf(&from, "%s/%s", source, entry->d_name);
		buf_printf(&to, "%s/%s", path, entry->d_name);
		if (map_get(&copier->said, to.bytes) ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		r = copy_any(copier, from.bytes, to.bytes, &st, err);
		if (r == 0 && S_ISDIR(st.st_mode))
			r = copy_tree(copier, from.bytes, to.bytes, depth + 1, err);
	}
	closedir(stream);
	return r;
}

static int copy_made_file(const struct copier *copier, const struct visible_item *item,
			  struct err *err)
{
	const char *name;
	auto_fd folder = open_parent(copier, item->path, &name, err);
	auto_fd fd = -1;
	int r;

	if (folder < 0)
		return folder;
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, errno, "make '%s'", item->path);
	r = io_write_all(fd, item->content, item->content_bytes);
	if (r == 0 && fchmod(fd, item->mode & 0777) < 0)
		r = -errno;
	return r < 0 ? fail(err, -r, "write '%s'", item->path) : 0;
}

static int copy_item(const struct copier *copier, const struct visible_item *item, struct err *err)
{
	struct stat st;
	int r;

	if (item->kind == VISIBLE_HIDDEN)
		return item->is_opened ? copy_directory(copier, item->path, 0755, err) : 0;
	if (item->kind == VISIBLE_LINK)
		return copy_link(copier, NULL, item->path, item->content, err);
	if (item->kind == VISIBLE_FILE)
		return copy_made_file(copier, item, err);
	if (fstatat(copier->visible->root_fd, item->source + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? copy_directory(copier, item->path, 0755, err)
				       : fail(err, errno, "'%s'", item->source);
	r = copy_any(copier, item->source, item->path, &st, err);
	if (r == 0 && item->kind == VISIBLE_TREE)
		r = copy_tree(copier, item->source, item->path, 0, err);
	return r;
}

int isolate_copy(const struct visible *visible, int folder_fd, struct err *err)
{
	struct copier copier = { .visible = visible, .folder_fd = folder_fd };
	int r = 0;

	for (size_t i = 0; i < visible->count; i++)
		map_set(&copier.said, visible->item[i]->path, visible->item[i]);
	for (size_t i = 0; r == 0 && i < visible->count; i++)
		r = copy_item(&copier, visible->item[i], err);
	map_done(&copier.said);
	return r;
}
