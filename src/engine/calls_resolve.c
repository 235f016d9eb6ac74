// SPDX-License-Identifier: Apache-2.0
/* openat2(2) with RESOLVE_*: pathmap looks up as it says; what is left is that within one entry of
 * the map there may be mounts of the host's. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "engine/calls_file.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#define SCOPED (RESOLVE_BENEATH | RESOLVE_IN_ROOT)
#define KNOWN  (SCOPED | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)

static long check_how(const struct open_how *how)
{
	if ((how->resolve & ~(uint64_t)(KNOWN | RESOLVE_CACHED)) ||
	    (how->resolve & SCOPED) == SCOPED)
		return -EINVAL;
	return how->resolve & RESOLVE_CACHED ? -EAGAIN : 0; /* without it, callers ask again */
}

static bool is_on_other(const struct visit *visit, int dirfd, const char *path,
			const struct open_how *how, const struct spot *spot)
{
	bool from_root = path[0] == '/' && !(how->resolve & RESOLVE_IN_ROOT);
	auto_fd fd = from_root ? fcntl(visit->calls->root_fd, F_DUPFD_CLOEXEC, 0)
			       : (int)process_fd(visit->tracee->tid, dirfd);
	struct stat begin;
	struct stat st;

	return fd < 0 || fstat(fd, &begin) < 0 || fstat(spot->fd, &st) < 0 ||
	       begin.st_dev != st.st_dev;
}

long calls_find_resolved(struct visit *visit, int dirfd, const char *path,
			 const struct open_how *how, struct spot *ret_spot)
{
	long r = check_how(how);

	if (r < 0)
		return r;
	visit->calls->resolve = how->resolve;
	r = calls_find_opening(visit, dirfd, path, how->flags, 0, ret_spot);
	visit->calls->resolve = 0;
	if (r == 0 && (how->resolve & RESOLVE_NO_XDEV) &&
	    is_on_other(visit, dirfd, path, how, ret_spot)) {
		spot_done(ret_spot);
		r = -EXDEV;
	}
	return r;
}
