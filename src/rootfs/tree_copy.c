// SPDX-License-Identifier: Apache-2.0
/* tree_copy: a list of files made real in one directory. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/map.h"
#include "base/strings.h"
#include "rootfs/directories.h"
#include "rootfs/tree.h"

struct copying {
	enum tree_copy how;
	struct directories from; /* of from.root_fd */
	struct directories to;
	struct map first_names; /* "dev:ino" of files with several names -> path */
	struct err *err;
};

static size_t parent_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : *path ? path : ".";
}

static int enter(struct copying *copying, struct directories *directories, const char *path,
		 int *ret_dirfd)
{
	int r = directories_enter(directories, path, parent_length(path), NULL, NULL, ret_dirfd);

	return r < 0 ? fail(copying->err, -r, "open the directory of '/%s'", path) : 0;
}

static int enter_from(struct copying *copying, const struct tree_entry *entry, int *ret_dirfd)
{
	if (copying->from.root_fd != entry->root_fd) {
		directories_done(&copying->from);
		directories_init(&copying->from, entry->root_fd);
	}
	return enter(copying, &copying->from, entry->disk_path ?: entry->path, ret_dirfd);
}

static int cannot(struct copying *copying, const char *what, const struct tree_entry *entry)
{
	return fail(copying->err, errno, "%s '/%s'", what, entry->path);
}

static bool is_placeholder(const struct tree_entry *entry)
{
	return S_ISCHR(entry->mode) || S_ISBLK(entry->mode);
}

/* Failure to set one is no failure to copy: the record in the store has them all. */
static void copy_xattrs(int dirfd, const char *name, const struct tree_entry *entry)
{
	char path[LAYER_NAME_MAX + 64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	for (size_t i = 0; i < entry->xattr_count; i++)
		if (text_starts(entry->xattrs[i].name, "user."))
			lsetxattr(path, entry->xattrs[i].name, entry->xattrs[i].value,
				  entry->xattrs[i].size_bytes, 0);
}

static int finish(struct copying *copying, int dirfd, const char *name,
		  const struct tree_entry *entry)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, entry->mtime };
	mode_t mode = entry->mode & 07777;

	if (is_placeholder(entry))
		mode &= 0777;
	copy_xattrs(dirfd, name, entry);
	if (!S_ISLNK(entry->mode) &&
	    fchmodat(dirfd, name, mode | (S_ISDIR(entry->mode) ? 0700 : 0400), 0) < 0)
		return cannot(copying, "set the mode of", entry);
	if (utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(copying, "set the time of", entry);
	return 0;
}

static int copy_content(struct copying *copying, int from_dirfd, int to_dirfd,
			const struct tree_entry *entry)
{
	auto_fd from = openat(from_dirfd, last_name(entry->disk_path ?: entry->path),
			      O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	auto_fd to = openat(to_dirfd, last_name(entry->path),
			    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (from < 0 || to < 0)
		return cannot(copying, "copy", entry);
	r = entry->size_bytes ? io_copy(from, to, UINT64_MAX, copying->err) : 0;
	return r < 0 ? err_wrap(copying->err, "copy '/%s'", entry->path) : 0;
}

/* 1: it is another name of a file copied before and was linked to it. */
static int link_to_first(struct copying *copying, int to_dirfd, const struct tree_entry *entry)
{
	char key[64];
	const char *first;
	char target[LAYER_PATH_MAX + 1];

	if (entry->nlink < 2)
		return 0;
	snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)entry->dev,
		 (unsigned long long)entry->ino);
	first = map_get(&copying->first_names, key);
	if (!first) {
		map_set(&copying->first_names, key, (void *)(uintptr_t)entry->path);
		return 0;
	}
	snprintf(target, sizeof(target), "%s", first);
	if (linkat(copying->to.root_fd, target, to_dirfd, last_name(entry->path), 0) < 0)
		return cannot(copying, "link", entry);
	return 1;
}

static int write_content(struct copying *copying, int to_dirfd, const struct tree_entry *entry)
{
	const char *name = last_name(entry->path);
	auto_fd to = openat(to_dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (to < 0)
		return cannot(copying, "create", entry);
	r = io_write_all(to, entry->content, entry->size_bytes);
	return r < 0 ? fail(copying->err, -r, "write '/%s'", entry->path)
		     : finish(copying, to_dirfd, name, entry);
}

static int copy_file(struct copying *copying, int to_dirfd, const struct tree_entry *entry)
{
	const char *name = last_name(entry->path);
	int from_dirfd;
	int r;

	if (entry->content)
		return write_content(copying, to_dirfd, entry);
	r = enter_from(copying, entry, &from_dirfd);
	if (r < 0)
		return r;
	if (copying->how == TREE_COPY_HARD_LINK) {
		if (linkat(from_dirfd, name, to_dirfd, name, 0) == 0)
			return 0;
		if (errno != EMLINK && errno != EXDEV && errno != EPERM)
			return cannot(copying, "link", entry);
	}
	r = link_to_first(copying, to_dirfd, entry);
	if (r != 0)
		return r < 0 ? r : 0;
	r = copy_content(copying, from_dirfd, to_dirfd, entry);
	return r < 0 ? r : finish(copying, to_dirfd, name, entry);
}

static int copy_entry(struct copying *copying, const struct tree_entry *entry)
{
	const char *name = last_name(entry->path);
	int dirfd;
	int r = enter(copying, &copying->to, entry->path, &dirfd);

	if (r < 0)
		return r;
	switch (entry->mode & S_IFMT) {
	case S_IFDIR: /* modes and times once everything is in it */
		if (*entry->path && mkdirat(dirfd, name, 0700) < 0 &&
		    !(copying->how == TREE_COPY_ONTO && errno == EEXIST))
			return cannot(copying, "make directory", entry);
		return 0;
	case S_IFLNK:
		if (symlinkat(entry->link, dirfd, name) < 0)
			return cannot(copying, "make symbolic link", entry);
		break;
	case S_IFIFO:
		if (mkfifoat(dirfd, name, 0600) < 0)
			return cannot(copying, "make fifo", entry);
		break;
	default:
		return copy_file(copying, dirfd, entry);
	}
	return finish(copying, dirfd, name, entry);
}

static int finish_directories(struct copying *copying, const struct tree *tree)
{
	for (size_t i = tree->count; i-- > 0;) {
		const struct tree_entry *entry = &tree->item[i];
		int dirfd;
		int r;

		if (!S_ISDIR(entry->mode))
			continue;
		r = enter(copying, &copying->to, entry->path, &dirfd);
		if (r == 0)
			r = finish(copying, dirfd, last_name(entry->path), entry);
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_all(struct copying *copying, const struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		int r = tree->item[i].kind == TREE_ENTRY ? copy_entry(copying, &tree->item[i]) : 0;

		if (r < 0)
			return r;
	}
	return finish_directories(copying, tree);
}

int tree_copy(const struct tree *tree, enum tree_copy how, int to_fd, struct err *err)
{
	struct copying copying = { .how = how, .err = err };
	int r;

	directories_init(&copying.from, -1);
	directories_init(&copying.to, to_fd);
	r = copy_all(&copying, tree);
	directories_done(&copying.from);
	directories_done(&copying.to);
	map_done(&copying.first_names);
	return r;
}
