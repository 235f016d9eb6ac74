/* SPDX-License-Identifier: Apache-2.0 */
/* Map from text to a pointer: open addressing, keys copied, values borrowed. Iteration is in
 * order of insertion, so that nothing printed depends on hash values. Hash: XXH3 (never used as
 * an identity). */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct map_entry {
	char *key;
	void *value;
	uint64_t hash;
};

struct map {
	struct map_entry *entry; /* in order of insertion */
	size_t count;
	size_t room;
	uint32_t *slot; /* index into entry plus one; 0 is free */
	size_t slot_count;
};

void map_done(struct map *map);
#define auto_map cleanup(map_done) struct map

void map_set(struct map *map, const char *key, void *value);
void *map_get(const struct map *map, const char *key); /* NULL when absent */
void map_remove(struct map *map, const char *key);

#define map_each(map, variable)                         \
	for (struct map_entry *variable = (map)->entry; \
	     variable && variable < (map)->entry + (map)->count; variable++)

#endif
