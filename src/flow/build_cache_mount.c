// SPDX-License-Identifier: Apache-2.0
#include "flow/build_cache_mount.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "flow/build_origin.h"
#include "sys/remove.h"

#define NAME_BYTES 128

static const char *part(const char *name, const char *suffix, char path[NAME_BYTES])
{
	snprintf(path, NAME_BYTES, CACHE_MOUNT_FOLDER "/%s%s", name, suffix);
	return path;
}

const char *cache_mount_name(struct arena *arena, const char *id, unsigned number)
{
	char hex[SHA256_HEX_LENGTH + 1];

	sha256_hex(id, strlen(id), hex);
	return number ? arena_printf(arena, "%s-%u", hex, number) : arena_copy(arena, hex);
}

int cache_mount_remove(const struct store *store, const char *name, struct err *err)
{
	char aside[STORE_WORK_NAME_MAX];
	char path[NAME_BYTES];
	auto_fd fd = -1;
	int r;

	if (faccessat(store->dirfd, part(name, "", path), F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 1;
	r = cache_mount_hold(store, name, CACHE_MOUNT_ALONE, false, &fd, err);
	if (r <= 0)
		return r;
	r = store_work_name(store, aside, err);
	if (r == 0 && renameat(store->dirfd, path, store->dirfd, aside) < 0)
		r = fail(err, errno, "move '%s' away", path);
	/* its own lock would stand in the way: NFS keeps what is open under another name */
	cleanup_fd(&fd);
	fd = -1;
	if (r == 0)
		r = store_remove_aside(store, aside, err);
	return r < 0 ? r : 1;
}

/* ---- making ---- */

/* Fill a new tree from another origin, aside, and publish it by rename. */
static int fill(struct work *work, const struct step_mount *mount, const char *tree_name,
		struct err *err)
{
	const struct store *store = &work->build->store;
	char aside[STORE_WORK_NAME_MAX];
	int r = store_work_name(store, aside, err);

	if (r == 0 && mkdirat(store->dirfd, aside, 0700) < 0)
		r = fail(err, errno, "make '%s' in the store", aside);
	if (r == 0)
		r = build_origin_copy(work, &mount->from, mount->source,
				      arena_printf(&work->arena, "%s/%s", store->path, aside), err);
	if (r == 0 && fchmodat(store->dirfd, aside, mount->mode | 0700, 0) < 0)
		r = fail(err, errno, "chmod '%s' in the store", aside);
	if (r == 0 && renameat(store->dirfd, aside, store->dirfd, tree_name) < 0 &&
	    errno != EEXIST && errno != ENOTEMPTY)
		r = fail(err, errno, "publish '%s' in the store", tree_name);
	if (faccessat(store->dirfd, aside, F_OK, 0) == 0 &&
	    remove_tree(store->dirfd, aside, r < 0 ? NULL : err) < 0 && r == 0)
		r = -err->code;
	return r;
}

static int make_tree(struct work *work, const struct step_mount *mount, const char *name,
		     struct err *err)
{
	const struct store *store = &work->build->store;
	const char *tree_name = arena_printf(&work->arena, CACHE_MOUNT_FOLDER "/%s/tree", name);
	const char *id_name = arena_printf(&work->arena, CACHE_MOUNT_FOLDER "/%s/id", name);
	auto_fd making = -1;
	int r;

	if (faccessat(store->dirfd, tree_name, F_OK, 0) == 0)
		return 0;
	r = cache_mount_hold_making(store, name, &making, err);
	if (r < 0 || faccessat(store->dirfd, tree_name, F_OK, 0) == 0)
		return r;
	r = io_replace_file_at(store->dirfd, id_name, mount->id, strlen(mount->id), 0600, err);
	return r < 0 ? r : fill(work, mount, tree_name, err);
}

static int open_numbered(struct work *work, const struct step_mount *mount, unsigned number,
			 const char **ret_path, struct err *err)
{
	const struct store *store = &work->build->store;
	const char *name = cache_mount_name(&work->arena, mount->id, number);
	enum cache_mount_hold how = mount->sharing == SHARING_SHARED ? CACHE_MOUNT_SHARED
								     : CACHE_MOUNT_ALONE;
	int fd;
	int r = cache_mount_hold(store, name, how, mount->sharing != SHARING_PRIVATE, &fd, err);

	if (r <= 0)
		return r;
	work_keep_open(work, fd);
	r = make_tree(work, mount, name, err);
	/* For pruning alone. */
	(void)!futimens(fd, NULL);
	*ret_path = arena_printf(&work->arena, "%s/" CACHE_MOUNT_FOLDER "/%s/tree", store->path,
				 name);
	return r < 0 ? r : 1;
}

int cache_mount_open(struct work *work, const struct step_mount *mount, const char **ret_path,
		     struct err *err)
{
	unsigned most = mount->sharing == SHARING_PRIVATE ? CACHE_MOUNT_PRIVATE : 1;
	int r = 0;

	for (unsigned number = 0; r == 0 && number < most; number++) {
		r = open_numbered(work, mount, number, ret_path, err);
		if (r > 0)
			return 0;
	}
	if (r == 0)
		fail(err, EBUSY, "more than %d builds use it", CACHE_MOUNT_PRIVATE);
	return err_wrap(err, "cache mount '%s'", mount->id);
}
