// SPDX-License-Identifier: Apache-2.0
#include "rootfs/records.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void records_done(struct records *records)
{
	map_done(&records->by_path);
	arena_done(&records->arena);
}

struct owner *records_find(const struct records *records, const char *path)
{
	return map_get(&records->by_path, path);
}

struct owner *records_get(struct records *records, const char *path)
{
	struct owner *owner = records_find(records, path);

	if (owner)
		return owner;
	owner = arena_new(&records->arena, struct owner);
	owner->path = arena_copy(&records->arena, path);
	map_set(&records->by_path, path, owner);
	return owner;
}

static bool is_below(const char *path, const char *directory, size_t length)
{
	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* Emptied, not taken out of the map: an empty record is not listed. */
static void blank(struct owner *owner)
{
	*owner = (struct owner){ .path = owner->path };
}

void records_remove(struct records *records, const char *path, bool below)
{
	size_t length = strlen(path);
	struct owner *owner = records_find(records, path);

	if (owner)
		blank(owner);
	if (!below)
		return;
	map_each(&records->by_path, entry)
		if (is_below(entry->key, path, length))
			blank(entry->value);
}

void records_copy(struct records *records, const char *from_path, const char *to_path)
{
	const struct owner *from = records_find(records, from_path);
	struct owner *to;
	const char *path;

	if (!from) {
		records_remove(records, to_path, false);
		return;
	}
	to = records_get(records, to_path);
	path = to->path;
	*to = *from;
	to->path = path;
}

void records_add_xattr(struct records *records, struct owner *owner, const char *name,
		       const void *value, size_t size_bytes)
{
	struct xattr *grown = arena_array(&records->arena, struct xattr, owner->xattr_count + 1);

	if (owner->xattr_count)
		memcpy(grown, owner->xattrs, owner->xattr_count * sizeof(*grown));
	grown[owner->xattr_count].name = arena_copy(&records->arena, name);
	grown[owner->xattr_count].value = arena_copy_bytes(&records->arena, value, size_bytes);
	grown[owner->xattr_count].size_bytes = size_bytes;
	owner->xattrs = grown;
	owner->xattr_count++;
}

static int compare_xattrs(const void *left, const void *right)
{
	const struct xattr *a = left;
	const struct xattr *b = right;

	return strcmp(a->name, b->name);
}

void records_list(struct records *records, struct owners *ret_owners)
{
	struct owner *list = arena_array(&records->arena, struct owner, records->by_path.count);
	size_t count = 0;

	map_each(&records->by_path, entry) {
		struct owner *owner = entry->value;

		if (!owner_is_needed(owner))
			continue;
		if (owner->xattr_count)
			qsort(owner->xattrs, owner->xattr_count, sizeof(struct xattr),
			      compare_xattrs);
		list[count++] = *owner;
	}
	ret_owners->item = list;
	ret_owners->count = count;
	owners_sort(ret_owners);
}
