// SPDX-License-Identifier: Apache-2.0
#include "tap/mounting.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* ---- names and aliases ---- */

static size_t name_length(const char *name)
{
	size_t length = 0;

	while (name[length] && name[length] != '/')
		length++;
	return length;
}

void tap_place_note_names(struct tap_place *place, const char *guest)
{
	for (const char *at = guest; *at; at += name_length(at)) {
		uint32_t bit;

		at++;
		bit = tap_name_bit(at, name_length(at));
		place->names[bit / 64] |= 1ull << bit % 64;
	}
}

/* Can a directory of this entry be reached through another one as well? Then its host path does not
 * say by which of its names the guest went there. */
static bool is_aliased(const struct pathmap *map, uint32_t index)
{
	const char *host = pathmap_host(map, index);
	const char *guest = pathmap_guest(map, index);

	for (uint32_t i = 0; i < map->count; i++) {
		const struct pathmap_entry *other = &map->entry[i];
		size_t rest = other->host_length;

		if (i == index || (other->flags & (PATHMAP_HIDDEN | PATHMAP_FILE)) ||
		    !pathmap_is_in(host, pathmap_host(map, i), rest))
			continue;
		if (strncmp(guest, pathmap_guest(map, i), other->guest_length) != 0 ||
		    strcmp(guest + other->guest_length, host + rest) != 0)
			return true;
	}
	return false;
}

void tap_place_note_aliases(struct tap_place *place)
{
	struct pathmap *map = &place->map;

	for (uint32_t i = 0; i < map->count; i++)
		if (!(map->entry[i].flags & (PATHMAP_HIDDEN | PATHMAP_FILE)) && is_aliased(map, i))
			map->entry[i].flags |= PATHMAP_ALIASED;
}

/* ---- putting ---- */

/* Directories above an entry are known by what they are on the host. */
static long note_above(const struct tap_mounting *mounting, const char *guest)
{
	struct pathmap_room room = mounting->room;
	char *path = mounting->above;
	size_t length = strlen(guest);

	if (length >= PATHMAP_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, guest, length + 1);
	while (path[0]) {
		struct pathmap_identity identity;
		struct pathmap_found found;
		struct pathmap_request request = { .root_fd = mounting->root_fd,
						   .dirfd = AT_FDCWD,
						   .path = path,
						   .want = PATHMAP_FOLLOW,
						   .flags = O_PATH | O_CLOEXEC };
		long r;
		bool is_known;

		while (path[length] != '/')
			length--;
		path[length] = '\0';
		if (!length)
			request.path = "/";
		r = pathmap_resolve(&mounting->place->map, mounting->ops, mounting->context,
				    &request, &room, &found);
		if (r < 0)
			return r;
		is_known = mounting->identify(found.fd, &identity);
		mounting->ops->close(mounting->context, found.fd);
		if (!is_known ||
		    pathmap_add_above(&mounting->place->map, identity.device, identity.inode) < 0)
			return -ENOSPC;
	}
	return 0;
}

static long add(struct tap_place *place, const char *guest, const char *host, uint32_t flags)
{
	long r = pathmap_add(&place->map, guest, host, flags);

	tap_place_note_names(place, guest);
	return r == -E2BIG ? -ENOSPC : r;
}

/* The next entry below `source` that is not yet below the target, too; count: all are. Its name
 * there is in `path`. */
static uint32_t next_below(const struct pathmap *map, const struct tap_mount *mount, char *path)
{
	size_t source_length = strlen(mount->source);
	size_t target_length = strlen(mount->target);

	for (uint32_t i = 0; i < map->count; i++) {
		const char *guest = pathmap_guest(map, i);
		size_t length = map->entry[i].guest_length;

		if (length <= source_length ||
		    !pathmap_is_in(guest, mount->source, source_length) ||
		    pathmap_is_in(guest, mount->except, strlen(mount->except)) ||
		    pathmap_is_in(guest, mount->target, target_length) ||
		    target_length + length - source_length >= PATHMAP_PATH_MAX)
			continue;
		memcpy(path, mount->target, target_length);
		memcpy(path + target_length, guest + source_length, length - source_length + 1);
		if (!pathmap_is_point(map, path, target_length + length - source_length))
			return i;
	}
	return map->count;
}

/* What is hidden or covered there does not come to light by another way. */
static long bring_along(const struct tap_mounting *mounting, const struct tap_mount *mount)
{
	const struct pathmap *map = &mounting->place->map;
	uint32_t index;
	long r = 0;

	while (r == 0 && (index = next_below(map, mount, mounting->brought)) < map->count) {
		uint32_t flags = map->entry[index].flags & ~(uint32_t)PATHMAP_MOUNTED;
		const char *host = flags & PATHMAP_HIDDEN	   ? NULL
				   : map->entry[index].host_length ? pathmap_host(map, index)
								   : "/";

		r = add(mounting->place, mounting->brought, host, flags | PATHMAP_BROUGHT);
	}
	return r;
}

/* What is read-only there stays so here. */
static uint32_t kept_flags(const struct pathmap *map, const char *source)
{
	uint32_t flags = map->entry[pathmap_find(map, source, strlen(source))].flags;

	return flags & PATHMAP_READ_ONLY ? PATHMAP_READ_ONLY | PATHMAP_STAYS_READ_ONLY : 0;
}

/* It came there with what is mounted above it: to the kernel it would be one more of the same. */
static bool is_there_already(const struct pathmap *map, const struct tap_mount *mount)
{
	uint32_t index = pathmap_find(map, mount->target, strlen(mount->target));

	return pathmap_is_point(map, mount->target, strlen(mount->target)) &&
	       (map->entry[index].flags & (PATHMAP_BROUGHT | PATHMAP_HIDDEN)) == PATHMAP_BROUGHT &&
	       strcmp(pathmap_host(map, index), mount->host) == 0;
}

static long put(const struct tap_mounting *mounting, const struct tap_mount *mount)
{
	struct pathmap *map = &mounting->place->map;
	size_t length = strlen(mount->target);
	uint32_t flags = mount->flags | PATHMAP_MOUNTED;
	long r;

	if (is_there_already(map, mount))
		return 0;
	if (pathmap_is_point(map, mount->target, length) ||
	    pathmap_is_above_point(map, mount->target, length))
		return -EBUSY;
	if (mount->source)
		flags |= kept_flags(map, mount->source);
	r = add(mounting->place, mount->target, mount->host, flags);
	if (r == 0 && mount->source && !(flags & PATHMAP_FILE))
		r = bring_along(mounting, mount);
	for (uint32_t i = 0; r == 0 && i < map->count; i++)
		if (pathmap_is_in(pathmap_guest(map, i), mount->target, length))
			r = note_above(mounting, pathmap_guest(map, i));
	if (r == 0)
		tap_place_note_aliases(mounting->place);
	return r;
}

/* ---- changing and taking away ---- */

/* That was mounted by a process: its index, or -EINVAL. */
static long find_mounted(const struct pathmap *map, const char *guest)
{
	uint32_t index = pathmap_find(map, guest, strlen(guest));

	return map->entry[index].guest_length == strlen(guest) &&
			       (map->entry[index].flags & PATHMAP_MOUNTED)
		       ? (long)index
		       : -EINVAL;
}

static long change_flags(struct tap_place *place, const struct tap_mount *mount)
{
	struct pathmap *map = &place->map;
	long index = find_mounted(map, mount->target);

	if (index < 0)
		return -EPERM; /* also where it is no mount: as for one that is locked */
	if (!(mount->flags & PATHMAP_READ_ONLY) &&
	    (map->entry[index].flags & PATHMAP_STAYS_READ_ONLY))
		return -EPERM;
	map->entry[index].flags &= ~(uint32_t)PATHMAP_READ_ONLY;
	map->entry[index].flags |= mount->flags;
	map->any_flags |= mount->flags;
	return 0;
}

static long take(struct tap_place *place, const struct tap_mount *mount)
{
	struct pathmap *map = &place->map;
	size_t length = strlen(mount->target);
	long index = find_mounted(map, mount->target);
	uint32_t kept = 0;

	if (index < 0)
		return index;
	for (uint32_t i = 0; !mount->detach && i < map->count; i++)
		if (i != index && pathmap_is_in(pathmap_guest(map, i), mount->target, length) &&
		    !(map->entry[i].flags & PATHMAP_BROUGHT))
			return -EBUSY;
	for (uint32_t i = 0; i < map->count; i++)
		if (!pathmap_is_in(pathmap_guest(map, i), mount->target, length))
			map->entry[kept++] = map->entry[i];
	map->count = kept;
	return 0;
}

static long pivot(const struct tap_mounting *mounting, const struct tap_mount *mount)
{
	struct tap_place *place = mounting->place;
	struct tap_pivot *noted = &place->pivots[place->pivot_count];

	if (place->pivot_count == TAP_PIVOTS)
		return -ENOSPC;
	if (strlen(mount->source) >= TAP_CHROOT_MAX || strlen(mount->except) >= TAP_CHROOT_MAX)
		return -ENAMETOOLONG;
	memcpy(noted->from, mount->source, strlen(mount->source) + 1);
	memcpy(noted->to, mount->except, strlen(mount->except) + 1);
	place->pivot_count++;
	return strcmp(mount->target, mount->except) == 0 ? 0 : put(mounting, mount);
}

long tap_mounting_change(const struct tap_mounting *mounting, const struct tap_mount *mount)
{
	switch (mount->what) {
	case TAP_MOUNT_PUT:
		return put(mounting, mount);
	case TAP_MOUNT_PIVOT:
		return pivot(mounting, mount);
	case TAP_MOUNT_CHANGE:
		return change_flags(mounting->place, mount);
	default:
		return take(mounting->place, mount);
	}
}
