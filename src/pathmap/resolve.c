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

#include "pathmap/pathmap.h"

#define OPEN_DIRECTORY (O_PATH | O_DIRECTORY | O_CLOEXEC)
#define OPEN_ITSELF    (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#define TEMPORARY      020000000 /* what O_TMPFILE is beside O_DIRECTORY */

/* Beside an fd and -errno, what a step may say. */
#define GO_ON	     (-4096L) /* the text has changed */
#define KERNELS_LINK (-4097L) /* a link at the end that only the kernel can follow */

struct walk {
	const struct pathmap *map;
	const struct pathmap_ops *ops;
	void *context;
	const struct pathmap_request *request;
	struct pathmap_room *room;
	struct pathmap_found *found;
	size_t top;	/* length of the guest path of the process's root */
	size_t done;	/* of text, see above */
	size_t length;	/* of text */
	unsigned links; /* followed so far */
	int held_fd;	/* the directory that the first held_length bytes of text name, or -1 */
	size_t held_length;
	uint32_t held_entry;
	bool wants_directory; /* a slash at the end */
	bool ends_in_dot;
	bool ends_in_dots;
};

/* ---- the kernel ---- */

/* The host's path for the first `length` bytes of text: relative to *ret_dirfd. */
static long host_path(struct walk *walk, size_t length, uint32_t *ret_entry, int *ret_dirfd)
{
	const struct pathmap *map = walk->map;
	const char *text = walk->room->text;
	uint32_t index = pathmap_find(map, text, length);
	const struct pathmap_entry *entry = &map->entry[index];
	size_t rest = length - entry->guest_length;
	char *to = walk->room->host;

	*ret_entry = index;
	if (entry->flags & PATHMAP_HIDDEN)
		return -ENOENT;
	if ((entry->flags & PATHMAP_FILE) && rest)
		return -ENOTDIR;
	if (entry->host_length + rest + 2 > walk->room->bytes)
		return -ENOBUFS;
	if (walk->held_fd >= 0 && index == walk->held_entry && length > walk->held_length) {
		*ret_dirfd = walk->held_fd;
		rest = length - walk->held_length - 1;
		memcpy(to, text + walk->held_length + 1, rest);
		to[rest] = '\0';
		return 0;
	}
	if (entry->guest_length == 0) { /* the root, by descriptor */
		*ret_dirfd = walk->request->root_fd;
		memcpy(to, rest ? text + 1 : ".", rest ? rest - 1 : 1);
		to[rest ? rest - 1 : 1] = '\0';
		return 0;
	}
	*ret_dirfd = AT_FDCWD;
	memcpy(to, map->text + entry->host, entry->host_length);
	memcpy(to + entry->host_length, text + entry->guest_length, rest);
	rest += entry->host_length;
	if (rest == 0)
		to[rest++] = '/';
	to[rest] = '\0';
	return 0;
}

/* Without RESOLVE_BENEATH: a path without links, which is not absolute and has no "..", leads
 * nowhere else, and the kernel looks twice. */
static long open_host(struct walk *walk, int dirfd, uint64_t flags)
{
	struct open_how how = { .flags = flags, .resolve = RESOLVE_NO_SYMLINKS };

	if (flags & (O_CREAT | TEMPORARY))
		how.mode = walk->request->mode & 07777;
	return walk->ops->openat2(walk->context, dirfd, walk->room->host, &how);
}

/* What cannot be written may be there all the same, and then the kernel says so first. */
static long open_read_only(struct walk *walk, int dirfd, uint64_t flags)
{
	bool writes = flags & (O_WRONLY | O_RDWR | O_TRUNC | TEMPORARY);
	uint64_t only = writes ? O_PATH | O_CLOEXEC | (flags & (O_NOFOLLOW | O_DIRECTORY)) : flags;
	long fd = open_host(walk, dirfd, only & ~(uint64_t)(O_CREAT | O_EXCL));

	if (fd == -ENOENT && (flags & O_CREAT))
		return -EROFS;
	if (fd >= 0 && (writes || (flags & O_EXCL))) {
		walk->ops->close(walk->context, (int)fd);
		return (flags & O_CREAT) && (flags & O_EXCL) ? -EEXIST : -EROFS;
	}
	return fd;
}

static long open_text(struct walk *walk, size_t length, uint64_t flags, uint32_t *ret_entry)
{
	uint64_t changes = O_WRONLY | O_RDWR | O_TRUNC | O_CREAT | TEMPORARY;
	int dirfd;
	long r = host_path(walk, length, ret_entry, &dirfd);

	if (r < 0)
		return r;
	if ((walk->map->entry[*ret_entry].flags & PATHMAP_READ_ONLY) && (flags & changes) &&
	    !(flags & O_PATH))
		return open_read_only(walk, dirfd, flags);
	return open_host(walk, dirfd, flags);
}

/* ---- text ---- */

static size_t end_of_name(const struct walk *walk, size_t at)
{
	while (at < walk->length && walk->room->text[at] != '/')
		at++;
	return at;
}

static bool is_name(const char *name, size_t length, const char *what)
{
	return length == strlen(what) && memcmp(name, what, length) == 0;
}

static size_t parent_length(const struct walk *walk, size_t length)
{
	while (length > 0 && walk->room->text[length - 1] != '/')
		length--;
	return length ? length - 1 : 0;
}

/* The text from `from` on moves to `to`. */
static void cut(struct walk *walk, size_t to, size_t from)
{
	memmove(walk->room->text + to, walk->room->text + from, walk->length - from + 1);
	walk->length -= from - to;
}

/* Take "//" and "." out of what is to be looked up. A slash or a dot at the end means that it must
 * be a directory; a link there is followed then. */
static void tidy(struct walk *walk)
{
	char *text = walk->room->text;
	size_t from = walk->done;
	size_t to = walk->done;

	while (from < walk->length) {
		size_t name = from + 1;
		size_t end = end_of_name(walk, name);
		bool is_last = end >= walk->length;

		if (end > name && !(end == name + 1 && text[name] == '.')) {
			memmove(text + to, text + from, end - from);
			to += end - from;
		} else if (is_last) {
			walk->wants_directory = true;
		}
		from = end;
	}
	text[to] = '\0';
	walk->length = to;
}

/* Put `link` in place of the name that ends at `end`, whose directory is canonical. */
static long expand(struct walk *walk, size_t end, size_t link_length)
{
	struct pathmap_room *room = walk->room;
	const char *link = room->link;
	size_t parent = parent_length(walk, end);
	size_t rest = walk->length - end;
	size_t at = link[0] == '/' ? walk->top : parent;

	if (++walk->links > PATHMAP_LINKS)
		return -ELOOP;
	if (link_length == 0)
		return -ENOENT;
	if (at + 1 + link_length + rest + 1 > room->bytes)
		return -ENOBUFS;
	memmove(room->text + at + 1 + link_length, room->text + end, rest + 1);
	room->text[at] = '/';
	memcpy(room->text + at + 1, link, link_length);
	walk->length = at + 1 + link_length + rest;
	walk->done = at;
	tidy(walk);
	return GO_ON;
}

/* A place in the guest's tree, known from the host's path in room->link, in place of the name. */
static long jump(struct walk *walk, size_t end, size_t host_length)
{
	struct pathmap_room *room = walk->room;
	size_t rest = walk->length - end;
	long length = pathmap_guest_of(walk->map, room->link, host_length, room->host, room->bytes);

	if (++walk->links > PATHMAP_LINKS)
		return -ELOOP;
	if (length < 0)
		return length == -ENOENT ? -EACCES : -ENOBUFS;
	if (length == 1)
		length = 0;
	if ((size_t)length + rest + 1 > room->bytes)
		return -ENOBUFS;
	memmove(room->text + length, room->text + end, rest + 1);
	memcpy(room->text, room->host, (size_t)length);
	walk->length = (size_t)length + rest;
	walk->done = (size_t)length;
	return GO_ON;
}

/* ---- the kernel's own links ---- */

static long number_of(const char *text, size_t length)
{
	long number = 0;

	if (length == 0 || length > 9)
		return -1;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

/* /proc/PID/...: the PID, or -1 for what is directly in /proc. */
static long pid_of(const struct walk *walk, uint32_t index, size_t end)
{
	size_t start = walk->map->entry[index].guest_length + 1;
	size_t name_end = start < end ? end_of_name(walk, start) : start;

	return name_end >= end ? -1 : number_of(walk->room->text + start, name_end - start);
}

static size_t name_of(const struct walk *walk, size_t end, const char **ret_name)
{
	size_t start = parent_length(walk, end) + 1;

	*ret_name = walk->room->text + start;
	return end - start;
}

static long is_fd_link(const struct walk *walk, size_t end)
{
	size_t parent = parent_length(walk, end);
	const char *name;
	size_t length = name_of(walk, parent, &name);

	if (!is_name(name, length, "fd"))
		return -1;
	length = name_of(walk, end, &name);
	return number_of(name, length);
}

/* The kernel may follow this one, at the end of the path: nobody else knows where to. */
static long open_kernels_link(struct walk *walk)
{
	const struct pathmap_request *request = walk->request;
	struct pathmap_found *found = walk->found;
	struct open_how how = { .flags = request->flags & ~(uint64_t)O_NOFOLLOW };
	size_t end = walk->length;
	const char *name;
	size_t length = name_of(walk, end, &name);
	uint32_t index = pathmap_find(walk->map, walk->room->text, end);
	const char *exe = NULL;
	int dirfd;
	long r;

	if (length + 2 > sizeof(found->name))
		return -ENAMETOOLONG;
	found->entry = index;
	found->is_kernels_link = true;
	if (request->want & PATHMAP_PARENT) {
		memcpy(found->name, name, length);
		found->name[length] = '\0';
		return open_text(walk, parent_length(walk, end), OPEN_DIRECTORY, &index);
	}
	r = host_path(walk, end, &index, &dirfd);
	if (r < 0)
		return r;
	if (is_name(name, length, "exe"))
		exe = walk->ops->exe(walk->context, pid_of(walk, index, end));
	return walk->ops->openat2(walk->context, AT_FDCWD, exe ? exe : walk->room->host, &how);
}

static long follow_kernels_link(struct walk *walk, size_t end, size_t link_length, long pid)
{
	const char *name;
	size_t length = name_of(walk, end, &name);
	long fd_number = is_fd_link(walk, end);
	long r = walk->ops->may_follow(walk->context, pid, (int)fd_number);

	if (r < 0)
		return r;
	if (is_name(name, length, "root")) {
		walk->room->link[0] = '/';
		walk->room->link[1] = '\0';
		return expand(walk, end, 1);
	}
	if (end == walk->length && !walk->wants_directory)
		return KERNELS_LINK;
	if (link_length == 0 || walk->room->link[0] != '/')
		return -ENOTDIR;
	return jump(walk, end, link_length);
}

/* /proc/self as the process sees it, which may not be who makes the calls. */
static long read_self(struct walk *walk, uint32_t index, size_t end)
{
	const struct pathmap_entry *entry = &walk->map->entry[index];
	const char *name;
	size_t length = name_of(walk, end, &name);

	if (parent_length(walk, end) != entry->guest_length)
		return -EINVAL;
	if (is_name(name, length, "self"))
		return walk->ops->self(walk->context, false, walk->room->link, walk->room->bytes);
	if (is_name(name, length, "thread-self"))
		return walk->ops->self(walk->context, true, walk->room->link, walk->room->bytes);
	return -EINVAL;
}

/* ---- links ---- */

static void release(struct walk *walk)
{
	if (walk->held_fd >= 0)
		walk->ops->close(walk->context, walk->held_fd);
	walk->held_fd = -1;
}

/* A link's target is mostly in the link's own directory: which is kept until the walk leaves it.
 * Not of /proc, where it would be seen among the descriptors. */
static void hold(struct walk *walk, int fd, size_t length, uint32_t entry)
{
	release(walk);
	if (walk->map->entry[entry].flags & PATHMAP_PROC) {
		walk->ops->close(walk->context, fd);
		return;
	}
	walk->held_fd = fd;
	walk->held_length = length;
	walk->held_entry = entry;
}

static long end_link(struct pathmap_room *room, long length)
{
	if (length >= (long)room->bytes - 1)
		return -ENOBUFS;
	if (length >= 0)
		room->link[length] = '\0';
	return length;
}

/* A name in the root, or in the directory that is held, can be read at once: there is nothing on
 * the way that could be a link. */
static bool is_within_reach(struct walk *walk, size_t end, uint32_t *ret_entry, int *ret_dirfd)
{
	const struct pathmap *map = walk->map;
	size_t parent = parent_length(walk, end);

	*ret_entry = pathmap_find(map, walk->room->text, end);
	if (map->entry[*ret_entry].guest_length && map->entry[*ret_entry].guest_length >= end)
		return false;
	if (map->entry[*ret_entry].flags & PATHMAP_PROC)
		return false;
	if (walk->held_fd >= 0 && parent == walk->held_length && *ret_entry == walk->held_entry)
		*ret_dirfd = walk->held_fd;
	else if (parent == 0)
		*ret_dirfd = walk->request->root_fd;
	else
		return false;
	return end - parent < PATHMAP_NAME_ROOM;
}

static long read_name(struct walk *walk, size_t end, int dirfd)
{
	struct pathmap_room *room = walk->room;
	char name[PATHMAP_NAME_ROOM];
	size_t start = parent_length(walk, end) + 1;

	memcpy(name, room->text + start, end - start);
	name[end - start] = '\0';
	return end_link(room, walk->ops->readlinkat(walk->context, dirfd, name, room->link,
						    room->bytes - 1));
}

/* The link that the first `end` bytes of text name, into room->link: its length, or -EINVAL when
 * it is none. */
static long read_link(struct walk *walk, size_t end, uint32_t *ret_entry)
{
	struct pathmap_room *room = walk->room;
	int dirfd;
	long fd;
	long r;

	if (is_within_reach(walk, end, ret_entry, &dirfd))
		return read_name(walk, end, dirfd);
	fd = open_text(walk, end, OPEN_ITSELF, ret_entry);
	if (fd < 0)
		return fd;
	if (walk->map->entry[*ret_entry].flags & PATHMAP_PROC) {
		r = read_self(walk, *ret_entry, end);
		if (r != -EINVAL) {
			walk->ops->close(walk->context, (int)fd);
			return r;
		}
	}
	r = walk->ops->readlinkat(walk->context, (int)fd, "", room->link, room->bytes - 1);
	walk->ops->close(walk->context, (int)fd);
	return r == -ENOENT ? -EINVAL : end_link(room, r);
}

/* The link at `end` is in the way, and has been read. */
static long follow(struct walk *walk, size_t end, uint32_t index, size_t link_length)
{
	long pid = -1;

	if (walk->map->entry[index].flags & PATHMAP_PROC)
		pid = pid_of(walk, index, end);
	return pid >= 0 ? follow_kernels_link(walk, end, link_length, pid)
			: expand(walk, end, link_length);
}

/* The kernel met a link between `done` and `end`. Mostly it is the last name (a library's) or the
 * first (/lib): whether the directory can be opened tells which half it is in. */
static long follow_first_link(struct walk *walk, size_t end, bool follows_last)
{
	size_t at = walk->done;
	size_t parent = parent_length(walk, end);
	uint32_t index;
	long r;

	if (parent > walk->done) {
		r = open_text(walk, parent, OPEN_DIRECTORY, &index);
		if (r >= 0) {
			hold(walk, (int)r, parent, index);
			at = parent;
		} else if (r != -ELOOP) {
			return r;
		}
	}
	while (at < end) {
		at = end_of_name(walk, at + 1);
		r = read_link(walk, at, &index);
		if (r == -EINVAL)
			continue;
		if (r < 0)
			return r;
		return at == end && !follows_last ? -ELOOP : follow(walk, at, index, (size_t)r);
	}
	return GO_ON; /* gone meanwhile */
}

/* ---- steps ---- */

/* How far the stretch goes that begins at done: to the next "..", or to the end. */
static size_t end_of_stretch(const struct walk *walk)
{
	size_t at = walk->done;

	while (at < walk->length) {
		size_t end = end_of_name(walk, at + 1);

		if (is_name(walk->room->text + at + 1, end - at - 1, ".."))
			break;
		at = end;
	}
	return at;
}

static bool is_at_top(const struct walk *walk)
{
	return walk->done == 0 || (walk->done == walk->top &&
				   memcmp(walk->room->text, walk->request->chroot, walk->top) == 0);
}

/* ".." directly behind done. */
static void go_up(struct walk *walk)
{
	size_t up = is_at_top(walk) ? walk->done : parent_length(walk, walk->done);

	cut(walk, up, walk->done + 3);
	walk->done = up;
}

/* Everything up to `end` must be a directory. */
static long pass_directories(struct walk *walk, size_t end)
{
	uint32_t index;
	long fd;

	if (end == walk->done)
		return 0;
	fd = open_text(walk, end, OPEN_DIRECTORY, &index);
	if (fd == -ELOOP)
		return follow_first_link(walk, end, true);
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
	fd = open_text(walk, walk->length, flags, &walk->found->entry);
	if (fd != -ELOOP)
		return fd;
	fd = follow_first_link(walk, walk->length, follows(walk));
	return fd == KERNELS_LINK ? open_kernels_link(walk) : fd;
}

/* The last name, when it is a link that is to be followed; 0: it is none. */
static long follow_last(struct walk *walk)
{
	uint32_t index;
	long r = read_link(walk, walk->length, &index);

	if (r == -EINVAL || r == -ENOENT)
		return 0;
	if (r == -ELOOP)
		return follow_first_link(walk, walk->length, true);
	if (r >= 0)
		r = follow(walk, walk->length, index, (size_t)r);
	return r == KERNELS_LINK ? open_kernels_link(walk) : r;
}

/* The directory is found, and the name in it is one that is always there. */
static long open_named(struct walk *walk, const char *name)
{
	struct pathmap_found *found = walk->found;

	memcpy(found->name, name, strlen(name) + 1);
	return open_text(walk, walk->length, OPEN_DIRECTORY, &found->entry);
}

/* Another entry begins at the name, so that in the directory there would be what it covers. */
static long open_point(struct walk *walk)
{
	walk->found->is_point = true;
	walk->found->name[0] = '\0';
	return open_text(walk, walk->length, OPEN_ITSELF, &walk->found->entry);
}

static long open_parent(struct walk *walk)
{
	struct pathmap_found *found = walk->found;
	size_t parent = parent_length(walk, walk->length);
	size_t length = walk->length - parent - 1;
	uint32_t index;
	long fd;

	if (pathmap_is_point(walk->map, walk->room->text, walk->length))
		return open_point(walk);
	if (length + 2 > sizeof(found->name))
		return -ENAMETOOLONG;
	if (walk->request->want & PATHMAP_FOLLOW) {
		fd = follow_last(walk);
		if (fd != 0)
			return fd;
	}
	fd = open_text(walk, parent, OPEN_DIRECTORY, &index);
	if (fd == -ELOOP)
		return follow_first_link(walk, parent, true);
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
	size_t end = end_of_name(walk, 1);
	uint32_t bit = pathmap_name_bit(walk->room->text + 1, end - 1);
	uint32_t index;
	int dirfd;
	long r;

	if (!(walk->map->links[bit / 64] >> bit % 64 & 1) ||
	    (end == walk->length && !follows(walk)) || !is_within_reach(walk, end, &index, &dirfd))
		return 0;
	r = read_name(walk, end, dirfd);
	return r < 0 ? 0 : expand(walk, end, (size_t)r);
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
		if (r == 0)
			go_up(walk);
		return r < 0 ? r : GO_ON;
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
	r = pathmap_guest_of(walk->map, room->link, (size_t)r, room->text, room->bytes);
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
	walk->top = request->chroot ? strlen(request->chroot) : 0;
	if (walk->top + 1 > room->bytes)
		return -ENOBUFS;
	if (path[0] != '/') {
		r = begin_at(walk);
	} else if (walk->top) {
		memcpy(room->text, request->chroot, walk->top);
		walk->done = walk->top;
	}
	if (r < 0)
		return r;
	if (walk->done + 1 + length + 1 > room->bytes)
		return -ENOBUFS;
	room->text[walk->done] = '/';
	memcpy(room->text + walk->done + 1, path, length + 1);
	walk->length = walk->done + 1 + length;
	walk->ends_in_dot = ends_in_dot(path, length);
	tidy(walk);
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
			release(&walk);
	} while (r == GO_ON && ++steps < PATHMAP_PATH_MAX);
	release(&walk);
	room->text[walk.length] = '\0';
	room->length = walk.length;
	if (r < 0)
		return r == GO_ON ? -ELOOP : r;
	ret_found->fd = (int)r;
	return 0;
}
