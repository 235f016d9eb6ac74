// SPDX-License-Identifier: Apache-2.0
#include "store/cache_mount.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "sys/file_lock.h"

#define NAME_BYTES 128

static const char *part(const char *name, const char *suffix, char path[NAME_BYTES])
{
	snprintf(path, NAME_BYTES, CACHE_MOUNT_FOLDER "/%s%s", name, suffix);
	return path;
}

static int open_lock(const struct store *store, const char *name, int *ret_fd, struct err *err)
{
	char path[NAME_BYTES];
	int fd;

	if (mkdirat(store->dirfd, part(name, "", path), 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make '%s' in the store", path);
	fd = openat(store->dirfd, part(name, "/lock", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 && errno == ENOENT)
		return -EAGAIN; /* it was pruned in between */
	if (fd < 0)
		return fail(err, errno, "open '%s' in the store", path);
	*ret_fd = fd;
	return 0;
}

/* Is what we locked still what the name means? Who prunes holds the lock while it moves away. */
static bool is_current(const struct store *store, const char *name, int fd)
{
	char path[NAME_BYTES];
	struct stat locked;
	struct stat named;

	return fstat(fd, &locked) == 0 &&
	       fstatat(store->dirfd, part(name, "/lock", path), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

/* 1: locked; 0: somebody has it; -EAGAIN: it was pruned meanwhile, there may be a new one. */
static int lock_once(const struct store *store, const char *name, enum file_lock how, bool wait,
		     int *ret_fd, struct err *err)
{
	auto_fd fd = -1;
	int r = open_lock(store, name, &fd, err);

	if (r < 0)
		return r;
	r = file_lock(fd, how, wait, err);
	if (r == -ENOLCK && how == FILE_LOCK_SHARED) { /* then nobody can have it alone either */
		err_clear(err);
		r = 1;
	}
	if (r == -ENOLCK)
		err_hint(err, "the store's file system has no locks: use sharing=shared, or a "
			      "store (--store, $ROOTLET_STORE) on a local disk");
	if (r < 0)
		return err_wrap(err, "cache mount '%s'", name);
	if (r == 0)
		return 0;
	if (!is_current(store, name, fd))
		return -EAGAIN;
	*ret_fd = take_fd(&fd);
	return 1;
}

int cache_mount_hold(const struct store *store, const char *name, enum cache_mount_hold how,
		     bool wait, int *ret_fd, struct err *err)
{
	int r = store_make_folder(store, CACHE_MOUNT_FOLDER, err);

	if (r < 0)
		return r;
	do
		r = lock_once(store, name,
			      how == CACHE_MOUNT_SHARED ? FILE_LOCK_SHARED : FILE_LOCK_ALONE, wait,
			      ret_fd, err);
	while (r == -EAGAIN);
	return r;
}

int cache_mount_hold_making(const struct store *store, const char *name, int *ret_fd,
			    struct err *err)
{
	char path[NAME_BYTES];
	auto_fd fd = openat(store->dirfd, part(name, "/making", path), O_RDWR | O_CREAT | O_CLOEXEC,
			    0600);

	int r;

	if (fd < 0)
		return fail(err, errno, "open '%s' in the store", path);
	r = file_lock(fd, FILE_LOCK_ALONE, true, err);
	if (r < 0 && r != -ENOLCK)
		return err_wrap(err, "'%s' in the store", path);
	if (r < 0) /* without, two may make it at once: one of the trees stays */
		err_clear(err);
	*ret_fd = take_fd(&fd);
	return 0;
}

static bool has_tree(const struct store *store, const char *name)
{
	char path[NAME_BYTES];

	return faccessat(store->dirfd, part(name, "/tree", path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int cache_mount_make(const struct store *store, const char *name, const char *id, mode_t mode,
		     struct err *err)
{
	char path[NAME_BYTES];
	auto_fd making = -1;
	int r;

	if (has_tree(store, name))
		return 0;
	r = cache_mount_hold_making(store, name, &making, err);
	if (r < 0 || has_tree(store, name))
		return r;
	r = io_replace_file_at(store->dirfd, part(name, "/id", path), id, strlen(id), 0600, err);
	if (r < 0)
		return r;
	if (mkdirat(store->dirfd, part(name, "/tree", path), 0700) < 0)
		return errno == EEXIST ? 0 : fail(err, errno, "make '%s' in the store", path);
	if (fchmodat(store->dirfd, path, mode | 0700, 0) < 0)
		return fail(err, errno, "chmod '%s' in the store", path);
	return 0;
}
