// SPDX-License-Identifier: Apache-2.0
#include "flow/run_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/memory.h"
#include "flow/tar_root.h"
#include "store/cache_mount.h"

static void keep(struct run_root *root, int fd)
{
	struct layer_holds *holds = &root->holds;

	holds->fd = memory_resize(holds->fd, holds->count + 1, sizeof(*holds->fd));
	holds->fd[holds->count++] = fd;
}

/* 1: open; 0: another one has it, and it is not to be waited for. */
static int open_named(struct run_root *root, struct box_mount *mount, const char *name,
		      struct arena *arena, struct err *err)
{
	enum cache_mount_hold how = mount->sharing == BOX_SHARED ? CACHE_MOUNT_SHARED
								 : CACHE_MOUNT_ALONE;
	int fd;
	int r = cache_mount_hold(&root->store, name, how, mount->sharing != BOX_PRIVATE, &fd, err);

	if (r <= 0)
		return r;
	keep(root, fd);
	r = cache_mount_make(&root->store, name, mount->cache_id, mount->mode, err);
	/* for pruning alone */
	(void)!futimens(fd, NULL);
	mount->source = arena_printf(arena, "%s/" CACHE_MOUNT_FOLDER "/%s/tree", root->store.path,
				     name);
	return r < 0 ? r : 1;
}

static int open_cache(struct run_root *root, struct box_mount *mount, struct arena *arena,
		      struct err *err)
{
	const char *base;
	int r = tar_root_cache_name(&root->store, mount->cache_id, arena, &base, err);

	if (r < 0)
		return r;
	for (unsigned i = 0; r == 0 && i < CACHE_MOUNT_PRIVATE; i++)
		r = open_named(root, mount, i ? arena_printf(arena, "%s-%u", base, i) : base, arena,
			       err);
	if (r == 0)
		r = fail(err, EBUSY, "more than %d use it", CACHE_MOUNT_PRIVATE);
	return r < 0 ? err_wrap(err, "cache mount '%s'", mount->cache_id) : 0;
}

/* By id, and where one is mounted twice what others may use comes last. */
static int compare(const void *left, const void *right)
{
	const struct box_mount *a = *(struct box_mount *const *)left;
	const struct box_mount *b = *(struct box_mount *const *)right;
	int order = strcmp(a->cache_id, b->cache_id);

	return order ? order : (b->sharing == BOX_LOCKED) - (a->sharing == BOX_LOCKED);
}

/* In one order, or two runs could wait for each other; and an id once, or one would wait for
 * itself. */
int run_caches_open(struct run_root *root, struct box *box, struct err *err)
{
	struct box_mount **caches = arena_array(&box->arena, struct box_mount *,
						box->mounts.count + 1);
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < box->mounts.count; i++)
		if (box->mounts.item[i].cache_id)
			caches[count++] = &box->mounts.item[i];
	if (count && root->store.dirfd < 0)
		r = store_open(root->store_path, &root->store, err);
	qsort(caches, count, sizeof(*caches), compare);
	for (size_t i = 0; r == 0 && i < count; i++) {
		caches[i]->is_kept = true;
		caches[i]->uid = box->own_uid;
		caches[i]->gid = box->own_gid;
		if (i && strcmp(caches[i]->cache_id, caches[i - 1]->cache_id) == 0)
			caches[i]->source = caches[i - 1]->source;
		else
			r = open_cache(root, caches[i], &box->arena, err);
	}
	return r;
}
