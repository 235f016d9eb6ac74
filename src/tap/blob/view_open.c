// SPDX-License-Identifier: Apache-2.0
/* Opening, and finding what calls that only look are about. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/memory.h"
#include "tap/blob/proc.h"
#include "tap/blob/view.h"

#if defined(__aarch64__)
#define LARGE_FILE 0400000ul
#else
#define LARGE_FILE 0100000ul /* libc's is 0: open(2) sets it by itself, openat2(2) does not */
#endif

#define INNER (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)

/* Within a directory that has nothing of the map's below it the kernel may follow links, as long as
 * they stay there. true: *ret_r is the answer. */
static bool open_inner(const struct view_path *path, uint64_t flags, uint64_t mode, long *ret_r)
{
	const struct open_how how = { .flags = flags,
				      .mode = mode,
				      .resolve = path->is_plain ? RESOLVE_NO_SYMLINKS : INNER };

	if (!path->is_plain && !view_is_inner(path))
		return false;
	*ret_r = raw4(__NR_openat2, path->dirfd, path->text, &how, sizeof(how));
	/* EAGAIN: a link led up while somebody, anywhere, mounted or renamed (openat2(2)) */
	return *ret_r != -EXDEV && *ret_r != -ELOOP && *ret_r != -EMFILE && *ret_r != -EAGAIN;
}

long view_find_object(const struct view_path *path, bool follows, struct view_found *found)
{
	const struct view_request request = { .want = follows ? PATHMAP_FOLLOW : 0,
					      .flags = O_PATH | (follows ? 0 : O_NOFOLLOW) };
	long r;

	if (open_inner(path, request.flags | O_CLOEXEC, 0, &r)) {
		found->fd = (int)r;
		return r < 0 ? r : 0;
	}
	return view_find(path, &request, found);
}

/* ---- opening ---- */

struct opening {
	int dirfd;
	long path;
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

static long read_how(const struct tap_call *call, struct opening *opening)
{
	struct open_how how;

	if ((unsigned long)call->arg[3] < sizeof(how))
		return -EINVAL;
	if (call->arg[3] != sizeof(how))
		return -E2BIG;
	if (memory_read(&how, (const void *)call->arg[2], sizeof(how)) < 0)
		return -EFAULT;
	if (how.mode & ~(uint64_t)(how.flags & (O_CREAT | TAP_OPEN_TEMPORARY) ? 07777 : 0))
		return -EINVAL;
	opening->flags = how.flags;
	opening->mode = how.mode;
	opening->resolve = how.resolve;
	return 0;
}

/* open(2) ignores what openat2(2) refuses. */
static uint64_t known_flags(uint64_t flags)
{
	uint64_t known = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |
			 O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT | O_DIRECTORY | O_NOFOLLOW |
			 O_NOATIME | O_CLOEXEC | TAP_OPEN_TEMPORARY;

	if (flags & O_PATH)
		return flags & (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC);
	return (flags & known) | LARGE_FILE;
}

static long read_opening(const struct tap_call *call, struct opening *opening)
{
	bool is_at = call->nr == NR_openat || call->nr == NR_openat2;
	int at = is_at ? 1 : 0;

	*opening = (struct opening){ .dirfd = is_at ? (int)call->arg[0] : AT_FDCWD,
				     .path = call->arg[at] };
	if (call->nr == NR_openat2)
		return read_how(call, opening);
	if (call->nr == NR_creat) {
		opening->flags = O_CREAT | O_WRONLY | O_TRUNC;
		opening->mode = (uint64_t)call->arg[1];
	} else {
		opening->flags = (unsigned)call->arg[at + 1];
		opening->mode = (uint64_t)call->arg[at + 2];
	}
	opening->flags = known_flags(opening->flags);
	opening->mode = opening->flags & (O_CREAT | TAP_OPEN_TEMPORARY) ? opening->mode & 07777 : 0;
	return 0;
}

static bool is_followed(uint64_t flags)
{
	return !(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
}

static bool may_be_read_only(uint64_t flags)
{
	return (flags & TAP_OPEN_CHANGES) && (tap.place->map.any_flags & PATHMAP_READ_ONLY);
}

static long open_plainly(const struct opening *opening, const struct view_path *path)
{
	const struct view_request request = {
		.want = is_followed(opening->flags) ? PATHMAP_FOLLOW : 0,
		.flags = opening->flags,
		.mode = opening->mode,
		.resolve = opening->resolve,
	};
	char guest[64];
	struct view_found found = { .guest = guest, .guest_room = sizeof(guest) };
	long r;

	guest[0] = '\0';
	if (!may_be_read_only(opening->flags) && !opening->resolve &&
	    open_inner(path, opening->flags, opening->mode, &r))
		return r;
	r = view_find(path, &request, &found);
	if (r < 0)
		return r;
	if (!found.is_in_proc)
		return found.fd;
	r = view_proc_file(guest, found.fd);
	return tap.root ? proc_show_status(r, guest, opening->flags) : r;
}

/* A name that is no link needs no finding. true: *ret_r is the answer. */
static bool open_plain_name(const struct tap_call *call, const struct opening *opening,
			    const struct view_path *path, long *ret_r)
{
	struct tap_call changed = { .nr = __NR_openat,
				    .arg = { opening->dirfd, (long)path->text,
					     (long)(opening->flags | O_NOFOLLOW),
					     (long)opening->mode },
				    .context = call->context };

	if (!path->is_plain || opening->resolve || may_be_read_only(opening->flags) ||
	    (opening->flags & (TAP_OPEN_TEMPORARY | O_DIRECTORY)))
		return false;
	*ret_r = view_finish(&changed, &tap_table[NR_openat]);
	return *ret_r != -ELOOP;
}

/* As handlers of root emulation want it: a name in a directory, which they may look at and open
 * more than once. */
static long open_emulated(struct tap_call *call, const struct opening *opening,
			  const struct view_path *path)
{
	bool makes_unnamed = opening->flags & TAP_OPEN_TEMPORARY;
	bool follows = is_followed(opening->flags);
	const struct view_request request = {
		.want = makes_unnamed ? PATHMAP_FOLLOW
				      : PATHMAP_PARENT | (follows ? PATHMAP_FOLLOW : 0),
		.flags = O_PATH | (makes_unnamed ? O_DIRECTORY : 0),
		.resolve = opening->resolve,
	};
	struct view_found found = { 0 };
	uint64_t flags = opening->flags;
	long r;

	if (open_plain_name(call, opening, path, &r))
		return r;
	r = view_find(path, &request, &found);
	if (r < 0)
		return r;
	if (found.flags & PATHMAP_READ_ONLY) {
		view_close(&found);
		return open_plainly(opening, path);
	}
	view_lift(&found);
	call->nr = __NR_openat;
	call->arg[0] = AT_FDCWD;
	if (found.text[0] && !found.is_kernels_link) {
		call->arg[0] = found.fd;
		flags |= O_NOFOLLOW; /* it was no link a moment ago */
	} else {
		view_spell(&found);
		flags &= ~(uint64_t)O_NOFOLLOW;
	}
	call->arg[1] = (long)found.text;
	call->arg[2] = (long)flags;
	call->arg[3] = (long)opening->mode;
	r = view_finish(call, &tap_table[NR_openat]);
	view_close(&found);
	return r;
}

/* ---- openat2(2) with RESOLVE_* ---- */

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#define SCOPED (RESOLVE_BENEATH | RESOLVE_IN_ROOT)
#define KNOWN  (SCOPED | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)

static long check_resolve(uint64_t resolve)
{
	if ((resolve & ~(uint64_t)(KNOWN | RESOLVE_CACHED)) || (resolve & SCOPED) == SCOPED)
		return -EINVAL;
	return resolve & RESOLVE_CACHED ? -EAGAIN : 0; /* without it, callers ask again */
}

/* Where nothing of the map's is below, the kernel may do it. */
static bool is_kernels(const struct opening *opening, const struct view_path *path)
{
	struct view_path there;

	return !path->is_long && ((opening->resolve & SCOPED) || path->is_down) &&
	       !may_be_read_only(opening->flags) &&
	       view_read(&there, opening->dirfd, (long)(uintptr_t) ".") == 0 &&
	       view_is_inner(&there);
}

/* On another file system than where it began; within the map that has been seen to. */
static bool is_on_other(const struct opening *opening, const struct view_path *path, long fd)
{
	bool from_root = path->text[0] == '/' && !(opening->resolve & RESOLVE_IN_ROOT);
	int from = from_root ? tap.root_fd : opening->dirfd;
	struct stat begin;
	struct stat st;

	return raw4(__NR_newfstatat, from, "", &begin, AT_EMPTY_PATH) < 0 ||
	       raw4(__NR_newfstatat, fd, "", &st, AT_EMPTY_PATH) < 0 || begin.st_dev != st.st_dev;
}

/* By a link of /proc, which may lead anywhere. */
static bool leads_to_read_only(const struct view_path *path)
{
	const struct view_request request = { .want = PATHMAP_FOLLOW, .flags = O_PATH };
	struct view_found found = { 0 };
	bool is_read_only;

	if (path->is_plain || view_find(path, &request, &found) < 0)
		return false;
	is_read_only = found.is_in_proc && view_fd_is_read_only(found.fd);
	view_close(&found);
	return is_read_only;
}

static long open_path(struct tap_call *call, const struct opening *opening,
		      const struct view_path *path)
{
	long r;

	if (may_be_read_only(opening->flags) && is_followed(opening->flags) &&
	    leads_to_read_only(path))
		return -EROFS;
	if (tap.root && !(opening->flags & O_PATH) &&
	    ((opening->flags & TAP_OPEN_CHANGES) || process_read()->restricted))
		return open_emulated(call, opening, path);
	r = open_plainly(opening, path);
	return r == -EACCES && tap.root ? open_emulated(call, opening, path) : r;
}

long view_on_open(struct tap_call *call, const struct tap_row *row)
{
	struct opening opening;
	struct view_path path;
	long r = read_opening(call, &opening);

	if (r == 0)
		r = view_read(&path, opening.dirfd, opening.path);
	if (r == 0)
		r = check_resolve(opening.resolve);
	if (r < 0)
		return r;
	if (path.is_empty)
		return opening.path ? -ENOENT : -EFAULT;
	if (opening.resolve && is_kernels(&opening, &path))
		return view_finish(call, row);
	r = open_path(call, &opening, &path);
	if (r >= 0 && (opening.resolve & RESOLVE_NO_XDEV) && is_on_other(&opening, &path, r)) {
		raw1(__NR_close, r);
		return -EXDEV;
	}
	return r;
}
