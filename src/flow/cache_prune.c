// SPDX-License-Identifier: Apache-2.0
/* Steps: their records go first, then the layers that nothing else needs (sweep.h). Mounts: the
 * directory is moved to tmp/ under its lock, then deleted. */
#include "flow/cache_prune.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/map.h"
#include "flow/build_cache_mount.h"
#include "flow/sweep.h"
#include "rootfs/level.h"
#include "sys/remove.h"

struct prune {
	const struct cache_prune_request *request;
	struct cache_prune_result result;
	struct map users; /* diff id -> number of steps that have the layer; id of what has none */
	uint64_t left_bytes;
	bool may_steps;
	struct reach layers; /* of the steps that went */
	struct err *err;
};

/* ---- what would be left ---- */

static void *number_as_value(uintptr_t number)
{
	return (void *)number;
}

static const char *what_it_takes(const struct cache_entry *entry)
{
	return digest_is_none(&entry->step.diff_id) ? entry->id : entry->step.diff_id.text;
}

static uintptr_t users_of(const struct prune *prune, const struct cache_entry *entry)
{
	return (uintptr_t)map_get(&prune->users, what_it_takes(entry));
}

/* Layers of images are not the cache's to give back. */
static void count_all(struct prune *prune, const struct cache_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		const struct cache_entry *entry = &entries->item[i];
		uintptr_t users = users_of(prune, entry);

		if (users == 0 && !entry->in_image)
			prune->left_bytes += entry->size_bytes;
		map_set(&prune->users, what_it_takes(entry), number_as_value(users + 1));
	}
}

/* Called as it goes; the last step that has a layer gives it back. */
static uint64_t count_off(struct prune *prune, const struct cache_entry *entry)
{
	uintptr_t users = users_of(prune, entry);

	map_set(&prune->users, what_it_takes(entry), number_as_value(users - 1));
	if (users > 1 || entry->in_image)
		return 0;
	prune->left_bytes -= entry->size_bytes;
	return entry->size_bytes;
}

/* ---- removing ---- */

static void went(struct prune *prune, const struct cache_entry *entry)
{
	prune->result.count++;
	prune->result.freed_bytes += count_off(prune, entry);
	prune->request->removed(prune->request->context, entry);
}

static int prune_mount(struct prune *prune, const struct cache_entry *entry)
{
	int r = prune->request->dry_run
			? 1
			: cache_mount_remove(prune->request->store, entry->id, prune->err);

	if (r < 0)
		return err_wrap(prune->err, "cache mount '%s'", entry->text);
	if (r > 0)
		went(prune, entry);
	else
		prune->result.busy_count++;
	return 0;
}

/* Records of steps go only while nobody else is at work, or their layers would have to stay. */
static int prune_step(struct prune *prune, const struct cache_entry *entry)
{
	int r;

	if (!prune->may_steps) {
		prune->result.busy_count++;
		return 0;
	}
	r = prune->request->dry_run
		    ? 0
		    : build_cache_remove(prune->request->store, entry->id, prune->err);
	if (r < 0)
		return r;
	if (!digest_is_none(&entry->step.diff_id))
		reach_add_layer(&prune->layers, &entry->step.diff_id, &entry->step.layer.digest);
	went(prune, entry);
	return 0;
}

static int prune_chosen(struct prune *prune, const struct cache_entries *entries)
{
	int r = 0;

	for (size_t i = entries->count; r == 0 && i-- > 0;) {
		const struct cache_entry *entry = &entries->item[i];

		if (prune->request->keep_bytes && prune->left_bytes <= prune->request->keep_bytes)
			break;
		if (entry->is_chosen)
			r = entry->kind == CACHE_MOUNT ? prune_mount(prune, entry)
						       : prune_step(prune, entry);
	}
	return r;
}

/* What builds that were killed left beside the records. */
static int remove_leftovers(const struct store *store, struct err *err)
{
	auto_fd fd = openat(store->dirfd, BUILD_CACHE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strings names = { 0 };
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(err, errno, "open '" BUILD_CACHE_FOLDER "'");
	r = directory_names(fd, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		char key[DIGEST_HEX_LENGTH + 1] = "";
		size_t length = strcspn(names.item[i], ".");

		if (!names.item[i][length] || length > DIGEST_HEX_LENGTH)
			continue;
		memcpy(key, names.item[i], length);
		if (faccessat(fd, key, F_OK, 0) < 0 && unlinkat(fd, names.item[i], 0) < 0 &&
		    errno != ENOENT)
			r = fail(err, errno, "remove '%s'", names.item[i]);
	}
	return r;
}

/* What went stays counted as freed even where a layer is in use and goes later. */
static int sweep_layers(struct prune *prune)
{
	struct swept swept;
	int r = remove_leftovers(prune->request->store, prune->err);

	return r < 0 ? r : sweep(prune->request->store, &prune->layers, &swept, prune->err);
}

static int prune_entries(struct prune *prune, const struct cache_entries *entries)
{
	const struct cache_prune_request *request = prune->request;
	int r = 0;

	prune->may_steps = true;
	count_all(prune, entries);
	if (!request->dry_run)
		r = store_is_quiet(request->store, &prune->may_steps, prune->err);
	if (r == 0)
		r = prune_chosen(prune, entries);
	if (r == 0 && prune->may_steps && !request->dry_run)
		r = sweep_layers(prune);
	return r;
}

int cache_prune(const struct cache_prune_request *request, struct cache_prune_result *ret_result,
		struct err *err)
{
	struct prune prune = { .request = request, .err = err };
	auto_cache_entries entries = { 0 };
	int r = cache_entries_read(request->store, &request->filter, &entries, err);

	if (r == 0)
		r = prune_entries(&prune, &entries);
	map_done(&prune.users);
	reach_done(&prune.layers);
	if (r == 0)
		*ret_result = prune.result;
	return r;
}
