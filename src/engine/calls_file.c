// SPDX-License-Identifier: Apache-2.0
/* Calls about files that the tracer makes itself, each in the form that takes a directory and a
 * name. The spot it is about has no links left in it. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <utime.h>

#include "base/banned.h"
#include "engine/calls_file.h"
#include "tap/traced.h"

long calls_make(const struct visit *visit, long nr, const long arg[6])
{
	long r;

	if (visit->calls->emulates)
		return traced_call(nr, arg);
	r = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	return r < 0 ? -errno : r;
}

void calls_put_spot(const struct spot *spot, long arg[6], unsigned at, unsigned flags_at,
		    char path[SPOT_PATH_MAX])
{
	bool is_itself = !*spot->name;

	arg[at] = spot->fd;
	arg[at + 1] = (long)spot->name;
	if (is_itself) {
		spot_path_here(spot, path);
		arg[at] = AT_FDCWD;
		arg[at + 1] = (long)path;
	}
	if (flags_at == CALLS_NO_FLAGS)
		return;
	arg[flags_at] &= ~(long)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
	if (!is_itself && !spot->is_link_ahead)
		arg[flags_at] |= AT_SYMLINK_NOFOLLOW;
}

struct request {
	long nr;
	int dirfd;
	unsigned long path;
	bool is_read; /* it is in calls->path[0] already */
	unsigned want;
	unsigned flags_at; /* among the arguments of the call that is made */
	long arg[6];	   /* of it; the first two are filled in */
};

/* The name of a mount point is in use. */
static long check_name(const struct visit *visit, const struct request *request,
		       const struct spot *spot)
{
	bool makes = request->nr == SYS_mkdirat || request->nr == SYS_mknodat;

	if (!makes && request->nr != SYS_unlinkat)
		return 0;
	if (spot->found.is_point)
		return makes ? -EEXIST : -EBUSY;
	if (makes || !pathmap_is_above_point(visit->calls->map, spot->path, strlen(spot->path)))
		return 0;
	return request->arg[2] & AT_REMOVEDIR ? -EBUSY : -EISDIR;
}

static long make_request(struct visit *visit, struct request *request)
{
	char path[SPOT_PATH_MAX];
	auto_spot spot = SPOT_NONE;
	long r = request->is_read
			 ? spot_find_text(visit, request->dirfd, visit->calls->path[0],
					  request->want, &spot)
			 : spot_find(visit, request->dirfd, request->path, request->want, &spot);

	if (r == 0)
		r = check_name(visit, request, &spot);
	if (r < 0)
		return r;
	/* Only this form looks at the thing itself, which may be a link. */
	if (!*spot.name && (request->nr == SYS_newfstatat || request->nr == SYS_statx ||
			    request->nr == SYS_fchownat)) {
		request->arg[0] = spot.fd;
		request->arg[1] = (long)"";
		request->arg[request->flags_at] |= AT_EMPTY_PATH;
	} else {
		calls_put_spot(&spot, request->arg, 0, request->flags_at, path);
	}
	return calls_make(visit, request->nr, request->arg);
}

static unsigned want_of(unsigned long flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0u : SPOT_FOLLOW) |
	       (flags & AT_EMPTY_PATH ? SPOT_EMPTY : 0u);
}

/* --- looking */

/* Which the kernel looks at only where there is a path. */
#define STAT_FLAGS                                                                     \
	(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC | \
	 AT_STATX_DONT_SYNC)

struct stat_call {
	int dirfd;
	unsigned long path, buffer;
	unsigned long flags;
};

/* Is it one that the kernel may answer? Else the path has been read, if it could be. */
static bool may_go(struct visit *visit, struct request *request, unsigned long flags)
{
	char *path = visit->calls->path[0];

	if (!(flags & AT_SYMLINK_NOFOLLOW) || visit->calls->emulates || !request->path ||
	    trace_read_text(visit->tracee->tid, request->path, path, PATHMAP_PATH_MAX) < 0)
		return false;
	request->is_read = true;
	return visit_may_go(visit, path);
}

static enum call_verdict stat_file(struct visit *visit, const struct stat_call *call)
{
	struct stat st;
	struct request request = { .nr = SYS_newfstatat,
				   .dirfd = call->dirfd,
				   .path = call->path,
				   .want = want_of(call->flags) | SPOT_LOOK,
				   .flags_at = 3,
				   .arg = { 0, 0, (long)&st, (long)call->flags } };
	long r;

	if (may_go(visit, &request, call->flags))
		return CALL_GO;
	r = make_request(visit, &request);
	if (r == 0)
		r = trace_write(visit->tracee->tid, call->buffer, &st, sizeof(st));
	return visit_answer(visit, r);
}

#ifdef SYS_stat
enum call_verdict calls_stat(struct visit *visit)
{
	struct stat_call call = { AT_FDCWD, visit_arg(visit, 0), visit_arg(visit, 1), 0 };

	return stat_file(visit, &call);
}

enum call_verdict calls_lstat(struct visit *visit)
{
	struct stat_call call = { AT_FDCWD, visit_arg(visit, 0), visit_arg(visit, 1),
				  AT_SYMLINK_NOFOLLOW };

	return stat_file(visit, &call);
}
#endif

enum call_verdict calls_fstat(struct visit *visit)
{
	struct stat_call call = { visit_fd(visit, 0), 0, visit_arg(visit, 1), AT_EMPTY_PATH };

	return stat_file(visit, &call);
}

/* Is it about a descriptor only? Then the kernel's own answer is right, but for whose it is. */
static bool is_about_descriptor(struct visit *visit, unsigned long path, unsigned long flags)
{
	char first = 1;

	if (visit->calls->emulates || !(flags & AT_EMPTY_PATH))
		return false;
	if (!path)
		return true;
	return trace_read(visit->tracee->tid, path, &first, 1) == 0 && !first;
}

enum call_verdict calls_newfstatat(struct visit *visit)
{
	struct stat_call call = { visit_fd(visit, 0), visit_arg(visit, 1), visit_arg(visit, 2),
				  visit_arg(visit, 3) };

	if (calls_has_unknown(call.flags, STAT_FLAGS))
		return visit_answer(visit, -EINVAL);
	if (is_about_descriptor(visit, call.path, call.flags))
		return CALL_GO;
	return stat_file(visit, &call);
}

enum call_verdict calls_statx(struct visit *visit)
{
	unsigned long flags = visit_arg(visit, 2);
	struct statx x;
	struct request request = { .nr = SYS_statx,
				   .dirfd = visit_fd(visit, 0),
				   .path = visit_arg(visit, 1),
				   .want = want_of(flags) | SPOT_LOOK,
				   .flags_at = 2,
				   .arg = { 0, 0, (long)flags, (long)visit_arg(visit, 3),
					    (long)&x } };
	long r;

	if (calls_has_unknown(flags, STAT_FLAGS))
		return visit_answer(visit, -EINVAL);
	if (is_about_descriptor(visit, request.path, flags) || may_go(visit, &request, flags))
		return CALL_GO;
	r = make_request(visit, &request);
	if (r == 0)
		r = trace_write(visit->tracee->tid, visit_arg(visit, 4), &x, sizeof(x));
	return visit_answer(visit, r);
}

static bool is_device(const struct spot *spot)
{
	struct stat st;
	int flags = *spot->name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;

	return fstatat(spot->fd, spot->name, &st, flags) == 0 && !S_ISREG(st.st_mode) &&
	       !S_ISDIR(st.st_mode);
}

static long may_access(struct visit *visit, int dirfd, unsigned long address, unsigned long mode,
		       unsigned long flags)
{
	long arg[6] = { 0, 0, (long)mode, (long)flags };
	char path[SPOT_PATH_MAX];
	auto_spot spot = SPOT_NONE;
	long r = spot_find(visit, dirfd, address, want_of(flags) | SPOT_LOOK, &spot);

	if (r < 0)
		return r;
	calls_put_spot(&spot, arg, 0, 3, path);
	r = calls_make(visit, SYS_faccessat2, arg);
	if (r == -ENOSYS) {
		r = faccessat((int)arg[0], (const char *)arg[1], (int)mode, 0);
		r = r < 0 ? -errno : 0;
	}
	return r == 0 && (mode & W_OK) && spot.read_only && !is_device(&spot) ? -EROFS : r;
}

#ifdef SYS_access
enum call_verdict calls_access(struct visit *visit)
{
	return visit_answer(
		visit, may_access(visit, AT_FDCWD, visit_arg(visit, 0), visit_arg(visit, 1), 0));
}
#endif

enum call_verdict calls_faccessat(struct visit *visit)
{
	bool has_flags = registers_call(visit->registers) == SYS_faccessat2;

	return visit_answer(visit,
			    may_access(visit, visit_fd(visit, 0), visit_arg(visit, 1),
				       visit_arg(visit, 2), has_flags ? visit_arg(visit, 3) : 0));
}

enum call_verdict calls_statfs(struct visit *visit)
{
	auto_spot spot = SPOT_NONE;
	char path[SPOT_PATH_MAX];
	struct statfs info;
	long r = spot_find(visit, AT_FDCWD, visit_arg(visit, 0), SPOT_FOLLOW | SPOT_FILE, &spot);

	if (r == 0) {
		spot_path_here(&spot, path);
		r = syscall(SYS_statfs, path, &info) < 0 ? -errno : 0;
	}
	if (r == 0)
		r = trace_write(visit->tracee->tid, visit_arg(visit, 1), &info, sizeof(info));
	return visit_answer(visit, r);
}

/* --- making and taking away */

static enum call_verdict make_name(struct visit *visit, long nr, unsigned dirfd_arg, long a, long b)
{
	bool at = dirfd_arg < 6;
	struct request request = { .nr = nr,
				   .dirfd = at ? visit_fd(visit, dirfd_arg) : AT_FDCWD,
				   .path = visit_arg(visit, at ? dirfd_arg + 1 : 0),
				   .want = SPOT_CHANGE,
				   .flags_at = CALLS_NO_FLAGS,
				   .arg = { 0, 0, a, b } };
	mode_t ours = umask(visit->tracee->subject->umask);
	long r = make_request(visit, &request);

	umask(ours);
	return visit_answer(visit, r);
}

#ifdef SYS_mkdir
enum call_verdict calls_mkdir(struct visit *visit)
{
	return make_name(visit, SYS_mkdirat, 6, (long)visit_arg(visit, 1), 0);
}

enum call_verdict calls_mknod(struct visit *visit)
{
	return make_name(visit, SYS_mknodat, 6, (long)visit_arg(visit, 1),
			 (long)visit_arg(visit, 2));
}

enum call_verdict calls_unlink(struct visit *visit)
{
	return make_name(visit, SYS_unlinkat, 6, 0, 0);
}

enum call_verdict calls_rmdir(struct visit *visit)
{
	return make_name(visit, SYS_unlinkat, 6, AT_REMOVEDIR, 0);
}
#endif

enum call_verdict calls_mkdirat(struct visit *visit)
{
	return make_name(visit, SYS_mkdirat, 0, (long)visit_arg(visit, 2), 0);
}

enum call_verdict calls_mknodat(struct visit *visit)
{
	return make_name(visit, SYS_mknodat, 0, (long)visit_arg(visit, 2),
			 (long)visit_arg(visit, 3));
}

enum call_verdict calls_unlinkat(struct visit *visit)
{
	return make_name(visit, SYS_unlinkat, 0, (long)visit_arg(visit, 2), 0);
}

static long make_symlink(struct visit *visit, int dirfd, unsigned long path)
{
	char *target = visit->calls->path[1];
	char here[SPOT_PATH_MAX];
	auto_spot spot = SPOT_NONE;
	long arg[6] = { (long)target };
	long r = trace_read_text(visit->tracee->tid, visit_arg(visit, 0), target, PATHMAP_PATH_MAX);

	if (r >= 0)
		r = spot_find(visit, dirfd, path, SPOT_CHANGE, &spot);
	if (r < 0)
		return r;
	calls_put_spot(&spot, arg, 1, CALLS_NO_FLAGS, here);
	return calls_make(visit, SYS_symlinkat, arg);
}

#ifdef SYS_symlink
enum call_verdict calls_symlink(struct visit *visit)
{
	return visit_answer(visit, make_symlink(visit, AT_FDCWD, visit_arg(visit, 1)));
}
#endif

enum call_verdict calls_symlinkat(struct visit *visit)
{
	return visit_answer(visit, make_symlink(visit, visit_fd(visit, 1), visit_arg(visit, 2)));
}

/* --- changing */

static enum call_verdict change(struct visit *visit, struct request *request)
{
	request->want |= SPOT_CHANGE;
	return visit_answer(visit, make_request(visit, request));
}

static enum call_verdict chmod_file(struct visit *visit, int dirfd, unsigned long path,
				    unsigned long mode, unsigned long flags)
{
	struct request request = { .nr = SYS_fchmodat,
				   .dirfd = dirfd,
				   .path = path,
				   .want = want_of(flags),
				   .flags_at = CALLS_NO_FLAGS,
				   .arg = { 0, 0, (long)mode } };

	if ((flags & AT_SYMLINK_NOFOLLOW) && !(flags & AT_EMPTY_PATH)) {
		/* fchmodat(2) has no such flag, and would go through a link */
		auto_spot spot = SPOT_NONE;
		struct stat st;
		long r = spot_find(visit, dirfd, path, SPOT_CHANGE, &spot);

		if (r < 0)
			return visit_answer(visit, r);
		if (fstatat(spot.fd, spot.name, &st,
			    *spot.name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH) == 0 &&
		    S_ISLNK(st.st_mode))
			return visit_answer(visit, -EOPNOTSUPP);
	}
	return change(visit, &request);
}

#ifdef SYS_chmod
enum call_verdict calls_chmod(struct visit *visit)
{
	return chmod_file(visit, AT_FDCWD, visit_arg(visit, 0), visit_arg(visit, 1), 0);
}
#endif

enum call_verdict calls_fchmod(struct visit *visit)
{
	return chmod_file(visit, visit_fd(visit, 0), 0, visit_arg(visit, 1), AT_EMPTY_PATH);
}

enum call_verdict calls_fchmodat(struct visit *visit)
{
	bool has_flags = registers_call(visit->registers) != SYS_fchmodat;

	if (has_flags &&
	    calls_has_unknown(visit_arg(visit, 3), AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return visit_answer(visit, -EINVAL);
	return chmod_file(visit, visit_fd(visit, 0), visit_arg(visit, 1), visit_arg(visit, 2),
			  has_flags ? visit_arg(visit, 3) : 0);
}

static enum call_verdict chown_file(struct visit *visit, int dirfd, unsigned path_arg,
				    unsigned long flags)
{
	bool by_fd = path_arg == 6;
	unsigned ids = by_fd ? 1 : path_arg + 1;
	struct request request = { .nr = SYS_fchownat,
				   .dirfd = dirfd,
				   .path = by_fd ? 0 : visit_arg(visit, path_arg),
				   .want = want_of(flags),
				   .flags_at = 4,
				   .arg = { 0, 0, (long)visit_arg(visit, ids),
					    (long)visit_arg(visit, ids + 1), (long)flags } };

	return change(visit, &request);
}

#ifdef SYS_chown
enum call_verdict calls_chown(struct visit *visit)
{
	return chown_file(visit, AT_FDCWD, 0, 0);
}

enum call_verdict calls_lchown(struct visit *visit)
{
	return chown_file(visit, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW);
}
#endif

enum call_verdict calls_fchown(struct visit *visit)
{
	return chown_file(visit, visit_fd(visit, 0), 6, AT_EMPTY_PATH);
}

enum call_verdict calls_fchownat(struct visit *visit)
{
	return chown_file(visit, visit_fd(visit, 0), 1, visit_arg(visit, 4));
}

enum call_verdict calls_truncate(struct visit *visit)
{
	auto_spot spot = SPOT_NONE;
	char path[SPOT_PATH_MAX];
	long arg[6] = { (long)path, (long)visit_arg(visit, 1) };
	long r = spot_find(visit, AT_FDCWD, visit_arg(visit, 0), SPOT_FOLLOW | SPOT_CHANGE, &spot);

	if (r < 0)
		return visit_answer(visit, r);
	spot_path_here(&spot, path);
	return visit_answer(visit, calls_make(visit, SYS_truncate, arg));
}

/* --- times */

struct times {
	struct timespec at[2];
	bool now; /* none were given */
};

static enum call_verdict set_times(struct visit *visit, int dirfd, unsigned long path,
				   unsigned long flags, struct times *times)
{
	struct request request = { .nr = SYS_utimensat,
				   .dirfd = dirfd,
				   .path = path,
				   .want = want_of(flags),
				   .flags_at = 3,
				   .arg = { 0, 0, times->now ? 0 : (long)times->at, (long)flags } };

	return change(visit, &request);
}

#ifdef SYS_utime
enum call_verdict calls_utime(struct visit *visit)
{
	unsigned long address = visit_arg(visit, 1);
	struct times times = { .now = !address };
	struct utimbuf given = { 0 };

	if (address && trace_read(visit->tracee->tid, address, &given, sizeof(given)) < 0)
		return visit_answer(visit, -EFAULT);
	times.at[0].tv_sec = given.actime;
	times.at[1].tv_sec = given.modtime;
	return set_times(visit, AT_FDCWD, visit_arg(visit, 0), 0, &times);
}

static enum call_verdict set_timevals(struct visit *visit, int dirfd, unsigned path_arg)
{
	unsigned long address = visit_arg(visit, path_arg + 1);
	struct times times = { .now = !address };
	struct timeval given[2] = { 0 };

	if (address && trace_read(visit->tracee->tid, address, given, sizeof(given)) < 0)
		return visit_answer(visit, -EFAULT);
	for (int i = 0; i < 2; i++) {
		if (given[i].tv_usec < 0 || given[i].tv_usec >= 1000000)
			return visit_answer(visit, -EINVAL);
		times.at[i] = (struct timespec){ given[i].tv_sec, given[i].tv_usec * 1000 };
	}
	return set_times(visit, dirfd, visit_arg(visit, path_arg),
			 visit_arg(visit, path_arg) ? 0 : AT_EMPTY_PATH, &times);
}

enum call_verdict calls_utimes(struct visit *visit)
{
	return set_timevals(visit, AT_FDCWD, 0);
}

enum call_verdict calls_futimesat(struct visit *visit)
{
	return set_timevals(visit, visit_fd(visit, 0), 1);
}
#endif

enum call_verdict calls_utimensat(struct visit *visit)
{
	unsigned long path = visit_arg(visit, 1);
	unsigned long address = visit_arg(visit, 2);
	struct times times = { .now = !address };

	if (!path && !visit->calls->emulates && !(visit->calls->map->any_flags & PATHMAP_READ_ONLY))
		return CALL_GO;
	if (address && trace_read(visit->tracee->tid, address, times.at, sizeof(times.at)) < 0)
		return visit_answer(visit, -EFAULT);
	return set_times(visit, visit_fd(visit, 0), path,
			 visit_arg(visit, 3) | (path ? 0 : AT_EMPTY_PATH), &times);
}
