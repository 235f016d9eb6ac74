// SPDX-License-Identifier: Apache-2.0
#include "flow/isolate_place.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"

#define WHITEOUT_LINKS 30000 /* of one inode; file systems take 32000 and more */

const char *isolate_name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

int isolate_place_open(struct isolate_place *place, struct err *err)
{
	int r;

	if (place->fd >= 0)
		return place->fd;
	r = isolate_place_open(place->above, err);
	if (r < 0)
		return r;
	if (mkdirat(r, isolate_name_of(place->path), 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make '%s'", place->path);
	place->fd = openat(r, isolate_name_of(place->path),
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place->fd < 0)
		return fail(err, errno, "open '%s'", place->path);
	return place->fd;
}

int isolate_place_close(struct isolate_place *place, struct err *err)
{
	int r = 0;

	if (place->fd < 0)
		return 0;
	if (fchmod(place->fd, (place->mode & 07777) | 0500) < 0)
		r = fail(err, errno, "mode of '%s'", place->path);
	close(place->fd);
	return r;
}

int isolate_place_file(struct isolate_place *in, const struct visible_item *item, const void *bytes,
		       size_t size_bytes, struct err *err)
{
	int folder_fd = isolate_place_open(in, err);
	auto_fd fd = -1;
	int r;

	if (folder_fd < 0)
		return folder_fd;
	fd = openat(folder_fd, isolate_name_of(item->path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return fail(err, errno, "make '%s'", item->path);
	r = io_write_all(fd, bytes, size_bytes);
	if (r == 0 && fchmod(fd, item->mode & 0777) < 0)
		r = -errno;
	return r < 0 ? fail(err, -r, "write '%s'", item->path) : 0;
}

int isolate_place_link(struct isolate_place *in, const char *path, const char *target,
		       struct err *err)
{
	int folder_fd = isolate_place_open(in, err);

	if (folder_fd < 0)
		return folder_fd;
	return symlinkat(target, folder_fd, isolate_name_of(path)) < 0
		       ? fail(err, errno, "link '%s'", path)
		       : 0;
}

int isolate_place_host_link(struct isolate_place *in, int root_fd, const struct visible_item *item,
			    struct err *err)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(root_fd, item->source + 1, target, sizeof(target) - 1);

	if (length < 0)
		return fail(err, errno, "link '%s'", item->source);
	target[length] = '\0';
	return isolate_place_link(in, item->path, target, err);
}

int isolate_place_whiteout(struct isolate_place *in, struct isolate_whiteouts *whiteouts,
			   const char *name, struct err *err)
{
	int folder_fd = isolate_place_open(in, err);

	if (folder_fd < 0)
		return folder_fd;
	if (whiteouts->links < WHITEOUT_LINKS && whiteouts->fd >= 0 &&
	    linkat(whiteouts->fd, whiteouts->name, folder_fd, name, 0) == 0) {
		whiteouts->links++;
		return 0;
	}
	if (mknodat(folder_fd, name, S_IFCHR, 0) < 0)
		return fail(err, errno == EPERM || errno == EINVAL ? EOPNOTSUPP : errno,
			    "whiteout for '%s/%s'", in->path, name);
	cleanup_fd(&whiteouts->fd);
	whiteouts->fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
	snprintf(whiteouts->name, sizeof(whiteouts->name), "%s", name);
	whiteouts->links = 1;
	return 0;
}
