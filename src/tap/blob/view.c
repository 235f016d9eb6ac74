// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/exe.h"
#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/memory.h"
#include "tap/blob/permission.h"
#include "tap/blob/text_number.h"

/* ---- the kernel, for pathmap ---- */

static char *print_fd_path(char *at, int fd)
{
	memcpy(at, "/proc/self/fd/", 14);
	return text_number(at + 14, (unsigned)fd);
}

static long kernel_openat2(void *context, int dirfd, const char *path, const struct open_how *how)
{
	long fd = raw4(__NR_openat2, dirfd, path, how, sizeof(*how));
	struct fds_limit old;

	(void)context;
	if (fd != -EMFILE || !(how->flags & O_PATH) || !fds_raise(&old))
		return fd;
	fd = raw4(__NR_openat2, dirfd, path, how, sizeof(*how));
	fds_restore(&old);
	return fd;
}

static long kernel_readlinkat(void *context, int dirfd, const char *path, char *to,
			      size_t room_bytes)
{
	(void)context;
	return raw4(__NR_readlinkat, dirfd, path, to, room_bytes);
}

static void kernel_close(void *context, int fd)
{
	(void)context;
	raw1(__NR_close, fd);
}

long view_host_path(int fd, char *to, size_t room_bytes)
{
	char link[40];
	long r;

	if (fds_is_ours(fd))
		return -EBADF;
	print_fd_path(link, fd);
	r = raw4(__NR_readlinkat, AT_FDCWD, link, to, room_bytes - 1);
	if (r == -ENOENT)
		return -EBADF;
	if (r >= (long)room_bytes - 1)
		return -ENAMETOOLONG;
	if (r >= 0)
		to[r] = '\0';
	return r;
}

static long kernel_path_of(void *context, int dirfd, char *to, size_t room_bytes)
{
	long r;

	(void)context;
	if (dirfd != AT_FDCWD) {
		r = view_host_path(dirfd, to, room_bytes);
		return r > 0 && to[0] != '/' ? -ENOTDIR : r;
	}
	r = raw2(__NR_getcwd, to, room_bytes);
	if (r < 0)
		return r == -ERANGE ? -ENAMETOOLONG : r;
	return to[0] == '/' ? r - 1 : -ENOENT;
}

long view_path_of(int dirfd, char *to, size_t room_bytes)
{
	return kernel_path_of(NULL, dirfd, to, room_bytes);
}

static long kernel_self(void *context, bool thread, char *to, size_t room_bytes)
{
	char *at = text_number(to, (unsigned long)raw0(__NR_getpid));

	(void)context;
	(void)room_bytes; /* never that small */
	if (thread) {
		memcpy(at, "/task/", 6);
		at = text_number(at + 6, (unsigned long)raw0(__NR_gettid));
	}
	return at - to;
}

bool view_is_inside(long pid)
{
	const struct tap_file *table = &tap.page->files[2];
	char path[64] = "/proc/";
	char *at = text_number(path + 6, (unsigned long)pid);
	struct statx x;

	memcpy(at, "/fd/", 4);
	text_number(at + 4, (unsigned)tap.lies.fd);
	return raw5(__NR_statx, AT_FDCWD, path, 0, STATX_INO, &x) == 0 &&
	       ((uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor) == table->device &&
	       x.stx_ino == table->inode;
}

#define STAT_BYTES 128 /* with the parent: a name has 64 bytes at most */

static long parent_of(long pid)
{
	char path[32] = "/proc/";
	char stat[STAT_BYTES];
	long fd;
	long length;

	memcpy(text_number(path + 6, (unsigned long)pid), "/stat", 6);
	fd = raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	length = raw3(__NR_read, fd, stat, sizeof(stat));
	raw1(__NR_close, fd);
	return length > 0 ? pathmap_parent_of(stat, (size_t)length) : -1;
}

bool view_is_own(long pid)
{
	long parent;

	if (pid == raw0(__NR_getpid) || pid == raw0(__NR_gettid) || view_is_inside(pid))
		return true;
	parent = parent_of(pid);
	return parent > 0 && view_is_inside(parent);
}

static bool kernel_is_own(void *context, long pid)
{
	(void)context;
	return view_is_own(pid);
}

static long kernel_may_follow(void *context, long pid, int fd)
{
	(void)context;
	if (pid == raw0(__NR_getpid) || pid == raw0(__NR_gettid))
		return fd >= 0 && fds_is_ours(fd) ? -ENOENT : 0;
	return view_is_inside(pid) ? 0 : -EACCES;
}

static const char *kernel_exe(void *context, long pid)
{
	if (tap.exe_fd < 0 || (pid != raw0(__NR_getpid) && pid != raw0(__NR_gettid)))
		return NULL;
	print_fd_path(context, tap.exe_fd);
	return context;
}

static const struct pathmap_ops kernel = {
	.openat2 = kernel_openat2,
	.readlinkat = kernel_readlinkat,
	.close = kernel_close,
	.path_of = kernel_path_of,
	.self = kernel_self,
	.may_follow = kernel_may_follow,
	.is_own = kernel_is_own,
	.exe = kernel_exe,
};

const struct pathmap_ops *view_kernel(void)
{
	return &kernel;
}

/* ---- finding ---- */

static bool has_dots(const char *path)
{
	for (const char *at = path; *at; at++)
		if (at[0] == '.' && at[1] == '.' && (at == path || at[-1] == '/') &&
		    (at[2] == '/' || !at[2]))
			return true;
	return false;
}

/* Names in /proc are the kernel's business, and ours. */
static bool look_if_clear(int dirfd)
{
	struct stat st;

	return raw4(__NR_newfstatat, dirfd, "", &st, AT_EMPTY_PATH) == 0 &&
	       st.st_dev != tap.place->proc_device &&
	       pathmap_is_clear(&tap.place->map, st.st_dev, st.st_ino);
}

static bool is_clear(int dirfd)
{
	bool clear;

	if (dirfd != AT_FDCWD)
		return look_if_clear(dirfd);
	switch (process_read()->cwd) {
	case CWD_CLEAR:
		return true;
	case CWD_ABOVE:
		return false;
	default:
		clear = look_if_clear(AT_FDCWD);
		process_write()->cwd = clear ? CWD_CLEAR : CWD_ABOVE;
		return clear;
	}
}

static bool has_slash(const char *path)
{
	for (; *path; path++)
		if (*path == '/')
			return true;
	return false;
}

static bool is_unknown_name(const char *name, size_t length)
{
	uint32_t bit = tap_name_bit(name, length);

	return !(tap.place->names[bit / 64] >> bit % 64 & 1) &&
	       !pathmap_may_be_process(&tap.place->map, name);
}

long view_read(struct view_path *path, int dirfd, long program_path)
{
	long length;

	path->dirfd = dirfd;
	path->program_path = (const char *)program_path;
	path->is_empty = !program_path;
	path->is_down = path->is_name = path->is_plain = false;
	path->has_slash_at_end = path->is_long = false;
	if (!program_path)
		return 0;
	length = memory_read_string(path->text, path->program_path, VIEW_SHORT, ENOBUFS);
	path->is_long = length == -ENOBUFS;
	if (length < 0)
		return path->is_long ? 0 : length;
	path->is_empty = length == 0;
	if (path->is_empty || path->text[0] == '/') {
		path->has_slash_at_end = length > 0 && path->text[length - 1] == '/';
		return 0;
	}
	if (dirfd != AT_FDCWD && fds_is_ours(dirfd))
		return -EBADF;
	path->has_slash_at_end = path->text[length - 1] == '/';
	path->is_down = !has_dots(path->text);
	path->is_name = path->is_down && !has_slash(path->text);
	path->is_plain = path->is_name && is_unknown_name(path->text, (size_t)length);
	return 0;
}

bool view_is_inner(const struct view_path *path)
{
	return path->is_down && is_clear(path->dirfd);
}

bool view_is_just_a_name(const struct view_path *path)
{
	return path->is_plain || (path->is_name && view_is_inner(path));
}

static void take(const struct pathmap_request *request, const struct pathmap_room *room,
		 const struct pathmap_found *from, struct view_found *found)
{
	const struct pathmap_entry *entry = &tap.place->map.entry[from->entry];

	found->fd = from->fd;
	found->entry = from->entry;
	found->flags = entry->flags;
	found->is_point = from->is_point;
	found->is_kernels_link = from->is_kernels_link;
	found->is_above = (request->want & PATHMAP_PARENT) &&
			  pathmap_is_above_point(&tap.place->map, room->text, room->length);
	found->is_in_proc = (entry->flags & PATHMAP_PROC) &&
			    room->length > entry->guest_length + 1 &&
			    room->text[entry->guest_length + 1] >= '0' &&
			    room->text[entry->guest_length + 1] <= '9';
	memcpy(found->text, from->name, strlen(from->name) + 1);
	if (found->guest && room->length < found->guest_room)
		memcpy(found->guest, room->text, room->length + 1);
}

static long find_in(const struct pathmap_request *request, struct pathmap_room *room,
		    struct view_found *found)
{
	struct pathmap_found from;
	char exe[40];
	long r = pathmap_resolve(&tap.place->map, &kernel, exe, request, room, &from);

	if (r == 0 && tap.root && process_read()->restricted) {
		r = view_check_way(request, room);
		if (r < 0)
			raw1(__NR_close, from.fd);
	}
	if (r == 0)
		take(request, room, &from, found);
	return r == -EXDEV && !request->resolve ? -EACCES : r;
}

static long find_short(const struct pathmap_request *request, struct view_found *found)
{
	char text[VIEW_SHORT];
	char host[VIEW_SHORT];
	char link[VIEW_SHORT];
	struct pathmap_room room = {
		.text = text, .host = host, .link = link, .bytes = VIEW_SHORT
	};

	return find_in(request, &room, found);
}

#define LONG_BYTES (3ul * PATHMAP_PATH_MAX)

/* Rare: room on no stack. `program_path`: still to be read. */
static long find_long(struct pathmap_request *request, const char *program_path,
		      struct view_found *found)
{
	size_t size_bytes = 4 * LONG_BYTES;
	long base = raw6(__NR_mmap, NULL, size_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)base;
	struct pathmap_room room = { .text = at,
				     .host = at + LONG_BYTES,
				     .link = at + 2 * LONG_BYTES,
				     .bytes = LONG_BYTES };
	long r = 0;

	if (raw_is_error(base))
		return -ENOMEM;
	if (program_path) {
		request->path = at + 3 * LONG_BYTES;
		r = memory_read_string(at + 3 * LONG_BYTES, program_path, PATHMAP_PATH_MAX,
				       ENAMETOOLONG);
	}
	if (r >= 0)
		r = find_in(request, &room, found);
	raw2(__NR_munmap, base, size_bytes);
	return r == -ENOBUFS ? -ENAMETOOLONG : r;
}

static struct pathmap_request request_of(int dirfd, const char *path,
					 const struct view_request *request)
{
	return (struct pathmap_request){ .root_fd = tap.root_fd,
					 .dirfd = dirfd,
					 .path = path,
					 .chroot = process_read()->chroot,
					 .want = request->want,
					 .flags = request->flags | O_CLOEXEC,
					 .mode = request->mode,
					 .resolve = request->resolve };
}

long view_find(const struct view_path *path, const struct view_request *request,
	       struct view_found *found)
{
	struct pathmap_request wanted = request_of(path->dirfd, path->text, request);
	long r = -ENOBUFS;

	if (!(request->flags & (O_PATH | O_CLOEXEC)))
		wanted.flags &= ~(uint64_t)O_CLOEXEC; /* what is opened is the program's */
	if (path->dirfd != AT_FDCWD && fds_is_ours(path->dirfd))
		return -EBADF;
	if (!path->is_long)
		r = find_short(&wanted, found);
	return r == -ENOBUFS ? find_long(&wanted, path->is_long ? path->program_path : NULL, found)
			     : r;
}

long view_find_ours(int dirfd, const char *path, const struct view_request *request,
		    struct view_found *found)
{
	struct pathmap_request wanted = request_of(dirfd, path, request);
	long r = find_short(&wanted, found);

	return r == -ENOBUFS ? find_long(&wanted, NULL, found) : r;
}

void view_close(const struct view_found *found)
{
	raw1(__NR_close, found->fd);
}

void view_spell(struct view_found *found)
{
	char prefix[40];
	size_t name_length = strlen(found->text);
	size_t length = (size_t)(print_fd_path(prefix, found->fd) - prefix);

	if (name_length) {
		prefix[length++] = '/';
		memmove(found->text + length, found->text, name_length);
	}
	memcpy(found->text, prefix, length);
	found->text[length + name_length] = '\0';
}

void view_lift(struct view_found *found)
{
	long fd = raw3(__NR_fcntl, found->fd, F_DUPFD_CLOEXEC, tap.page->fd_base);

	if (fd < 0)
		return;
	raw1(__NR_close, found->fd);
	found->fd = (int)fd;
}

long view_guest_of(char *text, size_t length, size_t room_bytes)
{
	return pathmap_guest_of(&tap.place->map, process_read()->chroot, text, length, text,
				room_bytes);
}

long view_check_writable(const struct view_found *found, bool makes)
{
	long r;

	if (!(found->flags & PATHMAP_READ_ONLY))
		return found->is_in_proc && !found->text[0] && view_fd_is_read_only(found->fd)
			       ? -EROFS
			       : 0;
	if (!found->text[0])
		return -EROFS;
	r = raw4(__NR_faccessat2, found->fd, found->text, 0, AT_SYMLINK_NOFOLLOW);
	if (r == 0)
		return makes ? -EEXIST : -EROFS;
	return makes ? -EROFS : r;
}

long view_find_program(const void *context, int dirfd, const char *path, int flags)
{
	const struct view_request request = {
		.want = flags & AT_SYMLINK_NOFOLLOW ? 0 : PATHMAP_FOLLOW,
		.flags = O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0),
	};
	struct view_found found = { 0 };
	long r = view_find_ours(dirfd, path, &request, &found);

	(void)context;
	return r < 0 ? r : found.fd;
}

/* ---- the start of a program ---- */

long view_map_version(uint32_t version)
{
	return raw6(__NR_mmap, TAP_PLACE_BASE + version * TAP_PLACE_STRIDE,
		    sizeof(struct tap_place), PROT_READ, MAP_SHARED | MAP_FIXED, tap.lies.fd,
		    TAP_PLACE_OFFSET + version * TAP_PLACE_STRIDE);
}

/* Before the change, so that no other thread goes by what was known. */
void view_forget_cwd(void)
{
	if (process_read()->cwd != CWD_UNKNOWN)
		process_write()->cwd = CWD_UNKNOWN;
}

static void heed_pivot(const struct tap_pivot *pivot)
{
	struct process *process = process_write();

	if (strcmp(process->chroot, pivot->from) == 0)
		memcpy(process->chroot, pivot->to, sizeof(pivot->to));
	process->pivots++;
}

void view_refresh(void)
{
	uint32_t version = __atomic_load_n(&tap.page->place_version, __ATOMIC_ACQUIRE);
	long r = view_map_version(version);

	if (raw_is_error(r))
		return; /* as if it had been a moment later */
	tap.place = (const struct tap_place *)r;
	tap.place_version = version;
	view_forget_cwd();
	while (process_read()->pivots < tap.place->pivot_count)
		heed_pivot(&tap.place->pivots[process_read()->pivots]);
}

void view_open(const char *chroot)
{
	const struct pathmap *map;
	const char *root;
	long fd;
	long r;

	tap.place_version = __atomic_load_n(&tap.page->place_version, __ATOMIC_ACQUIRE);
	r = view_map_version(tap.place_version);
	if (raw_is_error(r))
		tap_die("cannot map the session's paths", r);
	tap.place = (const struct tap_place *)r;
	map = &tap.place->map;
	root = pathmap_host(map, map->count - 1);
	fd = raw4(__NR_openat, AT_FDCWD, root[0] ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		tap_die("cannot open the root", fd);
	tap.root_fd = (int)raw3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, tap.page->fd_base);
	if (tap.root_fd < 0)
		tap_die("no descriptor is left for the root", tap.root_fd);
	raw1(__NR_close, fd);
	memcpy(process_first()->chroot, chroot, strlen(chroot) + 1);
	process_first()->pivots = (uint8_t)tap.place->pivot_count;
}
