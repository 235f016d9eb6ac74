// SPDX-License-Identifier: Apache-2.0
/* Calls about two names. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"
#include "engine/calls_file.h"

struct pair {
	long nr;
	int from_dirfd, to_dirfd;
	unsigned long from, to;
	unsigned from_want;
	unsigned long flags;
};

/* The entry of the map that it lies in; what a link of /proc or a descriptor leads to is not where
 * that is. */
static uint32_t entry_of(const struct visit *visit, const struct spot *spot)
{
	const struct pathmap *map = visit->calls->map;
	char *text = visit->calls->link;
	char here[SPOT_PATH_MAX];
	ssize_t length;
	long guest;

	if (*spot->name && !spot->is_link_ahead)
		return spot->found.entry;
	spot_path_here(spot, here);
	length = readlink(here, text, CALLS_ROOM_BYTES - 1);
	guest = length <= 0 ? -ENOENT
			    : pathmap_guest_of(map, visit->tracee->subject->root, text,
					       (size_t)length, text, CALLS_ROOM_BYTES);
	return guest <= 0 ? spot->found.entry
			  : pathmap_find(map, text, guest == 1 ? 0 : (size_t)guest);
}

/* Does an entry of the map begin there, or below it? It would not move along. */
static bool holds_entry(const struct visit *visit, const struct spot *spot)
{
	return spot->found.is_point ||
	       pathmap_is_above_point(visit->calls->map, spot->path, strlen(spot->path));
}

static enum call_verdict make_pair(struct visit *visit, const struct pair *pair)
{
	auto_spot from = SPOT_NONE;
	auto_spot to = SPOT_NONE;
	char from_path[SPOT_PATH_MAX];
	char to_path[SPOT_PATH_MAX];
	long arg[6] = { 0, 0, 0, 0, (long)pair->flags };
	bool is_busy = false;
	long r = spot_find(visit, pair->from_dirfd, pair->from, pair->from_want, &from);

	if (r == 0 && pair->nr == SYS_renameat2)
		is_busy = holds_entry(visit, &from);
	if (r == 0)
		r = spot_find(visit, pair->to_dirfd, pair->to, SPOT_CHANGE, &to);
	if (r < 0)
		return visit_answer(visit, r);
	from.name = from.found.name;
	if (entry_of(visit, &from) != to.found.entry)
		return visit_answer(visit, -EXDEV);
	calls_put_spot(&from, arg, 0, CALLS_NO_FLAGS, from_path);
	calls_put_spot(&to, arg, 2, CALLS_NO_FLAGS, to_path);
	if (pair->nr == SYS_linkat) /* what a descriptor is for may have no name */
		arg[4] = !*from.name || from.is_link_ahead ? AT_SYMLINK_FOLLOW : 0;
	else if (is_busy || holds_entry(visit, &to))
		return visit_answer(visit, -EBUSY);
	return visit_answer(visit, calls_make(visit, pair->nr, arg));
}

static enum call_verdict rename_file(struct visit *visit, int from_dirfd, unsigned long from,
				     int to_dirfd, unsigned long to, unsigned long flags)
{
	struct pair pair = { SYS_renameat2, from_dirfd, to_dirfd, from, to, SPOT_CHANGE, flags };

	return make_pair(visit, &pair);
}

static enum call_verdict link_file(struct visit *visit, int from_dirfd, unsigned long from,
				   int to_dirfd, unsigned long to, unsigned long flags)
{
	struct pair pair = { SYS_linkat, from_dirfd, to_dirfd, from, to, 0, 0 };

	if (calls_has_unknown(flags, AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return visit_answer(visit, -EINVAL);
	pair.from_want = (flags & AT_SYMLINK_FOLLOW ? SPOT_FOLLOW : 0u) |
			 (flags & AT_EMPTY_PATH ? SPOT_EMPTY : 0u);
	return make_pair(visit, &pair);
}

#ifdef SYS_rename
enum call_verdict calls_rename(struct visit *visit)
{
	return rename_file(visit, AT_FDCWD, visit_arg(visit, 0), AT_FDCWD, visit_arg(visit, 1), 0);
}

enum call_verdict calls_link(struct visit *visit)
{
	return link_file(visit, AT_FDCWD, visit_arg(visit, 0), AT_FDCWD, visit_arg(visit, 1), 0);
}
#endif

enum call_verdict calls_renameat(struct visit *visit)
{
	bool has_flags = registers_call(visit->registers) == SYS_renameat2;

	return rename_file(visit, visit_fd(visit, 0), visit_arg(visit, 1), visit_fd(visit, 2),
			   visit_arg(visit, 3), has_flags ? visit_arg(visit, 4) : 0);
}

enum call_verdict calls_linkat(struct visit *visit)
{
	return link_file(visit, visit_fd(visit, 0), visit_arg(visit, 1), visit_fd(visit, 2),
			 visit_arg(visit, 3), visit_arg(visit, 4));
}
