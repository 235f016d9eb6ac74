// SPDX-License-Identifier: Apache-2.0
/* openat2(2) with RESOLVE_*: what it asks for, the kernel finds out where nothing of the map's is
 * below the directory; else it is found as every path is, and judged by where it led. What can be
 * told neither way is ENOSYS, for which callers are prepared. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"
#include "engine/calls_file.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#define KNOWN                                                                              \
	(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | \
	 RESOLVE_IN_ROOT)

struct resolution {
	struct visit *visit;
	const struct open_how *how;
	const char *path;
	int base_fd; /* where the path begins, opened here */
	uint32_t entry;
	char base[PATHMAP_PATH_MAX];	  /* what the guest calls it; "": the root */
	char plain[2 * PATHMAP_PATH_MAX]; /* where the path leads if no link is on the way */
	bool escapes;			  /* by ".." */
};

static struct resolution the_resolution;

static long check_how(const struct open_how *how)
{
	const uint64_t within = RESOLVE_BENEATH | RESOLVE_IN_ROOT;

	if ((how->resolve & ~(uint64_t)(KNOWN | RESOLVE_CACHED)) ||
	    (how->resolve & within) == within)
		return -EINVAL;
	return how->resolve & RESOLVE_CACHED ? -EAGAIN : 0; /* without it, callers ask again */
}

static bool is_in_root(const struct resolution *resolution)
{
	return resolution->how->resolve & RESOLVE_IN_ROOT;
}

/* An absolute path begins at the process's root, all others at dirfd. */
static long find_base(struct resolution *resolution, int dirfd)
{
	struct visit *visit = resolution->visit;
	const struct pathmap *map = visit->calls->map;
	const char *root = visit->tracee->subject->root;
	char here[48];
	ssize_t length;
	long fd;
	long r;

	if (resolution->path[0] == '/' && !is_in_root(resolution)) {
		memcpy(resolution->base, root, strlen(root) + 1);
		resolution->entry = pathmap_find(map, root, strlen(root));
		return resolution->how->resolve & RESOLVE_BENEATH ? -EXDEV : 0;
	}
	fd = process_fd(visit->tracee->tid, dirfd);
	if (fd < 0)
		return fd;
	resolution->base_fd = (int)fd;
	snprintf(here, sizeof(here), "/proc/self/fd/%ld", fd);
	length = readlink(here, visit->calls->link, CALLS_ROOM_BYTES - 1);
	if (length < 0)
		return -errno;
	r = pathmap_guest_of(map, visit->calls->link, (size_t)length, resolution->base,
			     sizeof(resolution->base));
	if (r < 0)
		return r == -ENOENT ? -EXDEV : -ENAMETOOLONG;
	if (r == 1)
		resolution->base[0] = '\0';
	resolution->entry = pathmap_find(map, resolution->base, strlen(resolution->base));
	return 0;
}

/* By the letter of it: plain and escapes. */
static void walk_plainly(struct resolution *resolution)
{
	char *plain = resolution->plain;
	const char *at = resolution->path;
	size_t top = strlen(resolution->base);
	size_t length = top;

	memcpy(plain, resolution->base, top + 1);
	while (*at) {
		size_t name = strcspn(at, "/");

		if (name == 2 && at[0] == '.' && at[1] == '.') {
			resolution->escapes |= length == top;
			while (length > (is_in_root(resolution) ? top : 0) &&
			       plain[--length] != '/')
				;
		} else if (name && !(name == 1 && at[0] == '.')) {
			plain[length++] = '/';
			memcpy(plain + length, at, name);
			length += name;
		}
		at += name + strspn(at + name, "/");
	}
	plain[length] = '\0';
}

/* --- where the kernel can tell */

static bool is_kernels(const struct resolution *resolution)
{
	const struct pathmap *map = resolution->visit->calls->map;
	const char *base = resolution->base;

	return resolution->base_fd >= 0 && !(map->entry[resolution->entry].flags & PATHMAP_PROC) &&
	       !pathmap_is_above_point(map, base, strlen(base)) &&
	       ((resolution->how->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) ||
		(resolution->how->resolve & RESOLVE_NO_SYMLINKS && !resolution->escapes));
}

static long open_path(const struct resolution *resolution, const char *path, uint64_t flags)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags,
				      .resolve = resolution->how->resolve };
	long r = syscall(SYS_openat2, resolution->base_fd, path, &how, sizeof(how));

	return r < 0 ? -errno : r;
}

/* A name to be made, and the directory it is to be in. */
static long open_parent(const struct resolution *resolution, struct spot *spot)
{
	static char parent[PATHMAP_PATH_MAX];
	const char *slash = strrchr(resolution->path, '/');
	const char *name = slash ? slash + 1 : resolution->path;
	size_t length = (size_t)(name - resolution->path);

	if (!*name)
		return -EISDIR;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EEXIST;
	if (strlen(name) >= sizeof(spot->found.name))
		return -ENAMETOOLONG;
	memcpy(parent, resolution->path, length);
	parent[length] = '\0';
	memcpy(spot->found.name, name, strlen(name) + 1);
	return open_path(resolution, length ? parent : ".", O_DIRECTORY);
}

static long ask_kernel(const struct resolution *resolution, struct spot *spot)
{
	uint64_t flags = resolution->how->flags;
	bool must_make = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	long r = must_make ? -ENOENT
			   : open_path(resolution, resolution->path,
				       flags & (O_NOFOLLOW | O_DIRECTORY));

	spot->found.name[0] = '\0';
	if (r == -ENOENT && (flags & O_CREAT))
		r = open_parent(resolution, spot);
	if (r < 0)
		return r;
	spot->fd = (int)r;
	spot->name = spot->found.name;
	spot->path = "";
	spot->found.entry = resolution->entry;
	spot->read_only = resolution->visit->calls->map->entry[resolution->entry].flags &
			  PATHMAP_READ_ONLY;
	if (*spot->name && spot->read_only) {
		spot_done(spot);
		return -EROFS;
	}
	return 0;
}

/* --- where it cannot */

static long find_in_root(struct resolution *resolution, struct spot *spot)
{
	static char path[PATHMAP_PATH_MAX + 1];
	static char kept[PATHMAP_PATH_MAX];
	struct subject *subject = resolution->visit->tracee->subject;
	long r;

	snprintf(path, sizeof(path), "/%s", resolution->path);
	memcpy(kept, subject->root, strlen(subject->root) + 1);
	memcpy(subject->root, resolution->base, strlen(resolution->base) + 1);
	r = calls_find_opening(resolution->visit, AT_FDCWD, path, resolution->how->flags, 0, spot);
	memcpy(subject->root, kept, strlen(kept) + 1);
	return r;
}

static bool is_on_other(const struct resolution *resolution, const struct spot *spot)
{
	struct stat base;
	struct stat st;

	return spot->found.entry != resolution->entry ||
	       (resolution->base_fd >= 0 && (fstat(resolution->base_fd, &base) < 0 ||
					     fstat(spot->fd, &st) < 0 || base.st_dev != st.st_dev));
}

static long judge(const struct resolution *resolution, const struct spot *spot)
{
	uint64_t resolve = resolution->how->resolve;
	bool had_link = spot->found.is_kernels_link || strcmp(spot->path, resolution->plain) != 0;

	if (*spot->name) /* its directory alone is known */
		return resolve == RESOLVE_IN_ROOT ? 0 : -ENOSYS;
	if ((resolve & RESOLVE_NO_SYMLINKS) && had_link)
		return -ELOOP;
	if ((resolve & RESOLVE_NO_MAGICLINKS) && spot->found.is_kernels_link)
		return -ELOOP;
	if (resolve & RESOLVE_BENEATH && (had_link || resolution->escapes))
		return resolution->escapes ? -EXDEV : -ENOSYS;
	return (resolve & RESOLVE_NO_XDEV) && is_on_other(resolution, spot) ? -EXDEV : 0;
}

static long find_and_judge(struct resolution *resolution, int dirfd, struct spot *spot)
{
	long r = is_in_root(resolution)
			 ? find_in_root(resolution, spot)
			 : calls_find_opening(resolution->visit, dirfd, resolution->path,
					      resolution->how->flags, 0, spot);

	if (r == 0)
		r = judge(resolution, spot);
	if (r < 0)
		spot_done(spot);
	return r;
}

long calls_find_resolved(struct visit *visit, int dirfd, const char *path,
			 const struct open_how *how, struct spot *ret_spot)
{
	struct resolution *resolution = &the_resolution;
	long r = check_how(how);

	if (r < 0)
		return r;
	if (!*path)
		return -ENOENT;
	resolution->visit = visit;
	resolution->how = how;
	resolution->path = path;
	resolution->base_fd = -1;
	resolution->escapes = false;
	r = find_base(resolution, dirfd);
	if (r == 0) {
		walk_plainly(resolution);
		r = is_kernels(resolution) ? ask_kernel(resolution, ret_spot)
					   : find_and_judge(resolution, dirfd, ret_spot);
	}
	cleanup_fd(&resolution->base_fd);
	return r;
}
