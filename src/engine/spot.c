// SPDX-License-Identifier: Apache-2.0
/* Looking up a path for somebody else. pathmap does it; here is what it asks the kernel, in the
 * name of the process whose path it is. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "tap/traced.h"

enum call_verdict visit_answer(struct visit *visit, long result)
{
	registers_answer(visit->registers, result);
	return CALL_SKIP;
}

/* --- what pathmap asks. `dirfd` of ask_path_of is the process's; the others' are ours. */

static long ask_openat2(void *context, int dirfd, const char *path, const struct open_how *how)
{
	struct open_how mine = *how;
	long r;

	(void)context;
	mine.flags |= O_CLOEXEC;
	r = syscall(SYS_openat2, dirfd, path, &mine, sizeof(mine));
	return r < 0 ? -errno : r;
}

static long ask_readlinkat(void *context, int dirfd, const char *path, char *to, size_t room_bytes)
{
	ssize_t r = readlinkat(dirfd, path, to, room_bytes);

	(void)context;
	return r < 0 ? -errno : r;
}

static void ask_close(void *context, int fd)
{
	(void)context;
	close(fd);
}

#define PROCESS_LINK_BYTES 48

/* To a descriptor of the process, or its working directory. */
static void print_link(char link[PROCESS_LINK_BYTES], pid_t tid, int fd)
{
	if (fd == AT_FDCWD)
		snprintf(link, PROCESS_LINK_BYTES, "/proc/%d/cwd", tid);
	else
		snprintf(link, PROCESS_LINK_BYTES, "/proc/%d/fd/%d", tid, fd);
}

static long ask_path_of(void *context, int dirfd, char *to, size_t room_bytes)
{
	const struct visit *visit = context;
	char link[PROCESS_LINK_BYTES];
	ssize_t r;

	print_link(link, visit->tracee->tid, dirfd);
	r = readlink(link, to, room_bytes);
	if (r < 0)
		return errno == ENOENT ? -EBADF : -errno;
	if ((size_t)r >= room_bytes)
		return -ENAMETOOLONG;
	to[r] = '\0';
	return to[0] == '/' ? r : -ENOTDIR;
}

static long ask_self(void *context, bool thread, char *to, size_t room_bytes)
{
	const struct visit *visit = context;
	int pid = visit->tracee->subject->pid;

	return thread ? snprintf(to, room_bytes, "%d/task/%d", pid, visit->tracee->tid)
		      : snprintf(to, room_bytes, "%d", pid);
}

/* Files of those who see the same root; others' may be anywhere on the host. */
static long ask_may_follow(void *context, long pid, int fd)
{
	const struct visit *visit = context;

	(void)fd;
	return tracer_find(visit->tracer, (pid_t)pid) ? 0 : -EACCES;
}

static long parent_of(long pid)
{
	char path[PROCESS_LINK_BYTES];
	char stat[256];
	auto_fd fd = -1;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, stat, sizeof(stat));
	return length > 0 ? pathmap_parent_of(stat, (size_t)length) : -1;
}

bool tracer_owns(struct tracer *tracer, long pid)
{
	return tracer_find(tracer, (pid_t)pid) || tracer_find(tracer, (pid_t)parent_of(pid));
}

static bool ask_is_own(void *context, long pid)
{
	const struct visit *visit = context;

	return tracer_owns(visit->tracer, pid);
}

/* The kernel's link leads to our loader. */
static const char *ask_exe(void *context, long pid)
{
	(void)context;
	(void)pid;
	return NULL;
}

static const struct pathmap_ops asks = {
	.openat2 = ask_openat2,
	.readlinkat = ask_readlinkat,
	.close = ask_close,
	.path_of = ask_path_of,
	.self = ask_self,
	.may_follow = ask_may_follow,
	.is_own = ask_is_own,
	.exe = ask_exe,
};

const struct pathmap_ops *spot_ops(void)
{
	return &asks;
}

long process_fd(pid_t tid, int fd)
{
	char link[PROCESS_LINK_BYTES];
	int r;

	print_link(link, tid, fd);
	r = open(link, O_PATH | O_CLOEXEC);
	if (r < 0)
		return errno == ENOENT ? -EBADF : -errno;
	return r;
}

void spot_done(struct spot *spot)
{
	cleanup_fd(&spot->fd);
	spot->fd = -1;
}

static bool is_read_only(const struct visit *visit, uint32_t entry)
{
	return visit->calls->map->entry[entry].flags & PATHMAP_READ_ONLY;
}

long spot_of_fd(struct visit *visit, int fd, struct spot *ret_spot)
{
	long r = process_fd(visit->tracee->tid, fd);

	*ret_spot = (struct spot){ .fd = (int)r, .name = "", .path = "" };
	return r < 0 ? r : 0;
}

/* /proc/PID/exe, which to the kernel is the loader: the program instead, also when it is not there
 * any more, or in another root than the process's. */
static long find_program(struct visit *visit, struct spot *spot)
{
	const char *at = spot->path + visit->calls->map->entry[spot->found.entry].guest_length;
	const char *name = strrchr(spot->path, '/');
	const struct tracee *whose;
	int fd;

	if (!name || strcmp(name, "/exe") != 0 || *at != '/')
		return 0;
	whose = tracer_find(visit->tracer, (pid_t)strtol(at + 1, NULL, 10));
	if (!whose || !whose->subject || whose->subject->program_fd < 0)
		return 0;
	fd = fcntl(whose->subject->program_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	spot_done(spot);
	spot->fd = fd;
	spot->found.name[0] = '\0';
	snprintf(visit->calls->text, CALLS_ROOM_BYTES, "%s", whose->subject->program);
	return 0;
}

/* --- the way there */

static char way[PATHMAP_PATH_MAX];
static char way_text[CALLS_ROOM_BYTES], way_host[CALLS_ROOM_BYTES], way_link[CALLS_ROOM_BYTES];

static long search(struct visit *visit, const char *directory)
{
	const struct pathmap_request request = { .root_fd = visit->calls->root_fd,
						 .dirfd = AT_FDCWD,
						 .path = directory,
						 .want = PATHMAP_FOLLOW,
						 .flags = O_PATH | O_DIRECTORY };
	struct pathmap_room room = {
		.text = way_text, .host = way_host, .link = way_link, .bytes = CALLS_ROOM_BYTES
	};
	struct pathmap_found found;
	long r = pathmap_resolve(visit->calls->map, &asks, visit, &request, &room, &found);

	if (r < 0)
		return 0; /* gone meanwhile */
	r = traced_may_search(found.fd);
	close(found.fd);
	return r;
}

/* What a descriptor is open on, or a link of /proc leads to, by the path it has on the host. */
static bool leads_to_read_only(const struct visit *visit, const struct spot *spot)
{
	const struct calls *calls = visit->calls;
	char here[SPOT_PATH_MAX];
	ssize_t length;
	long r;

	if (!(calls->map->any_flags & PATHMAP_READ_ONLY))
		return false;
	spot_path_here(spot, here);
	length = readlink(here, way_host, CALLS_ROOM_BYTES - 1);
	r = length <= 0 ? -ENOENT
			: pathmap_guest_of(calls->map, visit->tracee->subject->root, way_host,
					   (size_t)length, way_text, CALLS_ROOM_BYTES);
	return r > 0 &&
	       is_read_only(visit, pathmap_find(calls->map, way_text, r == 1 ? 0 : (size_t)r));
}

/* How much of the path it begins at is behind it already: nobody asks there again. */
static size_t passed(struct visit *visit, int dirfd, const char *path)
{
	long length;

	if (path[0] == '/')
		return 0;
	length = ask_path_of(visit, dirfd, way_host, CALLS_ROOM_BYTES);
	if (length >= 0)
		length = pathmap_guest_of(visit->calls->map, visit->tracee->subject->root, way_host,
					  (size_t)length, way_text, CALLS_ROOM_BYTES);
	return length > 1 && strncmp(visit->calls->text, way_text, (size_t)length) == 0
		       ? (size_t)length
		       : 0;
}

/* To the kernel it is the user whose directories these are; who gave up being root is asked here
 * for each directory on the way, as the box has them. */
static long check_way(struct visit *visit, int dirfd, const char *path)
{
	size_t from = passed(visit, dirfd, path);
	char *end;
	long r = 0;

	if (strlen(visit->calls->text) >= sizeof(way))
		return -ENAMETOOLONG;
	memcpy(way, visit->calls->text, strlen(visit->calls->text) + 1);
	while (r == 0 && (end = strrchr(way, '/')) && (size_t)(end - way) >= from) {
		*end = '\0';
		r = search(visit, way[0] ? way : "/");
	}
	return r;
}

/* Who gave up being root is not told that something is missing where he may not search. */
static long check_known_way(struct visit *visit, int dirfd, const char *path)
{
	static char known[PATHMAP_PATH_MAX];
	struct pathmap_request request = { .root_fd = visit->calls->root_fd,
					   .dirfd = dirfd,
					   .path = known,
					   .chroot = visit->tracee->subject->root,
					   .want = PATHMAP_FOLLOW,
					   .flags = O_PATH | O_DIRECTORY };
	struct pathmap_room room = { .text = visit->calls->text,
				     .host = visit->calls->host,
				     .link = visit->calls->link,
				     .bytes = CALLS_ROOM_BYTES };
	struct pathmap_found found;
	char *end;

	snprintf(known, sizeof(known), "%s", path);
	while ((end = strrchr(known, '/')) && end > known) {
		long r;

		*end = '\0';
		r = pathmap_resolve(visit->calls->map, &asks, visit, &request, &room, &found);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			break;
		r = check_way(visit, dirfd, known);
		if (r == 0)
			r = traced_may_search(found.fd);
		close(found.fd);
		return r < 0 ? r : -ENOENT;
	}
	return -ENOENT;
}

/* --- below the working directory */

bool visit_may_go(const struct visit *visit, const char *path)
{
	size_t length = strlen(path);
	uint32_t bit = tap_name_bit(path, length);

	return !visit->calls->emulates && visit->tracee->space->users == 1 && length &&
	       !strchr(path, '/') && strcmp(path, "..") != 0 &&
	       !(visit->calls->names[bit / 64] >> bit % 64 & 1) &&
	       !pathmap_may_be_process(visit->calls->map, path);
}

static bool has_dots(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2)
		if ((at == path || at[-1] == '/') && (at[2] == '/' || !at[2]))
			return true;
	return false;
}

/* What is below a directory without anything of the map's is in one entry with it, and no link that
 * stays there leads out. */
static void look_at_cwd(struct visit *visit)
{
	struct calls *calls = visit->calls;
	struct tracer_cwd *cwd = &visit->tracee->subject->cwd;
	const struct pathmap *map = calls->map;
	auto_fd fd = (int)process_fd(visit->tracee->tid, AT_FDCWD);
	struct stat st;
	long r = ask_path_of(visit, AT_FDCWD, calls->host, CALLS_ROOM_BYTES);

	cwd->state = CWD_OTHER;
	if (r >= 0)
		r = pathmap_guest_of(map, visit->tracee->subject->root, calls->host, (size_t)r,
				     calls->text, CALLS_ROOM_BYTES);
	if (fd < 0 || r < 0 || fstat(fd, &st) < 0 || !pathmap_is_clear(map, st.st_dev, st.st_ino))
		return;
	cwd->entry = pathmap_find(map, calls->text, r == 1 ? 0 : (size_t)r);
	if (map->entry[cwd->entry].flags & PATHMAP_PROC)
		return;
	cwd->fd = take_fd(&fd);
	cwd->state = CWD_CLEAR;
}

/* true: *ret_r is the answer. */
static bool find_below_cwd(struct visit *visit, const char *path, unsigned want, struct spot *spot,
			   long *ret_r)
{
	const struct open_how how = { .flags = O_PATH | (want & SPOT_FOLLOW ? 0 : O_NOFOLLOW),
				      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	const struct tracer_cwd *cwd = &visit->tracee->subject->cwd;
	long fd;

	if (!(want & SPOT_QUICK) || visit->calls->resolve || path[0] == '/' || has_dots(path) ||
	    (visit->calls->emulates && traced_is_restricted()))
		return false;
	if (cwd->state == CWD_UNKNOWN)
		look_at_cwd(visit);
	if (cwd->state != CWD_CLEAR)
		return false;
	fd = ask_openat2(visit, cwd->fd, path, &how);
	if (fd == -EXDEV || fd == -ELOOP || fd == -EAGAIN)
		return false;
	*ret_r = fd < 0 ? fd : 0;
	spot->fd = (int)fd;
	spot->found = (struct pathmap_found){ .fd = (int)fd, .entry = cwd->entry };
	spot->name = spot->path = "";
	spot->read_only = is_read_only(visit, cwd->entry);
	return true;
}

static long resolve(struct visit *visit, int dirfd, const char *path, unsigned want,
		    struct spot *spot)
{
	struct calls *calls = visit->calls;
	struct pathmap_request request = {
		.root_fd = calls->root_fd,
		.dirfd = dirfd,
		.path = path,
		.chroot = visit->tracee->subject->root,
		.want = (want & SPOT_FOLLOW ? PATHMAP_FOLLOW : 0u) |
			(want & SPOT_FILE ? 0u : PATHMAP_PARENT),
		.flags = O_PATH | (want & SPOT_FOLLOW ? 0 : O_NOFOLLOW),
		.resolve = calls->resolve,
	};
	struct pathmap_room room = { .text = calls->text,
				     .host = calls->host,
				     .link = calls->link,
				     .bytes = CALLS_ROOM_BYTES };
	long r;

	if (dirfd == AT_FDCWD && find_below_cwd(visit, path, want, spot, &r))
		return r;
	r = pathmap_resolve(calls->map, &asks, visit, &request, &room, &spot->found);
	if (r == -ENOENT && calls->emulates && traced_is_restricted())
		return check_known_way(visit, dirfd, path);
	if (r < 0)
		return r == -ENOBUFS ? -ENAMETOOLONG : r;
	spot->fd = spot->found.fd;
	spot->name = spot->found.name;
	spot->path = calls->text;
	spot->read_only = is_read_only(visit, spot->found.entry);
	/* Without PARENT the kernel has followed it already. */
	spot->is_link_ahead = spot->found.is_kernels_link && !(want & SPOT_FILE);
	if (want & SPOT_FILE)
		spot->found.name[0] = '\0';
	if (spot->found.is_kernels_link && leads_to_read_only(visit, spot))
		spot->read_only = true;
	if (calls->emulates && traced_is_restricted()) {
		r = check_way(visit, dirfd, path);
		if (r < 0) {
			spot_done(spot);
			return r;
		}
	}
	return spot->found.is_kernels_link ? find_program(visit, spot) : 0;
}

long spot_find_text(struct visit *visit, int dirfd, const char *path, unsigned want,
		    struct spot *ret_spot)
{
	long r;

	*ret_spot = (struct spot)SPOT_NONE;
	if (!*path && !(want & SPOT_EMPTY))
		return -ENOENT;
	r = *path ? resolve(visit, dirfd, path, want, ret_spot)
		  : spot_of_fd(visit, dirfd, ret_spot);
	if (r == 0 && !*path && (want & SPOT_CHANGE))
		ret_spot->read_only = leads_to_read_only(visit, ret_spot);
	if (r == 0 && (want & SPOT_CHANGE) && ret_spot->read_only) {
		spot_done(ret_spot);
		r = -EROFS;
	}
	return r;
}

long spot_find(struct visit *visit, int dirfd, unsigned long path, unsigned want,
	       struct spot *ret_spot)
{
	char *text = visit->calls->path[0];
	long r;

	*ret_spot = (struct spot)SPOT_NONE;
	text[0] = '\0';
	r = !path && (want & SPOT_EMPTY)
		    ? 0
		    : trace_read_text(visit->tracee->tid, path, text, PATHMAP_PATH_MAX);
	return r < 0 ? r : spot_find_text(visit, dirfd, text, want, ret_spot);
}

void spot_path_here(const struct spot *spot, char path[SPOT_PATH_MAX])
{
	snprintf(path, SPOT_PATH_MAX, "/proc/self/fd/%d%s%s", spot->fd, *spot->name ? "/" : "",
		 spot->name);
}

/* --- lending */

unsigned long visit_put(struct visit *visit, size_t offset, const void *from, size_t size_bytes)
{
	unsigned long at = tracer_slot(visit->tracee);

	if (at)
		at += offset;
	else /* before its first exec: it is us, and has a stack like everybody */
		at = (registers_stack(visit->registers) - REGISTERS_RED_ZONE - LOADER_SLOT_BYTES +
		      offset) &
		     ~15ul;
	return trace_write(visit->tracee->tid, at, from, size_bytes) < 0 ? 0 : at;
}

long visit_lend(struct visit *visit, struct spot *spot, unsigned arg)
{
	struct tracee *tracee = visit->tracee;
	char path[SPOT_PATH_MAX];
	unsigned long at;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d%s%s", visit->calls->self, spot->fd,
		 *spot->name ? "/" : "", spot->name);
	at = visit_put(visit, 0, path, strlen(path) + 1);
	if (!at)
		return -ENOMEM;
	*registers_arg(visit->registers, arg) = at;
	tracee->held_fd = take_fd(&spot->fd);
	return 0;
}

#ifdef LOADER_THROUGH_AT
/* Half of the slots are left for calls that end soon. */
enum call_verdict visit_lend_through(struct visit *visit, struct spot *spot, unsigned arg)
{
	struct tracee *tracee = visit->tracee;
	struct registers *made = &tracee->made;
	struct {
		struct loader_through back;
		char path[SPOT_PATH_MAX];
	} lent = { .back = { .arg5 = *registers_arg(made, 5),
			     .instruction = registers_instruction(made) } };
	unsigned long slot = visit->tracer->by_filter ? tracer_slot(tracee) : 0;
	int length;

	if (!slot || tracee->slot >= LOADER_SLOTS / 2 || tracee->debug.by)
		return CALL_GO;
	for (unsigned i = 0; i < 4; i++)
		lent.back.arg[i] = *registers_arg(made, i);
	length = snprintf(lent.path, sizeof(lent.path), "/proc/%d/fd/%d", visit->calls->self,
			  spot->fd);
	if (trace_write(tracee->tid, slot, &lent, sizeof(lent.back) + (size_t)length + 1) < 0)
		return CALL_GO;
	*registers_arg(visit->registers, arg) = slot + sizeof(lent.back);
	*registers_arg(visit->registers, 5) = slot;
	registers_answer(visit->registers, registers_call(visit->registers));
	registers_set_instruction(visit->registers, LOADER_THROUGH_AT);
	tracee->held_fd = take_fd(&spot->fd);
	return CALL_THROUGH;
}
#else
enum call_verdict visit_lend_through(struct visit *visit, struct spot *spot, unsigned arg)
{
	(void)visit;
	(void)spot;
	(void)arg;
	return CALL_GO;
}
#endif
