// SPDX-License-Identifier: Apache-2.0
#include "flow/usage.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "flow/disk_usage.h"
#include "rootfs/level.h"
#include "store/blob.h"
#include "store/cache_mount.h"
#include "store/layers.h"

/* What one image reaches, names of one digest together. */
struct group {
	struct reach reach;
	uint64_t blob_bytes;
	uint64_t layer_bytes;
	uint64_t shared_bytes;
};

struct reading {
	const struct store *store;
	struct usage *usage;
	struct group *groups;
	size_t *group_of; /* by image */
	size_t group_count;
	struct reach users; /* of all images: how many groups have it, as the value */
	struct reach cache;
	struct err *err;
};

void usage_done(struct usage *usage)
{
	arena_done(&usage->arena);
	*usage = (struct usage){ 0 };
}

uint64_t usage_of_blob(const struct store *store, const char *hex)
{
	struct digest digest = digest_of_hex(hex);
	char name[STORE_NAME_MAX];
	struct stat st;

	return fstatat(store->dirfd, store_blob_name(&digest, name), &st, 0) < 0
		       ? 0
		       : (uint64_t)st.st_size;
}

uint64_t usage_of_layer(const struct store *store, const char *hex)
{
	struct digest diff_id = digest_of_hex(hex);
	char name[STORE_NAME_MAX];

	return faccessat(store->dirfd, store_layer_name(&diff_id, name), F_OK, 0) < 0
		       ? 0
		       : layer_tar_bytes(store, &diff_id);
}

/* ---- images ---- */

static uintptr_t users_of(const struct map *map, const char *hex)
{
	return (uintptr_t)map_get(map, hex);
}

static void count_users(struct map *users, const struct map *of_one)
{
	map_each(of_one, entry)
		map_set(users, entry->key, (void *)(users_of(users, entry->key) + 1));
}

static int read_groups(struct reading *reading)
{
	struct usage *usage = reading->usage;
	auto_map seen = { 0 };
	int r = 0;

	reading->groups = memory_zeroed(usage->image_count + 1, sizeof(*reading->groups));
	reading->group_of = memory_zeroed(usage->image_count + 1, sizeof(*reading->group_of));
	for (size_t i = 0; r == 0 && i < usage->image_count; i++) {
		const struct descriptor *root = &usage->image[i].entry.descriptor;
		uintptr_t number = (uintptr_t)map_get(&seen, root->digest.text);

		if (!number) {
			struct group *group = &reading->groups[reading->group_count];

			r = reach_add(&group->reach, reading->store, root, reading->err);
			count_users(&reading->users.blobs, &group->reach.blobs);
			count_users(&reading->users.layers, &group->reach.layers);
			number = ++reading->group_count;
			map_set(&seen, root->digest.text, (void *)number);
		}
		reading->group_of[i] = number - 1;
	}
	return r;
}

/* Each blob and layer counts once for all images, and in each image. */
static void size_groups(struct reading *reading)
{
	for (size_t i = 0; i < reading->group_count; i++) {
		struct group *group = &reading->groups[i];

		map_each(&group->reach.blobs, entry) {
			uint64_t bytes = usage_of_blob(reading->store, entry->key);

			group->blob_bytes += bytes;
			if (users_of(&reading->users.blobs, entry->key) > 1)
				group->shared_bytes += bytes;
		}
		map_each(&group->reach.layers, entry) {
			uint64_t bytes = usage_of_layer(reading->store, entry->key);

			group->layer_bytes += bytes;
			if (users_of(&reading->users.layers, entry->key) > 1)
				group->shared_bytes += bytes;
		}
	}
}

static void fill_images(struct reading *reading)
{
	struct usage *usage = reading->usage;

	for (size_t i = 0; i < usage->image_count; i++) {
		struct usage_image *image = &usage->image[i];
		const struct group *group = &reading->groups[reading->group_of[i]];

		image->layers = group->reach.layers.count;
		image->blob_bytes = group->blob_bytes;
		image->layer_bytes = group->layer_bytes;
		image->shared_bytes = group->shared_bytes;
		image->unique_bytes = group->blob_bytes + group->layer_bytes - group->shared_bytes;
	}
}

static int read_images(struct reading *reading)
{
	struct usage *usage = reading->usage;
	struct usage_part *part = &usage->part[USAGE_IMAGES];
	struct ref_entry *entries;
	int r = refs_list(reading->store, &usage->arena, &entries, &usage->image_count,
			  reading->err);

	if (r < 0)
		return r;
	usage->image = arena_array(&usage->arena, struct usage_image, usage->image_count);
	for (size_t i = 0; i < usage->image_count; i++)
		usage->image[i].entry = entries[i];
	r = read_groups(reading);
	if (r < 0)
		return r;
	size_groups(reading);
	fill_images(reading);
	part->count = reading->group_count;
	map_each(&reading->users.blobs, entry)
		part->bytes += usage_of_blob(reading->store, entry->key);
	map_each(&reading->users.layers, entry)
		part->bytes += usage_of_layer(reading->store, entry->key);
	return 0;
}

/* ---- everything else ---- */

/* NULL names nothing that is in the folder but the count. */
static int names_in(struct reading *reading, const char *folder, struct strings *names)
{
	auto_fd fd = openat(reading->store->dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0
				       : fail(reading->err, errno, "open '%s' in '%s'", folder,
					      reading->store->path);
	return directory_names(fd, names, reading->err);
}

static int add_folder(struct reading *reading, const char *folder, enum usage_kind kind)
{
	struct usage_part *part = &reading->usage->part[kind];
	auto_strings names = { 0 };
	uint64_t bytes = 0;
	int r = names_in(reading, folder, &names);

	if (r == 0)
		r = disk_usage(reading->store->dirfd, folder, &bytes, reading->err);
	part->count += names.count;
	part->bytes += bytes;
	return r;
}

/* What is there beyond images: the build cache's, or nobody's. */
static int add_rest(struct reading *reading, const char *folder, const struct map *of_images,
		    const struct map *of_cache,
		    uint64_t (*size_of)(const struct store *store, const char *hex))
{
	auto_strings names = { 0 };
	int r = names_in(reading, folder, &names);

	strings_each(&names, name) {
		struct usage_part *part;

		if (strlen(name) != DIGEST_HEX_LENGTH || map_get(of_images, name))
			continue;
		part = &reading->usage
				->part[map_get(of_cache, name) ? USAGE_STEPS : USAGE_UNNEEDED];
		part->count++;
		part->bytes += size_of(reading->store, name);
	}
	return r;
}

static int read_rest(struct reading *reading)
{
	static const char *const derived[] = { "cache/roots", STORE_REAL, "cache/files",
					       "cache/trails" };
	int r = reach_add_cache(&reading->cache, reading->store, reading->err);

	if (r == 0)
		r = add_rest(reading, "blobs/sha256", &reading->users.blobs, &reading->cache.blobs,
			     usage_of_blob);
	if (r == 0)
		r = add_rest(reading, "layers", &reading->users.layers, &reading->cache.layers,
			     usage_of_layer);
	if (r == 0)
		r = add_folder(reading, CACHE_MOUNT_FOLDER, USAGE_MOUNTS);
	for (size_t i = 0; r == 0 && i < array_count(derived); i++)
		r = add_folder(reading, derived[i], USAGE_DERIVED);
	return r < 0 ? r : add_folder(reading, "tmp", USAGE_TEMPORARY);
}

int usage_read(const struct store *store, struct usage *ret_usage, struct err *err)
{
	auto_usage usage = { 0 };
	struct reading reading = { .store = store, .usage = &usage, .err = err };
	int r = read_images(&reading);

	if (r == 0)
		r = read_rest(&reading);
	for (size_t i = 0; i < reading.group_count; i++)
		reach_done(&reading.groups[i].reach);
	free(reading.groups);
	free(reading.group_of);
	reach_done(&reading.users);
	reach_done(&reading.cache);
	if (r < 0)
		return r;
	for (size_t i = 0; i < USAGE_KINDS; i++)
		usage.total_bytes += usage.part[i].bytes;
	*ret_usage = usage;
	usage = (struct usage){ 0 };
	return 0;
}
