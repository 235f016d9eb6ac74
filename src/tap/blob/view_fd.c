// SPDX-License-Identifier: Apache-2.0
/* Changes made through a descriptor: to the kernel a read-only directory of the map is like any
 * other, and a file that was opened for reading may be given another mode, owner, time. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tap/blob/scratch.h"
#include "tap/blob/view.h"

#define ROOM_BYTES (2ul * PATHMAP_PATH_MAX)

bool view_fd_is_read_only(int fd)
{
	const struct pathmap *map = &tap.place->map;
	bool is_read_only = false;
	char *text;
	long r;

	if (!(map->any_flags & PATHMAP_READ_ONLY))
		return false;
	text = scratch_take(ROOM_BYTES);
	if (!text)
		return true; /* fails closed */
	r = view_path_of(fd, text, ROOM_BYTES);
	if (r > 0)
		r = view_guest_of(text, (size_t)r, ROOM_BYTES);
	if (r > 0)
		is_read_only = map->entry[pathmap_find(map, text, r == 1 ? 0 : (size_t)r)].flags &
			       PATHMAP_READ_ONLY;
	scratch_put(text);
	return is_read_only;
}

long view_on_fd_change(struct tap_call *call, const struct tap_row *row)
{
	return view_fd_is_read_only((int)call->arg[0]) ? -EROFS : view_finish(call, row);
}
