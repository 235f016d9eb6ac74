// SPDX-License-Identifier: Apache-2.0
/* open(2) and its relatives. The process opens what was found by a link of /proc, so that it is
 * this file whatever has happened to its path since. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "engine/calls_file.h"
#include "tap/traced.h"

#define TEMPORARY 020000000u /* what O_TMPFILE is beside O_DIRECTORY */
#define WRITES	  (O_WRONLY | O_RDWR | O_TRUNC)

/* All of them as openat(2). */
struct opening {
	int dirfd;
	unsigned long path;
	unsigned long flags, mode;
	uint64_t resolve; /* of openat2(2) */
};

static bool is_creating(unsigned long flags)
{
	return flags & O_CREAT;
}

long calls_find_opening(struct visit *visit, int dirfd, const char *path, uint64_t flags,
			unsigned quick, struct spot *spot)
{
	unsigned want = flags & O_NOFOLLOW ? 0 : SPOT_FOLLOW;
	long r = -ENOENT;

	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return spot_find_text(visit, dirfd, path, SPOT_CHANGE, spot);
	r = spot_find_text(visit, dirfd, path, want | SPOT_FILE | quick, spot);
	if (r != -ENOENT || !is_creating(flags))
		return r;
	return spot_find_text(visit, dirfd, path, want | SPOT_CHANGE, spot);
}

static long read_path(struct visit *visit, const struct opening *opening)
{
	return trace_read_text(visit->tracee->tid, opening->path, visit->calls->path[0],
			       PATHMAP_PATH_MAX);
}

static long find(struct visit *visit, const struct opening *opening, struct spot *spot)
{
	const struct open_how how = { .flags = opening->flags,
				      .mode = opening->mode,
				      .resolve = opening->resolve };
	const char *path = visit->calls->path[0];

	if (opening->resolve)
		return calls_find_resolved(visit, opening->dirfd, path, &how, spot);
	return calls_find_opening(visit, opening->dirfd, path, opening->flags, SPOT_QUICK, spot);
}

/* What the mount would say, were there one. */
static long check(const struct spot *spot, const struct stat *st, unsigned long flags)
{
	if (is_creating(flags) && S_ISDIR(st->st_mode))
		return -EISDIR;
	if (spot->read_only && ((flags & WRITES) || (flags & TEMPORARY)) &&
	    (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)))
		return -EROFS;
	return 0;
}

static void set_openat(struct visit *visit, unsigned long flags, unsigned long mode)
{
	struct registers *registers = visit->registers;

	registers_set_call(registers, SYS_openat);
	*registers_arg(registers, 0) = (unsigned long)AT_FDCWD;
	*registers_arg(registers, 2) = flags;
	*registers_arg(registers, 3) = mode;
}

/* Its mode lets us in only for the moment: see fakeroot(1). */
static long open_as_root(struct visit *visit, int fd, const struct stat *st)
{
	char path[SPOT_PATH_MAX];
	long r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (chmod(path, (st->st_mode & 07777) | 0600) < 0)
		return -EACCES;
	r = tracer_make_call(visit->tracer, visit->tracee, visit->registers);
	chmod(path, st->st_mode & 07777);
	return r;
}

static bool lacks_permission(int fd, unsigned long flags)
{
	int mode = flags & O_RDWR ? R_OK | W_OK : flags & O_WRONLY ? W_OK : R_OK;
	char path[SPOT_PATH_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return access(path, mode) < 0 && errno == EACCES;
}

/* The call is made while we wait, for what is said about the file changes with it. */
static enum call_verdict open_now(struct visit *visit, struct spot *spot, struct opening *opening,
				  const struct stat *st)
{
	struct tracee *tracee = visit->tracee;
	int directory = spot->fd;
	bool made = *spot->name;
	struct traced_opening around;
	long file;
	long r;

	traced_open_begin(&around, spot->fd, spot->name, opening->flags);
	r = visit_lend(visit, spot, 1);
	if (r < 0)
		return visit_answer(visit, r);
	if (!made && S_ISREG(st->st_mode) && traced_may(CAP_DAC_OVERRIDE) &&
	    lacks_permission(directory, opening->flags))
		r = open_as_root(visit, directory, st);
	else
		r = tracer_make_call(visit->tracer, tracee, visit->registers);
	if (r == -ESRCH)
		return CALL_GONE;
	file = r < 0 ? r : process_fd(tracee->tid, (int)r);
	if (file >= 0) {
		traced_open_end(&around, (int)file, directory, spot->name,
				made || (opening->flags & TEMPORARY), opening->mode);
		close((int)file);
	}
	registers_set_result(visit->registers, r);
	return CALL_MADE;
}

static bool needs_care(struct visit *visit, const struct spot *spot, const struct opening *opening,
		       const struct stat *st)
{
	if (!visit->calls->emulates)
		return false;
	if (*spot->name || (opening->flags & TEMPORARY))
		return true;
	if (!S_ISREG(st->st_mode) || (opening->flags & O_PATH))
		return false;
	return (opening->flags & WRITES) || lacks_permission(spot->fd, opening->flags);
}

static bool needs_look(const struct visit *visit, unsigned long flags)
{
	return visit->calls->emulates || (flags & (WRITES | O_CREAT | TEMPORARY));
}

/* Opening it waits for nobody. */
static bool is_quick(const struct spot *spot)
{
	struct stat st;

	return !*spot->name && fstat(spot->fd, &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

/* Should it be there already, the kernel says so. */
static long may_make(const struct spot *spot)
{
	if (faccessat(spot->fd, spot->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return traced_may_make(spot->fd);
}

static bool reads_proc(const struct visit *visit, const struct spot *spot, unsigned long flags)
{
	return (visit->calls->map->entry[spot->found.entry].flags & PATHMAP_PROC) &&
	       !(flags & (O_ACCMODE | O_PATH));
}

/* /proc/PID/mounts, as the map has it. */
static void show_mounts(struct visit *visit, struct spot *spot, unsigned long flags)
{
	int fd = reads_proc(visit, spot, flags) ? calls_list_mounts(visit, spot->path) : -1;

	if (fd < 0)
		return;
	spot_done(spot);
	spot->fd = fd;
}

/* /proc/PID/status names ids. */
static void show_status(struct visit *visit, struct spot *spot, unsigned long flags)
{
	char path[SPOT_PATH_MAX];
	const char *name = strrchr(spot->path, '/');
	int fd;

	if (!name || strcmp(name, "/status") != 0 || !reads_proc(visit, spot, flags))
		return;
	spot_path_here(spot, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	spot_done(spot);
	spot->fd = traced_show_status(fd, name + 1);
}

/* Who only reads asks for nothing that a mount would have a say in. */
static bool may_go(const struct visit *visit, const struct opening *opening)
{
	return (opening->flags & O_NOFOLLOW) && !opening->resolve &&
	       !(opening->flags & (WRITES | O_CREAT | TEMPORARY)) &&
	       visit_may_go(visit, visit->calls->path[0]);
}

static enum call_verdict open_file(struct visit *visit, struct opening *opening)
{
	auto_spot spot = SPOT_NONE;
	struct stat st = { 0 };
	unsigned long flags;
	long r = read_path(visit, opening);

	if (r >= 0 && may_go(visit, opening))
		return CALL_GO;
	if (r >= 0)
		r = find(visit, opening, &spot);

	/* Who only reads is asked nothing more. */
	if (r == 0 && !*spot.name && needs_look(visit, opening->flags))
		r = fstat(spot.fd, &st) < 0 ? -errno : 0;
	if (r == 0 && !*spot.name)
		r = spot.found.is_point && (opening->flags & O_EXCL)
			    ? -EEXIST
			    : check(&spot, &st, opening->flags);
	if (r == 0 && visit->calls->emulates)
		r = *spot.name ? may_make(&spot) : traced_may_open(spot.fd, opening->flags);
	if (r == 0 && visit->calls->emulates && !*spot.name)
		show_status(visit, &spot, opening->flags);
	if (r == 0 && !*spot.name)
		show_mounts(visit, &spot, opening->flags);
	if (r < 0)
		return visit_answer(visit, r);
	flags = opening->flags & ~(unsigned long)(O_CREAT | O_NOFOLLOW);
	if (*spot.name) /* should a link appear there now, it is not followed */
		flags |= (opening->flags & O_CREAT) | O_NOFOLLOW;
	set_openat(visit, flags, opening->mode);
	if (needs_care(visit, &spot, opening, &st))
		return open_now(visit, &spot, opening, &st);
	if (is_quick(&spot) && visit_lend_through(visit, &spot, 1) == CALL_THROUGH)
		return CALL_THROUGH;
	r = visit_lend(visit, &spot, 1);
	return r < 0 ? visit_answer(visit, r) : CALL_EDIT;
}

#ifdef SYS_open
enum call_verdict calls_open(struct visit *visit)
{
	struct opening opening = { AT_FDCWD, visit_arg(visit, 0), visit_arg(visit, 1),
				   visit_arg(visit, 2) };

	return open_file(visit, &opening);
}

enum call_verdict calls_creat(struct visit *visit)
{
	struct opening opening = { AT_FDCWD, visit_arg(visit, 0), O_CREAT | O_WRONLY | O_TRUNC,
				   visit_arg(visit, 1) };

	return open_file(visit, &opening);
}
#endif

enum call_verdict calls_openat(struct visit *visit)
{
	struct opening opening = { visit_fd(visit, 0), visit_arg(visit, 1), visit_arg(visit, 2),
				   visit_arg(visit, 3) };

	return open_file(visit, &opening);
}

enum call_verdict calls_openat2(struct visit *visit)
{
	struct open_how how = { 0 };
	struct opening opening = { .dirfd = visit_fd(visit, 0), .path = visit_arg(visit, 1) };

	if (visit_arg(visit, 3) < sizeof(how))
		return visit_answer(visit, -EINVAL);
	if (trace_read(visit->tracee->tid, visit_arg(visit, 2), &how, sizeof(how)) < 0)
		return visit_answer(visit, -EFAULT);
	if (visit_arg(visit, 3) > sizeof(how))
		return visit_answer(visit, -E2BIG);
	opening.flags = how.flags;
	opening.resolve = how.resolve;
	opening.mode = how.mode;
	return open_file(visit, &opening);
}
