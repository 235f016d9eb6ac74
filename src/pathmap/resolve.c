// SPDX-License-Identifier: Apache-2.0
/* The walk. room->text is always a whole guest path, the first `done` bytes of which are known to
 * be a directory without links (canonical); what follows is still to be looked up:
 *
 *	/usr/lib|/../share/x		done = 8
 *
 * The stretch from there to the next ".." or to the end is given to the kernel at once, below the
 * entry it lies in. That an entry's guest path begins the stretch is enough to know that the kernel
 * would cross there: guest paths of entries have no links, and their directories are not renamed
 * (the callers see to that). ELOOP means that a link is in the way; then the first one is found and
 * put into the text in place of its name. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>

#include "pathmap/resolve_walk.h"

/* ---- steps ---- */

/* How far the stretch goes that begins at done: to the next "..", or to the end. */
static size_t end_of_stretch(const struct walk *walk)
{
	size_t at = walk->done;

	while (at < walk->length) {
		size_t end = walk_end_of_name(walk, at + 1);

		if (walk_is_name(walk->room->text + at + 1, end - at - 1, ".."))
			break;
		at = end;
	}
	return at;
}

/* What is scoped never leaves the top: all text begins with it. */
static bool is_at_top(const struct walk *walk)
{
	if (walk->done == 0 || walk_resolves(walk, SCOPED))
		return walk->done == walk->top || walk->done == 0;
	return walk->done == walk->top &&
	       memcmp(walk->room->text, walk->request->chroot, walk->top) == 0;
}

/* ".." directly behind done. */
static long go_up(struct walk *walk)
{
	size_t up = is_at_top(walk) ? walk->done : walk_parent_length(walk, walk->done);

	if (is_at_top(walk) && walk_resolves(walk, RESOLVE_BENEATH))
		return -EXDEV;
	walk_cut(walk, up, walk->done + 3);
	walk->done = up;
	return GO_ON;
}

/* Everything up to `end` must be a directory. */
static long pass_directories(struct walk *walk, size_t end)
{
	uint32_t index;
	long fd;

	if (end == walk->done)
		return 0;
	fd = walk_open(walk, end, OPEN_DIRECTORY, &index);
	if (fd == -ELOOP)
		return walk_follow_first_link(walk, end, true);
	if (fd < 0)
		return fd;
	walk->ops->close(walk->context, (int)fd);
	walk->done = end;
	return 0;
}

static bool follows(const struct walk *walk)
{
	return (walk->request->want & PATHMAP_FOLLOW) || walk->wants_directory;
}

static long open_file(struct walk *walk)
{
	uint64_t flags = walk->request->flags;
	long fd;

	if (walk->wants_directory) {
		if (flags & O_CREAT)
			return -EISDIR;
		flags |= O_DIRECTORY;
	}
	if (follows(walk))
		flags &= ~(uint64_t)O_NOFOLLOW;
	fd = walk_open(walk, walk->length, flags, &walk->found->entry);
	if (fd != -ELOOP)
		return fd;
	fd = walk_follow_first_link(walk, walk->length, follows(walk));
	return fd == KERNELS_LINK ? walk_open_kernels_link(walk) : fd;
}

/* The last name, when it is a link that is to be followed; 0: it is none. */
static long follow_last(struct walk *walk)
{
	uint32_t index;
	long r = walk_read_link(walk, walk->length, &index);

	if (r == -EINVAL || r == -ENOENT)
		return 0;
	if (r == -ELOOP)
		return walk_follow_first_link(walk, walk->length, true);
	if (r >= 0)
		r = walk_follow(walk, walk->length, index, (size_t)r);
	return r == KERNELS_LINK ? walk_open_kernels_link(walk) : r;
}

/* The directory is found, and the name in it is one that is always there. */
static long open_named(struct walk *walk, const char *name)
{
	struct pathmap_found *found = walk->found;

	memcpy(found->name, name, strlen(name) + 1);
	return walk_open(walk, walk->length, OPEN_DIRECTORY, &found->entry);
}

/* Another entry begins at the name, so that in the directory there would be what it covers. */
static long open_point(struct walk *walk)
{
	walk->found->is_point = true;
	walk->found->name[0] = '\0';
	return walk_open(walk, walk->length, OPEN_ITSELF, &walk->found->entry);
}

static long open_parent(struct walk *walk)
{
	struct pathmap_found *found = walk->found;
	size_t parent = walk_parent_length(walk, walk->length);
	size_t length = walk->length - parent - 1;
	uint32_t index;
	long fd;

	if (pathmap_is_point(walk->map, walk->room->text, walk->length) || walk_is_changed(walk))
		return open_point(walk);
	if (length + 2 > sizeof(found->name))
		return -ENAMETOOLONG;
	if (walk->request->want & PATHMAP_FOLLOW) {
		fd = follow_last(walk);
		if (fd != 0)
			return fd;
	}
	fd = walk_open(walk, parent, OPEN_DIRECTORY, &index);
	if (fd == -ELOOP)
		return walk_follow_first_link(walk, parent, true);
	if (fd < 0)
		return fd;
	found->entry = index;
	memcpy(found->name, walk->room->text + parent + 1, length);
	if (walk->wants_directory)
		found->name[length++] = '/';
	found->name[length] = '\0';
	return fd;
}

/* /lib and the like, which are links in most roots: read first, instead of being met. 0: it is none
 * after all, or the rest finds out. */
static long follow_known_link(struct walk *walk)
{
	size_t end = walk_end_of_name(walk, 1);
	uint32_t bit = pathmap_name_bit(walk->room->text + 1, end - 1);
	uint32_t index;
	int dirfd;
	long r;

	if (!(walk->map->links[bit / 64] >> bit % 64 & 1) ||
	    (end == walk->length && !follows(walk)) ||
	    !walk_is_within_reach(walk, end, &index, &dirfd))
		return 0;
	r = walk_read_name(walk, end, dirfd);
	return r < 0 ? 0 : walk_expand(walk, end, (size_t)r);
}

/* An fd, GO_ON, or what the lookup fails with. */
static long step(struct walk *walk)
{
	size_t end = end_of_stretch(walk);
	long r;

	if (walk->done == 0 && walk->length > 0) {
		r = follow_known_link(walk);
		if (r != 0)
			return r;
	}
	if (end < walk->length) {
		walk->ends_in_dots = end + 3 == walk->length;
		r = pass_directories(walk, end);
		return r < 0 ? r : go_up(walk);
	}
	if (!(walk->request->want & PATHMAP_PARENT))
		return open_file(walk);
	if (walk->length > walk->done && walk->ends_in_dot) {
		r = pass_directories(walk, end);
		return r < 0 ? r : GO_ON;
	}
	if (walk->length == walk->done && (walk->ends_in_dot || walk->ends_in_dots))
		return open_named(walk, walk->ends_in_dot ? "." : "..");
	return is_at_top(walk) && walk->length == walk->done ? open_named(walk, "/")
							     : open_parent(walk);
}

/* ---- where it begins ---- */

static bool ends_in_dot(const char *path, size_t length)
{
	while (length > 1 && path[length - 1] == '/')
		length--;
	return length > 0 && path[length - 1] == '.' && (length == 1 || path[length - 2] == '/');
}

/* Relative paths: what the directory is called in the guest. */
static long begin_at(struct walk *walk)
{
	struct pathmap_room *room = walk->room;
	long r = walk->ops->path_of(walk->context, walk->request->dirfd, room->link, room->bytes);

	if (r < 0)
		return r == -ENAMETOOLONG ? -ENOBUFS : r;
	r = pathmap_guest_of(walk->map, walk->request->chroot, room->link, (size_t)r, room->text,
			     room->bytes);
	if (r < 0)
		return r == -ENOENT ? -EXDEV : -ENOBUFS;
	walk->done = r == 1 ? 0 : (size_t)r;
	return 0;
}

static long begin(struct walk *walk)
{
	const struct pathmap_request *request = walk->request;
	struct pathmap_room *room = walk->room;
	const char *path = request->path;
	size_t length = strlen(path);
	long r = 0;

	if (length >= PATHMAP_PATH_MAX)
		return -ENAMETOOLONG;
	if (length == 0)
		return -ENOENT;
	if (path[0] == '/' && walk_resolves(walk, RESOLVE_BENEATH))
		return -EXDEV;
	walk->top = request->chroot ? strlen(request->chroot) : 0;
	if (walk->top + 1 > room->bytes)
		return -ENOBUFS;
	if (path[0] != '/' || walk_resolves(walk, RESOLVE_IN_ROOT)) {
		r = begin_at(walk);
	} else if (walk->top) {
		memcpy(room->text, request->chroot, walk->top);
		walk->done = walk->top;
	}
	if (r < 0)
		return r;
	if (walk_resolves(walk, SCOPED))
		walk->top = walk->done;
	walk->begin_entry = pathmap_find(walk->map, room->text, walk->done);
	if (walk->done + 1 + length + 1 > room->bytes)
		return -ENOBUFS;
	room->text[walk->done] = '/';
	memcpy(room->text + walk->done + 1, path, length + 1);
	walk->length = walk->done + 1 + length;
	walk->ends_in_dot = ends_in_dot(path, length);
	walk_tidy(walk);
	return 0;
}

long pathmap_resolve(const struct pathmap *map, const struct pathmap_ops *ops, void *context,
		     const struct pathmap_request *request, struct pathmap_room *room,
		     struct pathmap_found *ret_found)
{
	struct walk walk = { .held_fd = -1,
			     .map = map,
			     .ops = ops,
			     .context = context,
			     .request = request,
			     .room = room,
			     .found = ret_found };
	unsigned steps = 0;
	long r = begin(&walk);

	ret_found->fd = -1;
	ret_found->entry = 0;
	ret_found->is_kernels_link = ret_found->is_point = false;
	ret_found->name[0] = '\0';
	if (r < 0)
		return r;
	do {
		r = step(&walk);
		if (walk.done < walk.held_length)
			walk_release(&walk);
	} while (r == GO_ON && ++steps < PATHMAP_PATH_MAX);
	walk_release(&walk);
	room->text[walk.length] = '\0';
	room->length = walk.length;
	if (r < 0)
		return r == GO_ON ? -ELOOP : r;
	ret_found->fd = (int)r;
	return 0;
}
