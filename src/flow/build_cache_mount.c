// SPDX-License-Identifier: Apache-2.0
#include "flow/build_cache_mount.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "flow/build_origin.h"
#include "sys/remove.h"

#define FOLDER	    "cache/mounts"
#define PRIVATE_MAX 1000 /* copies of one private cache in use at the same time */

static int make_folder(const struct store *store, const char *name, struct err *err)
{
	if (mkdirat(store->dirfd, name, 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make '%s' in the store", name);
	return 0;
}

/* Lock the cache `name`: 1 when it is ours, 0 when another build has it and we shall not wait. */
static int lock(struct work *work, const char *name, enum mount_sharing sharing, struct err *err)
{
	const char *path = arena_printf(&work->arena, "%s/lock", name);
	int how = sharing == SHARING_SHARED   ? LOCK_SH
		  : sharing == SHARING_LOCKED ? LOCK_EX
					      : LOCK_EX | LOCK_NB;
	int fd = openat(work->build->store.dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(err, errno, "open '%s' in the store", path);
	while (flock(fd, how) < 0) {
		int error = errno;

		if (error == EINTR)
			continue;
		close(fd);
		if (error == EWOULDBLOCK)
			return 0;
		return fail(err, error, "lock '%s' in the store", path);
	}
	work_keep_open(work, fd);
	return 1;
}

static const char *name_of(struct work *work, const struct step_mount *mount, unsigned number)
{
	auto_sha256 sha;
	char hex[SHA256_HEX_LENGTH + 1];

	sha256_init(&sha);
	sha256_add(&sha, mount->id, strlen(mount->id));
	sha256_finish(&sha, hex);
	return number ? arena_printf(&work->arena, FOLDER "/%s-%u", hex, number)
		      : arena_printf(&work->arena, FOLDER "/%s", hex);
}

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
	const char *tree_name = arena_printf(&work->arena, "%s/tree", name);
	const char *id_name = arena_printf(&work->arena, "%s/id", name);
	int r;

	if (faccessat(store->dirfd, tree_name, F_OK, 0) == 0)
		return 0;
	r = io_replace_file_at(store->dirfd, id_name, mount->id, strlen(mount->id), 0600, err);
	return r < 0 ? r : fill(work, mount, tree_name, err);
}

static int open_numbered(struct work *work, const struct step_mount *mount, unsigned number,
			 const char **ret_path, struct err *err)
{
	const struct store *store = &work->build->store;
	const char *name = name_of(work, mount, number);
	int r = make_folder(store, name, err);

	if (r == 0)
		r = lock(work, name, mount->sharing, err);
	if (r <= 0)
		return r;
	r = make_tree(work, mount, name, err);
	*ret_path = arena_printf(&work->arena, "%s/%s/tree", store->path, name);
	return r < 0 ? r : 1;
}

int cache_mount_open(struct work *work, const struct step_mount *mount, const char **ret_path,
		     struct err *err)
{
	unsigned most = mount->sharing == SHARING_PRIVATE ? PRIVATE_MAX : 1;
	int r = make_folder(&work->build->store, FOLDER, err);

	for (unsigned number = 0; r == 0 && number < most; number++) {
		r = open_numbered(work, mount, number, ret_path, err);
		if (r > 0)
			return 0;
	}
	if (r == 0)
		r = fail(err, EBUSY, "more than %d builds use it", PRIVATE_MAX);
	return err_wrap(err, "cache mount '%s'", mount->id);
}
