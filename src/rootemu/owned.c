// SPDX-License-Identifier: Apache-2.0
#include "rootemu/owned.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/buf.h"
#include "sys/openat2.h"

#define LOOK (STATX_BASIC_STATS | STATX_BTIME)

static long look(int dirfd, const char *name, struct statx *ret_statx)
{
	return raw5(__NR_statx, dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, LOOK, ret_statx);
}

/* --- from records to rows */

static int look_inside(int root_fd, const char *path, struct statx *ret_statx)
{
	auto_fd fd = openat2_in_root(root_fd, path[0] ? path : ".", O_PATH | O_NOFOLLOW, 0);

	return fd < 0 ? fd : (int)look(fd, "", ret_statx);
}

static bool is_same_file(const struct statx *a, const struct statx *b)
{
	return (a->stx_mode & S_IFMT) == (b->stx_mode & S_IFMT) &&
	       (S_ISDIR(a->stx_mode) || a->stx_ino == b->stx_ino) &&
	       a->stx_btime.tv_sec == b->stx_btime.tv_sec &&
	       a->stx_btime.tv_nsec == b->stx_btime.tv_nsec;
}

static int enter(struct lies *lies, const struct owner *owner, const struct statx *x)
{
	struct file_id id = lies_id_of(x);
	struct lie_row *row = lies_make(lies, &id);
	uint32_t mask = (owner->has_mode ? 07777u : 0) | (owner->type ? S_IFMT : 0);

	if (!row)
		return -ENOSPC;
	lies_note_real_mode(row, x->stx_mode);
	lies_set_owner(row, owner->uid, owner->gid);
	lies_set_mode(row, mask, (owner->mode & 07777) | owner->type);
	lies_set_device(row, owner->rdev_major, owner->rdev_minor);
	for (size_t i = 0; i < owner->xattr_count; i++) {
		const struct xattr *xattr = &owner->xattrs[i];
		int r = lies_xattr_set(lies, row, xattr->name, xattr->value,
				       (uint32_t)xattr->size_bytes);

		if (r < 0)
			return r;
	}
	if (S_ISDIR(x->stx_mode) && owner->gid &&
	    ((owner->has_mode ? owner->mode : x->stx_mode) & S_ISGID))
		lies_note_setgid(lies);
	return 0;
}

static bool is_gone(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
}

int owned_seed(struct lies *lies, int root_fd, int layer_fd, const struct owners *owners,
	       struct err *err)
{
	for (size_t i = 0; i < owners->count; i++) {
		const struct owner *owner = &owners->item[i];
		struct statx shown;
		struct statx own;
		int r;

		if (owner->whiteout)
			continue;
		r = look_inside(root_fd, owner->path, &shown);
		if (r == 0 && layer_fd >= 0) {
			r = look_inside(layer_fd, owner->path, &own);
			if (r == 0 && !is_same_file(&shown, &own))
				continue;
		}
		if (is_gone(r))
			continue;
		if (r == 0)
			r = enter(lies, owner, &shown);
		if (r < 0)
			return fail(err, -r, "owner of '/%s'", owner->path);
	}
	return 0;
}

/* --- from rows to records */

struct collection {
	struct lies *lies;
	struct arena *arena;
	struct buf path;
	struct owner *item;
	size_t count;
	size_t room;
};

static struct owner *collection_add(struct collection *collection)
{
	if (collection->count == collection->room) {
		size_t room = collection->room ? collection->room * 2 : 64;
		struct owner *item = arena_array(collection->arena, struct owner, room);

		if (collection->count)
			memcpy(item, collection->item, collection->count * sizeof(*item));
		collection->item = item;
		collection->room = room;
	}
	return memset(&collection->item[collection->count++], 0, sizeof(struct owner));
}

static size_t count_xattrs(struct lies *lies, const struct lie_row *row)
{
	uint32_t cursor = 0;
	const char *name;
	size_t count = 0;
	bool removed;

	while (lies_xattr_next(lies, row, &cursor, &name, &removed))
		count += !removed;
	return count;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

static void collect_xattrs(struct collection *collection, const struct lie_row *row,
			   struct owner *owner)
{
	size_t count = count_xattrs(collection->lies, row);
	uint32_t cursor = 0;
	const void *value;
	uint32_t size_bytes;
	const char *name;
	bool removed;

	if (!count)
		return;
	owner->xattrs = arena_array(collection->arena, struct xattr, count);
	while (owner->xattr_count < count &&
	       lies_xattr_next(collection->lies, row, &cursor, &name, &removed)) {
		if (removed || lies_xattr_get(collection->lies, row, name, &value, &size_bytes) !=
				       LIES_XATTR_SET)
			continue;
		owner->xattrs[owner->xattr_count++] = (struct xattr){
			.name = arena_copy(collection->arena, name),
			.value = arena_copy_bytes(collection->arena, value, size_bytes),
			.size_bytes = size_bytes,
		};
	}
	qsort(owner->xattrs, owner->xattr_count, sizeof(*owner->xattrs), compare_names);
}

static void collect(struct collection *collection, const struct statx *x)
{
	struct file_id id = lies_id_of(x);
	const struct lie_row *row = lies_find(collection->lies, &id);
	struct owner *owner;
	struct lie lie;

	if (!row)
		return;
	lies_read(row, &lie);
	owner = collection_add(collection);
	owner->path = arena_copy(collection->arena, buf_text(&collection->path));
	owner->uid = lie.uid == LIES_KEEP ? 0 : lie.uid;
	owner->gid = lie.gid == LIES_KEEP ? 0 : lie.gid;
	owner->has_mode = (lie.mode_mask & 07777) != 0;
	owner->mode = ((x->stx_mode & ~lie.mode_mask) | lie.mode_bits) & 07777;
	owner->type = lie.mode_mask & S_IFMT ? lie.mode_bits & S_IFMT : 0;
	if (owner->type) {
		owner->rdev_major = lie.rdev_major;
		owner->rdev_minor = lie.rdev_minor;
	}
	collect_xattrs(collection, row, owner);
}

static int walk(struct collection *collection, int dir_fd, int names_fd, struct err *err);

/* One name of the directory; what names_fd lists and dir_fd does not show is a whiteout. */
static int walk_entry(struct collection *collection, int dir_fd, int names_fd, const char *name,
		      struct err *err)
{
	size_t before = collection->path.size_bytes;
	auto_fd below = -1;
	auto_fd names_below = -1;
	struct statx x;
	int r = (int)look(dir_fd, name, &x);

	if (r == -ENOENT)
		return 0;
	if (before)
		buf_add_char(&collection->path, '/');
	buf_add_text(&collection->path, name);
	if (r < 0)
		return fail(err, -r, "look at '/%s'", buf_text(&collection->path));
	collect(collection, &x);
	if (S_ISDIR(x.stx_mode)) {
		below = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (names_fd >= 0)
			names_below = openat(names_fd, name,
					     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0 || (names_fd >= 0 && names_below < 0))
			return fail(err, errno, "open '/%s'", buf_text(&collection->path));
		r = walk(collection, below, names_below, err);
	}
	buf_truncate(&collection->path, before);
	return r;
}

static void cleanup_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

static int walk(struct collection *collection, int dir_fd, int names_fd, struct err *err)
{
	int list_fd = openat(names_fd >= 0 ? names_fd : dir_fd, ".",
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup(cleanup_directory) DIR *directory = list_fd < 0 ? NULL : fdopendir(list_fd);
	struct dirent *entry;

	if (!directory)
		return fail(err, errno, "list '/%s'", buf_text(&collection->path));
	while ((errno = 0, entry = readdir(directory))) {
		int r;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = walk_entry(collection, dir_fd, names_fd, entry->d_name, err);
		if (r < 0)
			return r;
	}
	return errno ? fail(err, errno, "list '/%s'", buf_text(&collection->path)) : 0;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct owner *)a)->path, ((const struct owner *)b)->path);
}

int owned_collect(struct lies *lies, int root_fd, int names_fd, struct arena *arena,
		  struct owners *ret_owners, struct err *err)
{
	struct collection collection = { .lies = lies, .arena = arena };
	struct statx x;
	int r = (int)look(root_fd, "", &x);

	if (r < 0)
		return fail(err, -r, "look at the root");
	collect(&collection, &x);
	r = walk(&collection, root_fd, names_fd, err);
	buf_done(&collection.path);
	if (r < 0)
		return r;
	if (collection.count)
		qsort(collection.item, collection.count, sizeof(*collection.item), compare_paths);
	*ret_owners = (struct owners){ .item = collection.item, .count = collection.count };
	return 0;
}
