// SPDX-License-Identifier: Apache-2.0
#include "flow/cache_entries.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "flow/build_cache_mount.h"
#include "flow/disk_usage.h"
#include "flow/images.h"
#include "flow/reach.h"
#include "rootfs/level.h"
#include "store/layers.h"

#define MOUNT_ID_BYTES ((size_t)64 * 1024)

void cache_entries_done(struct cache_entries *entries)
{
	free(entries->item);
	arena_done(&entries->arena);
	*entries = (struct cache_entries){ 0 };
}

static struct cache_entry *add(struct cache_entries *entries)
{
	if (entries->count == entries->room) {
		entries->room = entries->room ? entries->room * 2 : 64;
		entries->item = memory_resize(entries->item, entries->room, sizeof(*entries->item));
	}
	entries->item[entries->count] = (struct cache_entry){ .text = "" };
	return &entries->item[entries->count++];
}

/* ---- reading ---- */

struct reading {
	const struct store *store;
	const struct reach *images;
	struct cache_entries *entries;
	struct err *err;
};

static uint64_t layer_bytes(const struct store *store, const struct build_cached *step)
{
	return digest_is_none(&step->diff_id)
		       ? 0
		       : step->layer.size_bytes + layer_tar_bytes(store, &step->diff_id);
}

static int read_step(struct reading *reading, int dirfd, const char *name)
{
	struct cache_entry *entry;
	struct stat st;

	if (strchr(name, '.') || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* its inputs, or work in progress; or it went meanwhile */
	entry = add(reading->entries);
	entry->kind = CACHE_STEP;
	entry->id = arena_copy(&reading->entries->arena, name);
	entry->used_s = entry->created_s = st.st_mtim.tv_sec;
	if (build_cache_read(reading->store, name, &reading->entries->arena, &entry->step, NULL) <=
	    0)
		return 0;
	entry->text = entry->step.text;
	entry->size_bytes = layer_bytes(reading->store, &entry->step);
	entry->in_image = !digest_is_none(&entry->step.diff_id) &&
			  reach_has_layer(reading->images, digest_hex(&entry->step.diff_id));
	time_parse(entry->step.created, &entry->created_s);
	return 0;
}

static int read_mount(struct reading *reading, int dirfd, const char *name)
{
	struct arena *arena = &reading->entries->arena;
	struct cache_entry entry = { .kind = CACHE_MOUNT, .id = arena_copy(arena, name) };
	auto_buf id = { 0 };
	struct stat made;
	struct stat used;
	int r;

	/* One that lacks its parts is being made or going away. */
	if (io_read_file_at(dirfd, arena_printf(arena, "%s/id", name), MOUNT_ID_BYTES, &id, NULL) <
		    0 ||
	    fstatat(dirfd, arena_printf(arena, "%s/id", name), &made, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(dirfd, arena_printf(arena, "%s/lock", name), &used, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	r = disk_usage(dirfd, name, &entry.size_bytes, reading->err);
	if (r < 0)
		return err_wrap(reading->err, "cache mount '%s'", buf_text(&id));
	entry.text = arena_copy(arena, buf_text(&id));
	entry.created_s = made.st_mtim.tv_sec;
	entry.used_s = used.st_mtim.tv_sec;
	*add(reading->entries) = entry;
	return 0;
}

static int read_folder(struct reading *reading, const char *folder,
		       int (*read_one)(struct reading *reading, int dirfd, const char *name))
{
	auto_fd fd = openat(reading->store->dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strings names = { 0 };
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(reading->err, errno, "open '%s'", folder);
	r = directory_names(fd, &names, reading->err);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = read_one(reading, fd, names.item[i]);
	return r;
}

static int last_used_first(const void *left, const void *right)
{
	const struct cache_entry *a = left;
	const struct cache_entry *b = right;

	if (a->used_s != b->used_s)
		return a->used_s < b->used_s ? 1 : -1;
	return strcmp(a->id, b->id);
}

/* ---- choosing ---- */

static bool has_name(const struct cache_entry *entry, const char *name)
{
	if (strlen(name) >= CACHE_ID_MIN && text_starts(entry->id, name))
		return true;
	return entry->kind == CACHE_MOUNT && fnmatch(name, entry->text, 0) == 0;
}

static bool has_any_name(const struct cache_entry *entry, const struct strings *names)
{
	if (!names || names->count == 0)
		return true;
	for (size_t i = 0; i < names->count; i++)
		if (has_name(entry, names->item[i]))
			return true;
	return false;
}

static bool is_chosen(const struct cache_entry *entry, const struct cache_filter *filter,
		      int64_t now_s)
{
	if ((filter->only_steps && entry->kind != CACHE_STEP) ||
	    (filter->only_mounts && entry->kind != CACHE_MOUNT))
		return false;
	return has_any_name(entry, filter->names) && now_s - entry->used_s >= filter->unused_s &&
	       entry->size_bytes >= filter->larger_bytes;
}

/* A name that is nothing's was misspelt. */
static int check_names(const struct cache_entries *entries, const struct strings *names,
		       struct err *err)
{
	for (size_t i = 0; names && i < names->count; i++) {
		bool found = false;

		for (size_t j = 0; j < entries->count && !found; j++)
			found = has_name(&entries->item[j], names->item[i]);
		if (!found)
			return fail_plain(err, ENOENT, "nothing in the build cache is called '%s'",
					  names->item[i]);
	}
	return 0;
}

static void choose(struct cache_entries *entries, const struct cache_filter *filter)
{
	int64_t now_s = time(NULL);

	for (size_t i = 0; i < entries->count; i++)
		entries->item[i].is_chosen = is_chosen(&entries->item[i], filter, now_s);
}

int cache_entries_read(const struct store *store, const struct cache_filter *filter,
		       struct cache_entries *ret_entries, struct err *err)
{
	auto_cache_entries entries = { 0 };
	auto_reach images = { 0 };
	struct reading reading = {
		.store = store, .images = &images, .entries = &entries, .err = err
	};
	int r = reach_add_images(&images, store, err);

	if (r == 0)
		r = read_folder(&reading, BUILD_CACHE_FOLDER, read_step);
	if (r == 0)
		r = read_folder(&reading, CACHE_MOUNT_FOLDER, read_mount);
	if (r == 0)
		r = check_names(&entries, filter->names, err);
	if (r < 0)
		return r;
	if (entries.count)
		qsort(entries.item, entries.count, sizeof(*entries.item), last_used_first);
	choose(&entries, filter);
	*ret_entries = entries;
	entries = (struct cache_entries){ 0 };
	return 0;
}

void cache_entries_size(const struct cache_entries *entries, uint64_t *ret_bytes,
			uint64_t *ret_reclaimable_bytes)
{
	auto_map layers = { 0 };

	*ret_bytes = *ret_reclaimable_bytes = 0;
	for (size_t i = 0; i < entries->count; i++) {
		const struct cache_entry *entry = &entries->item[i];
		const char *layer = entry->step.diff_id.text;

		if (!entry->is_chosen || (*layer && map_get(&layers, layer)))
			continue;
		if (*layer)
			map_set(&layers, layer, entries->item);
		*ret_bytes += entry->size_bytes;
		*ret_reclaimable_bytes += entry->in_image ? 0 : entry->size_bytes;
	}
}
