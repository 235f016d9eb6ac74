// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"

static uint64_t hash_text(const char *key)
{
	return XXH3_64bits(key, strlen(key));
}

void map_done(struct map *map)
{
	for (size_t i = 0; i < map->count; i++)
		free(map->entry[i].key);
	free(map->entry);
	free(map->slot);
	*map = (struct map){ 0 };
}

/* The slot that holds `key`, or the free one where it would go. */
static size_t find_slot(const struct map *map, const char *key, uint64_t hash)
{
	size_t mask = map->slot_count - 1;
	size_t i = (size_t)hash & mask;

	for (; map->slot[i]; i = (i + 1) & mask) {
		const struct map_entry *entry = &map->entry[map->slot[i] - 1];

		if (entry->hash == hash && strcmp(entry->key, key) == 0)
			break;
	}
	return i;
}

static void reindex(struct map *map, size_t slot_count)
{
	free(map->slot);
	map->slot = memory_zeroed(slot_count, sizeof(*map->slot));
	map->slot_count = slot_count;
	for (size_t i = 0; i < map->count; i++)
		map->slot[find_slot(map, map->entry[i].key, map->entry[i].hash)] = (uint32_t)i + 1;
}

void map_set(struct map *map, const char *key, void *value)
{
	uint64_t hash = hash_text(key);
	size_t slot;

	if (map->count + 1 > map->slot_count / 2)
		reindex(map, map->slot_count ? map->slot_count * 2 : 16);
	slot = find_slot(map, key, hash);
	if (map->slot[slot]) {
		map->entry[map->slot[slot] - 1].value = value;
		return;
	}
	if (map->count == map->room) {
		map->room = map->room ? map->room * 2 : 8;
		map->entry = memory_resize(map->entry, map->room, sizeof(*map->entry));
	}
	map->entry[map->count++] = (struct map_entry){ memory_copy_text(key), value, hash };
	map->slot[slot] = (uint32_t)map->count;
}

void *map_get(const struct map *map, const char *key)
{
	size_t slot;

	if (!map->slot_count)
		return NULL;
	slot = find_slot(map, key, hash_text(key));
	return map->slot[slot] ? map->entry[map->slot[slot] - 1].value : NULL;
}

void map_remove(struct map *map, const char *key)
{
	size_t slot;
	size_t index;

	if (!map->slot_count)
		return;
	slot = find_slot(map, key, hash_text(key));
	if (!map->slot[slot])
		return;
	index = map->slot[slot] - 1;
	free(map->entry[index].key);
	memmove(map->entry + index, map->entry + index + 1,
		(map->count - index - 1) * sizeof(*map->entry));
	map->count--;
	reindex(map, map->slot_count); /* removal is rare: simple beats fast */
}
