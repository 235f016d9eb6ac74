// SPDX-License-Identifier: Apache-2.0
#include "rootfs/directories.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"

void directories_init(struct directories *directories, int root_fd)
{
	directories->root_fd = root_fd;
	directories->depth = 0;
}

static void pop_to(struct directories *directories, size_t depth)
{
	while (directories->depth > depth)
		close(directories->fd[--directories->depth]);
}

void directories_done(struct directories *directories)
{
	pop_to(directories, 0);
}

/* How many of the open directories lie on the way to `path`. */
static size_t common_depth(const struct directories *directories, const char *path, size_t length)
{
	size_t depth = 0;

	while (depth < directories->depth) {
		size_t end = directories->end[depth];

		if (end > length || (end < length && path[end] != '/') ||
		    memcmp(directories->path, path, end) != 0)
			break;
		depth++;
	}
	return depth;
}

static int top_fd(const struct directories *directories)
{
	return directories->depth ? directories->fd[directories->depth - 1] : directories->root_fd;
}

static int open_step(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error = errno;
	char target[1];

	if (fd >= 0)
		return fd;
	/* O_PATH | O_DIRECTORY on a symlink says ENOTDIR, too */
	if (error == ENOTDIR && readlinkat(parent_fd, name, target, sizeof(target)) >= 0)
		return -ELOOP;
	return -error;
}

static int push(struct directories *directories, const char *path, size_t end,
		int (*make)(void *, int, const char *, const char *, size_t), void *context)
{
	int parent_fd = top_fd(directories);
	size_t start = directories->depth ? directories->end[directories->depth - 1] + 1 : 0;
	char *name = directories->path + start;
	int fd;

	if (directories->depth == array_count(directories->fd))
		return -ENAMETOOLONG;
	memcpy(directories->path, path, end); /* what stays open is a prefix of path */
	directories->path[end] = '\0';
	fd = open_step(parent_fd, name);
	if ((fd == -ENOENT || fd == -ENOTDIR) && make) {
		int r = make(context, parent_fd, name, path, end);

		if (r < 0)
			return r;
		fd = open_step(parent_fd, name);
	}
	if (fd < 0)
		return fd;
	directories->fd[directories->depth] = fd;
	directories->end[directories->depth] = end;
	directories->depth++;
	return 0;
}

int directories_enter(struct directories *directories, const char *path, size_t length,
		      int (*make)(void *context, int parent_fd, const char *name, const char *path,
				  size_t length),
		      void *context, int *ret_fd)
{
	size_t done;

	pop_to(directories, common_depth(directories, path, length));
	done = directories->depth ? directories->end[directories->depth - 1] + 1 : 0;
	while (done < length) {
		const char *slash = memchr(path + done, '/', length - done);
		size_t end = slash ? (size_t)(slash - path) : length;
		int r = push(directories, path, end, make, context);

		if (r < 0)
			return r;
		done = end + 1;
	}
	*ret_fd = top_fd(directories);
	return 0;
}

void directories_forget(struct directories *directories, const char *path)
{
	size_t length = strlen(path);

	for (size_t i = 0; i < directories->depth; i++) {
		if (directories->end[i] < length || memcmp(directories->path, path, length) != 0 ||
		    (directories->end[i] > length && directories->path[length] != '/'))
			continue;
		pop_to(directories, i);
		return;
	}
}
