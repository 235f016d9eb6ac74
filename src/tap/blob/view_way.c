// SPDX-License-Identifier: Apache-2.0
/* Who gave up being root is asked for search permission in the directories on the way to a file.
 * The kernel has looked the way up for the user, whose all these directories are; and what the call
 * is made with says nothing of it: a descriptor, or a name in one. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tap/blob/fds.h"
#include "tap/blob/view.h"
#include "tap/blob/walk.h"

static long search(const struct pathmap_room *room, size_t length)
{
	const struct pathmap *map = &tap.place->map;
	uint32_t index = pathmap_find(map, room->text, length);
	const struct pathmap_entry *entry = &map->entry[index];
	size_t rest = length - entry->guest_length;
	struct asker asker = asker_effective();
	struct where where;
	struct walk walk;
	bool is_allowed;
	long fd;

	if (entry->host_length + rest + 2 > room->bytes)
		return -ENOBUFS;
	memcpy(room->host, pathmap_host(map, index), entry->host_length);
	memcpy(room->host + entry->host_length, room->text + entry->guest_length, rest);
	room->host[entry->host_length + rest] = '\0';
	fd = fds_open(AT_FDCWD, room->host[0] ? room->host : "/", O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0; /* gone meanwhile */
	where = where_fd(fd);
	is_allowed = walk_path(&asker, &where, &walk) < 0 || !walk.exists ||
		     node_allows(&asker, &walk.file, MAY_EXECUTE) || walk_is_kernels(&where);
	raw1(__NR_close, fd);
	return is_allowed ? 0 : -EACCES;
}

/* How much of the path the process is behind already: where it begins nobody asks above. */
static size_t passed(const struct pathmap_request *request, const struct pathmap_room *room)
{
	long length;

	if (request->path[0] == '/')
		return request->chroot ? strlen(request->chroot) : 0;
	length = view_path_of(request->dirfd, room->host, room->bytes);
	if (length > 0)
		length = pathmap_guest_of(&tap.place->map, process_read()->chroot, room->host,
					  (size_t)length, room->link, room->bytes);
	return length > 1 && (size_t)length <= room->length &&
			       memcmp(room->text, room->link, (size_t)length) == 0
		       ? (size_t)length
		       : 0;
}

long view_check_way(const struct pathmap_request *request, const struct pathmap_room *room)
{
	size_t from = passed(request, room);
	long r = 0;

	for (size_t end = room->length; r == 0 && end-- > from;)
		if (room->text[end] == '/')
			r = search(room, end);
	return r;
}
