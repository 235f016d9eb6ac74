// SPDX-License-Identifier: Apache-2.0
/* The map itself. Entries are few and sorted so that the first whose path is a prefix is the
 * right one; most are told apart by their length or first letters. */
#include "pathmap/pathmap.h"

#include <errno.h>
#include <string.h>

void pathmap_init(struct pathmap *map)
{
	map->count = map->above_count = map->any_flags = 0;
	memset(map->first, 0, sizeof(map->first));
	memset(map->links, 0, sizeof(map->links));
	map->text[0] = '\0';
	map->text_bytes = 1;
}

static size_t trimmed_length(const char *path)
{
	size_t length = strlen(path);

	while (length > 0 && path[length - 1] == '/')
		length--;
	return length;
}

static int add_text(struct pathmap *map, const char *path, uint32_t *ret_at, uint32_t *ret_length)
{
	size_t length = trimmed_length(path);

	if (path[0] != '/')
		return -EINVAL;
	if (length >= PATHMAP_TEXT_BYTES - map->text_bytes)
		return -E2BIG;
	*ret_at = map->text_bytes;
	*ret_length = (uint32_t)length;
	memcpy(map->text + map->text_bytes, path, length);
	map->text[map->text_bytes + length] = '\0';
	map->text_bytes += (uint32_t)length + 1;
	return 0;
}

static size_t name_length(const char *name, size_t room)
{
	size_t length = 0;

	while (length < room && name[length] && name[length] != '/')
		length++;
	return length;
}

static void note_name(uint64_t *names, const char *name)
{
	uint32_t bit = pathmap_name_bit(name, name_length(name, PATHMAP_PATH_MAX));

	names[bit / 64] |= 1ull << bit % 64;
}

void pathmap_add_link(struct pathmap *map, const char *name)
{
	note_name(map->links, name);
}

static bool is_same_guest(const struct pathmap *map, const struct pathmap_entry *entry,
			  const struct pathmap_entry *other)
{
	return entry->guest_length == other->guest_length &&
	       memcmp(map->text + entry->guest, map->text + other->guest, entry->guest_length) == 0;
}

int pathmap_add(struct pathmap *map, const char *guest, const char *host, uint32_t flags)
{
	struct pathmap_entry entry = { .flags = flags };
	uint32_t at = 0;
	int r = add_text(map, guest, &entry.guest, &entry.guest_length);

	if (r == 0 && host)
		r = add_text(map, host, &entry.host, &entry.host_length);
	if (r < 0)
		return r;
	if (entry.guest_length)
		note_name(map->first, map->text + entry.guest + 1);
	map->any_flags |= flags & PATHMAP_FILE ? flags & ~(uint32_t)PATHMAP_READ_ONLY : flags;
	while (at < map->count && map->entry[at].guest_length > entry.guest_length)
		at++;
	for (uint32_t i = at; i < map->count && map->entry[i].guest_length == entry.guest_length;
	     i++)
		if (is_same_guest(map, &map->entry[i], &entry)) {
			map->entry[i] = entry;
			return 0;
		}
	if (map->count == PATHMAP_ENTRIES)
		return -E2BIG;
	memmove(&map->entry[at + 1], &map->entry[at], (map->count - at) * sizeof(entry));
	map->entry[at] = entry;
	map->count++;
	return 0;
}

bool pathmap_is_clear(const struct pathmap *map, uint64_t device, uint64_t inode)
{
	for (uint32_t i = 0; i < map->above_count; i++)
		if (map->above[i].inode == inode && map->above[i].device == device)
			return false;
	return true;
}

int pathmap_add_above(struct pathmap *map, uint64_t device, uint64_t inode)
{
	if (!pathmap_is_clear(map, device, inode))
		return 0;
	if (map->above_count == PATHMAP_ABOVE)
		return -E2BIG;
	map->above[map->above_count++] = (struct pathmap_identity){ device, inode };
	return 0;
}

static bool is_prefix(const char *prefix, size_t prefix_length, const char *path, size_t length)
{
	return length >= prefix_length && (length == prefix_length || path[prefix_length] == '/') &&
	       memcmp(prefix, path, prefix_length) == 0;
}

uint32_t pathmap_find(const struct pathmap *map, const char *guest, size_t length)
{
	uint32_t bit = length ? pathmap_name_bit(guest + 1, name_length(guest + 1, length - 1)) : 0;
	uint32_t i = 0;

	if (!length || !(map->first[bit / 64] >> bit % 64 & 1))
		return map->count - 1;
	while (i + 1 < map->count && !is_prefix(map->text + map->entry[i].guest,
						map->entry[i].guest_length, guest, length))
		i++;
	return i;
}

bool pathmap_is_point(const struct pathmap *map, const char *guest, size_t length)
{
	return map->entry[pathmap_find(map, guest, length)].guest_length == length;
}

bool pathmap_is_above_point(const struct pathmap *map, const char *guest, size_t length)
{
	for (uint32_t i = 0; i < map->count && map->entry[i].guest_length > length; i++)
		if (is_prefix(guest, length, map->text + map->entry[i].guest,
			      map->entry[i].guest_length))
			return true;
	return false;
}

/* Is the guest's path, an entry's and the rest of a host path, at or below `chroot`? */
static bool is_within(const struct pathmap *map, const struct pathmap_entry *entry,
		      const char *chroot, const char *rest, size_t rest_length)
{
	const char *guest = map->text + entry->guest;
	size_t length = chroot ? strlen(chroot) : 0;

	if (length <= entry->guest_length)
		return !length || is_prefix(chroot, length, guest, entry->guest_length);
	length -= entry->guest_length;
	return memcmp(chroot, guest, entry->guest_length) == 0 &&
	       is_prefix(chroot + entry->guest_length, length, rest, rest_length);
}

/* The entry whose host path is the longest that begins this one; count: none. */
static uint32_t find_by_host(const struct pathmap *map, const char *chroot, const char *host,
			     size_t length)
{
	uint32_t best = map->count;
	bool best_is_within = false;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct pathmap_entry *entry = &map->entry[i];
		bool within;

		if ((entry->flags & PATHMAP_HIDDEN) ||
		    !is_prefix(map->text + entry->host, entry->host_length, host, length) ||
		    ((entry->flags & PATHMAP_FILE) && entry->host_length != length))
			continue;
		within = is_within(map, entry, chroot, host + entry->host_length,
				   length - entry->host_length);
		if (best == map->count || within > best_is_within ||
		    (within == best_is_within &&
		     entry->host_length >= map->entry[best].host_length)) {
			best = i;
			best_is_within = within;
		}
	}
	return best;
}

long pathmap_parent_of(const char *stat, size_t length)
{
	long parent = 0;
	size_t at = length;

	/* PID (NAME) STATE PARENT ..., and a name may be anything */
	while (at > 0 && stat[at - 1] != ')')
		at--;
	if (at == 0 || at + 3 >= length || stat[at] != ' ' || stat[at + 2] != ' ')
		return -1;
	for (at += 3; at < length && stat[at] >= '0' && stat[at] <= '9'; at++)
		parent = parent * 10 + (stat[at] - '0');
	return parent;
}

long pathmap_guest_of(const struct pathmap *map, const char *chroot, const char *host,
		      size_t length, char *to, size_t room_bytes)
{
	const struct pathmap_entry *entry;
	uint32_t best;
	size_t rest;

	if (length == 1 && host[0] == '/')
		length = 0;
	best = find_by_host(map, chroot, host, length);
	if (best == map->count)
		return -ENOENT;
	entry = &map->entry[best];
	rest = length - entry->host_length;
	if (entry->guest_length + rest + 2 > room_bytes)
		return -ENAMETOOLONG;
	memmove(to + entry->guest_length, host + entry->host_length, rest);
	memcpy(to, map->text + entry->guest, entry->guest_length);
	rest += entry->guest_length;
	if (rest == 0)
		to[rest++] = '/';
	to[rest] = '\0';
	return (long)rest;
}
