// SPDX-License-Identifier: Apache-2.0
/* Below the steps: what the kernel is asked, and what is made of the links it meets. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>

#include "pathmap/resolve_walk.h"

/* ---- the kernel ---- */

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

/* The name behind `at`, where a slash is; its end, or `at` when it is another. */
static size_t skip_name(const struct walk *walk, size_t at, const char *name)
{
	size_t end = walk_end_of_name(walk, at + 1);

	return at < walk->length && walk_is_name(walk->room->text + at + 1, end - at - 1, name)
		       ? end
		       : at;
}

/* The entry at PROC/net, or `proc`, which is of PROC, itself. */
static uint32_t entry_for_net(const struct pathmap *map, uint32_t proc)
{
	uint32_t i = proc;

	while (i > 0 && map->entry[i - 1].guest_length <= map->entry[proc].guest_length + 4) {
		const char *guest = pathmap_guest(map, --i);

		if (map->entry[i].guest_length == map->entry[proc].guest_length + 4 &&
		    memcmp(guest, pathmap_guest(map, proc), map->entry[proc].guest_length) == 0 &&
		    strcmp(guest + map->entry[proc].guest_length, "/net") == 0)
			return i;
	}
	return proc;
}

/* What of the kernel's /proc is somebody else's: -ENOENT; or another entry's. *from: where in the
 * text what is below the entry begins. */
static long look_at_process(const struct walk *walk, size_t length, uint32_t *entry, size_t *from)
{
	const char *text = walk->room->text;
	size_t pid_end = walk_end_of_name(walk, *from + 1);
	size_t at = pid_end;
	size_t net_end;
	long pid = *from < length ? number_of(text + *from + 1, pid_end - *from - 1) : -1;

	if (pid < 0)
		return 0;
	if ((walk->map->entry[*entry].flags & PATHMAP_OWN_PROCESSES) &&
	    !walk->ops->is_own(walk->context, pid))
		return -ENOENT;
	if (skip_name(walk, at, "task") != at)
		at = walk_end_of_name(walk, skip_name(walk, at, "task") + 1);
	net_end = skip_name(walk, at, "net");
	if (net_end != at && net_end <= length && entry_for_net(walk->map, *entry) != *entry) {
		*entry = entry_for_net(walk->map, *entry);
		*from = net_end;
	}
	return 0;
}

bool walk_is_changed(const struct walk *walk)
{
	uint32_t index = pathmap_find(walk->map, walk->room->text, walk->length);
	uint32_t entry = index;
	size_t from = walk->map->entry[index].guest_length;

	return (walk->map->entry[index].flags & PATHMAP_PROC) &&
	       (look_at_process(walk, walk->length, &entry, &from) < 0 || entry != index);
}

/* The host's path for the first `length` bytes of text: relative to *ret_dirfd. */
static long host_path(struct walk *walk, size_t length, uint32_t *ret_entry, int *ret_dirfd)
{
	const struct pathmap *map = walk->map;
	const char *text = walk->room->text;
	uint32_t index = pathmap_find(map, text, length);
	const struct pathmap_entry *entry = &map->entry[index];
	size_t from = entry->guest_length;
	size_t rest;
	char *to = walk->room->host;
	long r = entry->flags & PATHMAP_PROC ? look_at_process(walk, length, &index, &from) : 0;

	if (r < 0)
		return r;
	entry = &map->entry[index];
	rest = length - from;
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
	memcpy(to + entry->host_length, text + from, rest);
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

long walk_open(struct walk *walk, size_t length, uint64_t flags, uint32_t *ret_entry)
{
	uint64_t changes = O_WRONLY | O_RDWR | O_TRUNC | O_CREAT | TEMPORARY;
	int dirfd;
	long r = host_path(walk, length, ret_entry, &dirfd);

	if (r < 0)
		return r;
	if (*ret_entry != walk->begin_entry && walk_resolves(walk, RESOLVE_NO_XDEV))
		return -EXDEV;
	if ((walk->map->entry[*ret_entry].flags & PATHMAP_READ_ONLY) && (flags & changes) &&
	    !(flags & O_PATH))
		return open_read_only(walk, dirfd, flags);
	return open_host(walk, dirfd, flags);
}

/* ---- text ---- */

size_t walk_end_of_name(const struct walk *walk, size_t at)
{
	while (at < walk->length && walk->room->text[at] != '/')
		at++;
	return at;
}

bool walk_is_name(const char *name, size_t length, const char *what)
{
	return length == strlen(what) && memcmp(name, what, length) == 0;
}

size_t walk_parent_length(const struct walk *walk, size_t length)
{
	while (length > 0 && walk->room->text[length - 1] != '/')
		length--;
	return length ? length - 1 : 0;
}

/* The text from `from` on moves to `to`. */
void walk_cut(struct walk *walk, size_t to, size_t from)
{
	memmove(walk->room->text + to, walk->room->text + from, walk->length - from + 1);
	walk->length -= from - to;
}

/* Take "//" and "." out of what is to be looked up. A slash or a dot at the end means that it must
 * be a directory; a link there is followed then. */
void walk_tidy(struct walk *walk)
{
	char *text = walk->room->text;
	size_t from = walk->done;
	size_t to = walk->done;

	while (from < walk->length) {
		size_t name = from + 1;
		size_t end = walk_end_of_name(walk, name);
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
long walk_expand(struct walk *walk, size_t end, size_t link_length)
{
	struct pathmap_room *room = walk->room;
	const char *link = room->link;
	size_t parent = walk_parent_length(walk, end);
	size_t rest = walk->length - end;
	size_t at = link[0] == '/' ? walk->top : parent;

	if (++walk->links > PATHMAP_LINKS || walk_resolves(walk, RESOLVE_NO_SYMLINKS))
		return -ELOOP;
	if (link[0] == '/' && walk_resolves(walk, RESOLVE_BENEATH))
		return -EXDEV;
	if (link_length == 0)
		return -ENOENT;
	if (at + 1 + link_length + rest + 1 > room->bytes)
		return -ENOBUFS;
	memmove(room->text + at + 1 + link_length, room->text + end, rest + 1);
	room->text[at] = '/';
	memcpy(room->text + at + 1, link, link_length);
	walk->length = at + 1 + link_length + rest;
	walk->done = at;
	walk_tidy(walk);
	return GO_ON;
}

/* A place in the guest's tree, known from the host's path in room->link, in place of the name. */
static long jump(struct walk *walk, size_t end, size_t host_length)
{
	struct pathmap_room *room = walk->room;
	size_t rest = walk->length - end;
	long length = pathmap_guest_of(walk->map, walk->request->chroot, room->link, host_length,
				       room->host, room->bytes);

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

/* /proc/PID/...: the PID, or -1 for what is directly in /proc. */
static long pid_of(const struct walk *walk, uint32_t index, size_t end)
{
	size_t start = walk->map->entry[index].guest_length + 1;
	size_t name_end = start < end ? walk_end_of_name(walk, start) : start;

	return name_end >= end ? -1 : number_of(walk->room->text + start, name_end - start);
}

static size_t name_of(const struct walk *walk, size_t end, const char **ret_name)
{
	size_t start = walk_parent_length(walk, end) + 1;

	*ret_name = walk->room->text + start;
	return end - start;
}

static long is_fd_link(const struct walk *walk, size_t end)
{
	size_t parent = walk_parent_length(walk, end);
	const char *name;
	size_t length = name_of(walk, parent, &name);

	if (!walk_is_name(name, length, "fd"))
		return -1;
	length = name_of(walk, end, &name);
	return number_of(name, length);
}

/* The kernel may follow this one, at the end of the path: nobody else knows where to. */
long walk_open_kernels_link(struct walk *walk)
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
		return walk_open(walk, walk_parent_length(walk, end), OPEN_DIRECTORY, &index);
	}
	r = host_path(walk, end, &index, &dirfd);
	if (r < 0)
		return r;
	if (walk_is_name(name, length, "exe"))
		exe = walk->ops->exe(walk->context, pid_of(walk, index, end));
	return walk->ops->openat2(walk->context, AT_FDCWD, exe ? exe : walk->room->host, &how);
}

static long follow_kernels_link(struct walk *walk, size_t end, size_t link_length, long pid)
{
	const char *name;
	size_t length = name_of(walk, end, &name);
	long fd_number = is_fd_link(walk, end);
	long r = walk->ops->may_follow(walk->context, pid, (int)fd_number);

	if (walk_resolves(walk, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS))
		return -ELOOP;
	if (walk_resolves(walk, SCOPED | RESOLVE_NO_XDEV))
		return -EXDEV;
	if (r < 0)
		return r;
	if (walk_is_name(name, length, "root")) {
		walk->room->link[0] = '/';
		walk->room->link[1] = '\0';
		return walk_expand(walk, end, 1);
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

	if (walk_parent_length(walk, end) != entry->guest_length)
		return -EINVAL;
	if (walk_is_name(name, length, "self"))
		return walk->ops->self(walk->context, false, walk->room->link, walk->room->bytes);
	if (walk_is_name(name, length, "thread-self"))
		return walk->ops->self(walk->context, true, walk->room->link, walk->room->bytes);
	return -EINVAL;
}

/* ---- links ---- */

void walk_release(struct walk *walk)
{
	if (walk->held_fd >= 0)
		walk->ops->close(walk->context, walk->held_fd);
	walk->held_fd = -1;
}

/* A link's target is mostly in the link's own directory: which is kept until the walk leaves it.
 * Not of /proc, where it would be seen among the descriptors. */
static void hold(struct walk *walk, int fd, size_t length, uint32_t entry)
{
	walk_release(walk);
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
bool walk_is_within_reach(struct walk *walk, size_t end, uint32_t *ret_entry, int *ret_dirfd)
{
	const struct pathmap *map = walk->map;
	size_t parent = walk_parent_length(walk, end);

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

long walk_read_name(struct walk *walk, size_t end, int dirfd)
{
	struct pathmap_room *room = walk->room;
	char name[PATHMAP_NAME_ROOM];
	size_t start = walk_parent_length(walk, end) + 1;

	memcpy(name, room->text + start, end - start);
	name[end - start] = '\0';
	return end_link(room, walk->ops->readlinkat(walk->context, dirfd, name, room->link,
						    room->bytes - 1));
}

/* The link that the first `end` bytes of text name, into room->link: its length, or -EINVAL when
 * it is none. */
long walk_read_link(struct walk *walk, size_t end, uint32_t *ret_entry)
{
	struct pathmap_room *room = walk->room;
	int dirfd;
	long fd;
	long r;

	if (walk_is_within_reach(walk, end, ret_entry, &dirfd))
		return walk_read_name(walk, end, dirfd);
	fd = walk_open(walk, end, OPEN_ITSELF, ret_entry);
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
long walk_follow(struct walk *walk, size_t end, uint32_t index, size_t link_length)
{
	long pid = -1;

	if (walk->map->entry[index].flags & PATHMAP_PROC)
		pid = pid_of(walk, index, end);
	return pid >= 0 ? follow_kernels_link(walk, end, link_length, pid)
			: walk_expand(walk, end, link_length);
}

/* The kernel met a link between `done` and `end`. Mostly it is the last name (a library's) or the
 * first (/lib): whether the directory can be opened tells which half it is in. */
long walk_follow_first_link(struct walk *walk, size_t end, bool follows_last)
{
	size_t at = walk->done;
	size_t parent = walk_parent_length(walk, end);
	uint32_t index;
	long r;

	if (parent > walk->done) {
		r = walk_open(walk, parent, OPEN_DIRECTORY, &index);
		if (r >= 0) {
			hold(walk, (int)r, parent, index);
			at = parent;
		} else if (r != -ELOOP) {
			return r;
		}
	}
	while (at < end) {
		at = walk_end_of_name(walk, at + 1);
		r = walk_read_link(walk, at, &index);
		if (r == -EINVAL)
			continue;
		if (r < 0)
			return r;
		return at == end && !follows_last ? -ELOOP
						  : walk_follow(walk, at, index, (size_t)r);
	}
	return GO_ON; /* gone meanwhile */
}
