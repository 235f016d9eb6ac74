// SPDX-License-Identifier: Apache-2.0
/* Resolution inside a root; see openat2.h. */
#include "sys/openat2.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/banned.h"

static int open_direct(int root_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode : 0,
		.resolve = resolve,
	};

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

/* The walk keeps a stack of directory fds, so `..` never asks the kernel where it leads. */
struct walk {
	char rest[PATH_MAX];	   /* what is still to be resolved */
	int fds[PATH_MAX / 2 / 8]; /* depth limit 256, far beyond real trees */
	size_t depth;		   /* fds[0] is the root itself and not ours */
	unsigned symlinks;
};

static void walk_pop(struct walk *walk)
{
	if (walk->depth > 0)
		close(walk->fds[walk->depth--]);
}

static void walk_done(struct walk *walk)
{
	while (walk->depth > 0)
		walk_pop(walk);
}

static int walk_push(struct walk *walk, int fd)
{
	if (walk->depth + 1 >= array_count(walk->fds)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	walk->fds[++walk->depth] = fd;
	return 0;
}

/* Put a symlink's text in front of what is left, which is empty or begins with a slash. */
static int walk_follow(struct walk *walk, int directory, const char *name)
{
	char text[PATH_MAX];
	ssize_t length = readlinkat(directory, name, text, sizeof(text));
	size_t rest = strlen(walk->rest);

	if (length < 0)
		return -errno;
	if (++walk->symlinks > OPENAT2_SYMLINKS_MAX)
		return -ELOOP;
	if ((size_t)length + rest >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	memmove(walk->rest + length, walk->rest, rest + 1);
	memcpy(walk->rest, text, (size_t)length);
	if (text[0] == '/')
		walk_done(walk);
	return 0;
}

/* The next component, "" at the end; what follows it stays in walk->rest. */
static int walk_next(struct walk *walk, char name[NAME_MAX + 1], bool *ret_last)
{
	const char *at = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(at, "/");

	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, at, length);
	name[length] = '\0';
	memmove(walk->rest, at + length, strlen(at + length) + 1);
	*ret_last = walk->rest[strspn(walk->rest, "/")] == '\0';
	return 0;
}

static bool is_symlink(int directory, const char *name)
{
	struct stat st;

	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

#define WALK_AGAIN 1 /* a symlink was followed: there are components again */

/* A slash behind the last component means: a directory, and a symlink there is followed. */
static int walk_last(struct walk *walk, const char *name, int flags, mode_t mode, int *ret_fd)
{
	int directory = walk->fds[walk->depth];
	bool slash = walk->rest[0] == '/';
	int fd;

	if (slash && (flags & O_CREAT))
		return -EISDIR;
	if ((slash || !(flags & O_NOFOLLOW)) && !((flags & O_CREAT) && (flags & O_EXCL)) &&
	    is_symlink(directory, name)) {
		int r = walk_follow(walk, directory, name);

		return r < 0 ? r : WALK_AGAIN;
	}
	fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC | (slash ? O_DIRECTORY : 0),
		    mode);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int walk_step(struct walk *walk, const char *name)
{
	int directory = walk->fds[walk->depth];
	int fd = openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return walk_push(walk, fd);
	if ((errno == ELOOP || errno == ENOTDIR) && is_symlink(directory, name))
		return walk_follow(walk, directory, name);
	return -errno;
}

/* One component. Returns 0 with *ret_fd set when it was the last one, else WALK_AGAIN. */
static int walk_component(struct walk *walk, int flags, mode_t mode, int *ret_fd)
{
	char name[NAME_MAX + 1];
	bool last;
	int r = walk_next(walk, name, &last);

	if (r < 0)
		return r;
	if (strcmp(name, "..") == 0)
		walk_pop(walk);
	if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		if (!last)
			return WALK_AGAIN;
		*ret_fd = openat(walk->fds[walk->depth], ".", flags | O_CLOEXEC, mode);
		return *ret_fd < 0 ? -errno : 0;
	}
	if (last)
		return walk_last(walk, name, flags, mode, ret_fd);
	r = walk_step(walk, name);
	return r < 0 ? r : WALK_AGAIN;
}

int openat2_walk(int root_fd, const char *path, int flags, mode_t mode)
{
	struct walk walk = { .depth = 0 };
	int fd = -1;
	int r;

	if (strlen(path) >= sizeof(walk.rest))
		return -ENAMETOOLONG;
	if (!*path)
		return -ENOENT;
	memcpy(walk.rest, path, strlen(path) + 1);
	walk.fds[0] = root_fd;
	do
		r = walk_component(&walk, flags, mode, &fd);
	while (r == WALK_AGAIN);
	walk_done(&walk);
	return r < 0 ? r : fd;
}

int openat2_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	int fd;

	for (int tries = 0; tries < 32; tries++) {
		fd = open_direct(root_fd, path, flags, mode,
				 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
		if (fd >= 0)
			return fd;
		if (errno == ENOSYS || errno == EPERM)
			return openat2_walk(root_fd, path, flags, mode);
		if (errno != EAGAIN) /* a rename raced with `..`: openat2(2), EAGAIN */
			return -errno;
	}
	return openat2_walk(root_fd, path, flags, mode);
}

/* By components, each opened with O_NOFOLLOW. */
static int walk_no_symlinks(int dirfd, const char *path, int flags, mode_t mode)
{
	auto_fd directory = -1;
	char name[NAME_MAX + 1];

	for (;;) {
		size_t length = strcspn(path, "/");
		const char *next = path + length + strspn(path + length, "/");
		int at = directory >= 0 ? directory : dirfd;
		int fd;

		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, length);
		name[length] = '\0';
		if (strcmp(name, "..") == 0)
			return -EXDEV;
		if (!*next) {
			fd = openat(at, *name ? name : ".", flags | O_NOFOLLOW | O_CLOEXEC, mode);
			return fd < 0 ? -errno : fd;
		}
		fd = openat(at, *name ? name : ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOTDIR && is_symlink(at, name) ? -ELOOP : -errno;
		if (directory >= 0)
			close(directory);
		directory = fd;
		path = next;
	}
}

int openat2_no_symlinks(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = open_direct(dirfd, *path ? path : ".", flags, mode,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	if (fd >= 0)
		return fd;
	if (errno == ENOSYS || errno == EPERM || errno == EAGAIN)
		return walk_no_symlinks(dirfd, path, flags, mode);
	return -errno;
}

static int split_last(const char *path, char parent[PATH_MAX], char name[NAME_MAX + 1])
{
	size_t end = strlen(path);
	size_t start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	if (end - start > NAME_MAX || start >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	memcpy(parent, path, start);
	parent[start] = '\0';
	return 0;
}

/* Something to be made at the end of a path. */
struct missing {
	int root_fd;
	mode_t mode;	 /* of directories */
	unsigned made;	 /* so many, counting parents */
	int refusing_fd; /* of the directory that would not take it */
};

#define MISSING_DEPTH_MAX 128

static int make_missing(struct missing *missing, const char *path, bool directory, unsigned depth);

/* Something is at `name` though `path` led nowhere: a dangling symlink, whose target is made. */
static int make_link_target(struct missing *missing, int parent_fd, const char *parent,
			    const char *name, bool directory, unsigned depth)
{
	char target[PATH_MAX];
	size_t start = 0;
	ssize_t length;

	if (depth >= MISSING_DEPTH_MAX)
		return -ELOOP;
	length = readlinkat(parent_fd, name, target, sizeof(target));
	if (length < 0) /* EINVAL, no symlink: someone else made it meanwhile */
		return errno == EINVAL ? 0 : -errno;
	if (length > 0 && target[0] != '/') { /* relative to the link's own directory */
		start = strlen(parent);
		if (start + (size_t)length >= sizeof(target))
			return -ENAMETOOLONG;
		memmove(target + start, target, (size_t)length);
		memcpy(target, parent, start);
	}
	if (start + (size_t)length >= sizeof(target))
		return -ENAMETOOLONG;
	target[start + (size_t)length] = '\0';
	return make_missing(missing, target, directory, depth + 1);
}

static int make(const struct missing *missing, int parent_fd, const char *name, bool directory)
{
	int r = directory ? mkdirat(parent_fd, name, missing->mode)
			  : mknodat(parent_fd, name, S_IFREG | 0644, 0);

	return r < 0 ? -errno : 0;
}

/* What was there before looks as it did, also by its time of modification. */
static int make_unseen(const struct missing *missing, int parent_fd, const char *name,
		       bool directory)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };
	struct stat st;
	bool is_known = !missing->made && fstat(parent_fd, &st) == 0;
	int r = make(missing, parent_fd, name, directory);

	if (r < 0 || !is_known)
		return r;
	times[1] = st.st_mtim;
	(void)utimensat(parent_fd, ".", times, 0); /* who may not has made a directory of another */
	return 0;
}

/* Make the missing last component of `path`, whose parent may be missing too. `depth` bounds the
 * recursion: missing parents and links to what is missing. */
static int make_missing(struct missing *missing, const char *path, bool directory, unsigned depth)
{
	char parent[PATH_MAX];
	char name[NAME_MAX + 1];
	auto_fd parent_fd = -1;
	int r;

	r = split_last(path, parent, name);
	if (r < 0)
		return r;
	if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -ENOENT;
	parent_fd = openat2_in_root(missing->root_fd, parent[0] ? parent : ".",
				    O_PATH | O_DIRECTORY, 0);
	if (parent_fd == -ENOENT && depth < MISSING_DEPTH_MAX) {
		r = make_missing(missing, parent, true, depth + 1);
		if (r < 0)
			return r;
		parent_fd = openat2_in_root(missing->root_fd, parent, O_PATH | O_DIRECTORY, 0);
	}
	if (parent_fd < 0)
		return parent_fd;
	r = make_unseen(missing, parent_fd, name, directory);
	if (r == 0) {
		missing->made++;
		return 0;
	}
	if (r == -EEXIST)
		return make_link_target(missing, parent_fd, parent, name, directory, depth);
	missing->refusing_fd = take_fd(&parent_fd);
	return r;
}

int openat2_make_target(int root_fd, const char *path, bool directory, unsigned *ret_made,
			int *ret_refusing_fd)
{
	struct missing missing = { .root_fd = root_fd, .mode = 0755, .refusing_fd = -1 };
	int fd = openat2_in_root(root_fd, path, O_PATH, 0);
	int r;

	*ret_made = 0;
	if (ret_refusing_fd)
		*ret_refusing_fd = -1;
	if (fd != -ENOENT)
		return fd;
	r = make_missing(&missing, path, directory, 0);
	if (r < 0 && ret_refusing_fd)
		*ret_refusing_fd = take_fd(&missing.refusing_fd);
	cleanup_fd(&missing.refusing_fd);
	if (r < 0)
		return r;
	*ret_made = missing.made;
	return openat2_in_root(root_fd, path, O_PATH, 0);
}

/* `mode` is for all directories that are made. */
int openat2_make_directories(int root_fd, const char *path, mode_t mode)
{
	struct missing missing = { .root_fd = root_fd, .mode = mode, .refusing_fd = -1 };
	int fd = openat2_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);
	int r;

	if (fd != -ENOENT)
		return fd;
	r = make_missing(&missing, path, true, 0);
	cleanup_fd(&missing.refusing_fd);
	if (r < 0)
		return r;
	return openat2_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);
}
