// SPDX-License-Identifier: Apache-2.0
#include "rootfs/kept.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/memory.h"
#include "rootfs/change_time.h"
#include "rootfs/directory_walk.h"
#include "rootfs/level.h"
#include "rootfs/spare.h"
#include "rootfs/tree.h"
#include "sys/remove.h"

static void forget(struct kept *kept)
{
	map_done(&kept->seen);
	arena_done(&kept->arena);
	kept->seen = (struct map){ 0 };
	kept->arena = (struct arena){ 0 };
}

void kept_done(struct kept *kept, const struct store *store)
{
	if (kept->name[0] && !kept->is_used)
		spare_give_back(store, kept->diff_id, kept->spare_count, kept->name);
	if (kept->name[0])
		(void)!remove_tree(store->dirfd, kept->name, NULL);
	forget(kept);
	free(kept->diff_id);
	*kept = (struct kept){ 0 };
}

static void set_layers(struct kept *kept, const struct digest *diff_ids, size_t count)
{
	kept->diff_id = memory_resize(kept->diff_id, count, sizeof(*diff_ids));
	memcpy(kept->diff_id, diff_ids, count * sizeof(*diff_ids));
	kept->count = count;
}

static int open_root(const struct kept *kept, const struct store *store, struct err *err)
{
	int fd = openat(store->dirfd, kept->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? fail(err, errno, "open '%s' in '%s'", kept->name, store->path) : fd;
}

/* ---- what was noted ---- */

static void note_file(struct kept *kept, const char *path, const struct stat *st,
		      const struct timespec *until)
{
	struct snapshot_seen *seen = arena_new(&kept->arena, struct snapshot_seen);

	seen->ino = st->st_ino;
	if (change_time_is_before(&st->st_ctim, until))
		seen->changed = st->st_ctim;
	map_set(&kept->seen, path, seen);
}

struct noting {
	struct kept *kept;
	struct timespec until;
};

static int note_entry(void *context, const struct directory_walk_entry *entry, struct err *err)
{
	const struct noting *noting = context;

	(void)err;
	if (S_ISREG(entry->st.st_mode))
		note_file(noting->kept, entry->path, &entry->st, &noting->until);
	return 0;
}

static int note(struct kept *kept, const struct store *store, struct err *err)
{
	auto_fd fd = open_root(kept, store, err);
	struct noting noting = { .kept = kept };

	forget(kept);
	if (fd < 0)
		return fd;
	if (change_time_tells(fd))
		clock_gettime(CLOCK_REALTIME, &noting.until);
	noting.until.tv_sec--; /* what changes within a tick of the kernel's clock has one time */
	return directory_walk(fd, note_entry, &noting, err);
}

const struct snapshot_seen *kept_seen(const void *context, const char *path)
{
	const struct kept *kept = context;

	return map_get(&kept->seen, path);
}

/* ---- more layers ---- */

/* All layers as one list, and which of it the copy has not seen yet. */
struct update {
	struct view view;
	size_t new_count; /* of the view's layers, from the top */
	struct tree all;
	struct map by_path;
	struct err *err;
};

static bool is_new(const struct update *update, const struct tree_entry *entry)
{
	for (size_t i = 0; i < update->new_count; i++)
		if (update->view.layer[i].dirfd == entry->root_fd)
			return true;
	return false;
}

/* Out with what the new layers delete or replace. */
static int prune(struct update *update, int dirfd, const char *path)
{
	auto_strings names = { 0 };
	int r = directory_names(dirfd, &names, update->err);

	if (r < 0)
		return err_wrap(update->err, "'/%s'", path);
	strings_each(&names, name) {
		auto_buf below = { 0 };
		auto_fd fd = -1;
		const struct tree_entry *entry;

		buf_printf(&below, "%s%s%s", path, *path ? "/" : "", name);
		entry = map_get(&update->by_path, below.bytes);
		if (entry && !S_ISDIR(entry->mode) && !is_new(update, entry))
			continue;
		if (entry && S_ISDIR(entry->mode))
			fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? remove_tree(dirfd, name, update->err) : prune(update, fd, below.bytes);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Directories are all in the list: their modes and times may be new, or the removals changed them.
 */
static int copy_new(struct update *update, int root_fd)
{
	auto_tree wanted = { 0 };

	for (size_t i = 0; i < update->all.count; i++) {
		const struct tree_entry *entry = &update->all.item[i];

		if (S_ISDIR(entry->mode) || is_new(update, entry))
			*tree_add(&wanted) = *entry;
	}
	return tree_copy(&wanted, TREE_COPY_ONTO, root_fd, update->err);
}

static int put_layers(struct kept *kept, const struct store *store, const struct digest *diff_ids,
		      size_t count, struct err *err)
{
	struct update update = { .new_count = count - kept->count, .err = err };
	auto_fd root_fd = open_root(kept, store, err);
	int r = root_fd < 0 ? root_fd : 0;

	view_init(&update.view);
	if (r == 0)
		r = view_push_layers(&update.view, store, diff_ids, count, err);
	if (r == 0)
		r = tree_of_view(&update.view, &update.all, err);
	for (size_t i = 0; i < update.all.count; i++)
		map_set(&update.by_path, update.all.item[i].path, &update.all.item[i]);
	if (r == 0)
		r = prune(&update, root_fd, "");
	if (r == 0)
		r = copy_new(&update, root_fd);
	map_done(&update.by_path);
	tree_done(&update.all);
	view_done(&update.view);
	return r < 0 ? err_wrap(err, "put a layer into the copy of those below") : 0;
}

/* ---- all of it ---- */

static bool is_below(const struct kept *kept, const struct digest *diff_ids, size_t count)
{
	if (!kept->name[0] || kept->count > count)
		return false;
	for (size_t i = 0; i < kept->count; i++)
		if (!digest_equal(&kept->diff_id[i], &diff_ids[i]))
			return false;
	return true;
}

int kept_make(struct kept *kept, const struct store *store, const struct digest *diff_ids,
	      size_t count, struct err *err)
{
	int r;

	if (is_below(kept, diff_ids, count)) {
		kept->is_used = true;
		if (kept->count == count)
			return 0;
		r = put_layers(kept, store, diff_ids, count, err);
	} else {
		kept_done(kept, store);
		r = spare_take(store, diff_ids, count, kept->name, err);
		kept->spare_count = count;
	}
	if (r < 0)
		return r;
	kept->is_used = true;
	set_layers(kept, diff_ids, count);
	return note(kept, store, err);
}

int kept_add(struct kept *kept, const struct store *store, const struct digest *diff_id,
	     struct err *err)
{
	if (diff_id) {
		kept->diff_id = memory_resize(kept->diff_id, kept->count + 1, sizeof(*diff_id));
		kept->diff_id[kept->count++] = *diff_id;
	}
	kept->is_used = false;
	return note(kept, store, err);
}
