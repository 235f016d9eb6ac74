// SPDX-License-Identifier: Apache-2.0
#include "sys/settled.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/strings.h"
#include "sys/shared_file.h"

#define YOUNG_S	     60 /* by the clock of this machine; others' may be a little apart */
#define QUIET_LOOKS  2	/* a look takes a while, and in it the next replacement may begin */
#define PAUSE_NS     5000000
#define PARENT_BYTES 4096

enum look {
	LOOK_LOCAL,   /* names never vanish there */
	LOOK_QUIET,   /* nothing has just been replaced */
	LOOK_CHANGING /* perhaps our file */
};

bool settled_is_hidden(const char *name)
{
	return text_starts(name, ".nfs") || text_starts(name, ".fuse_hidden") ||
	       text_starts(name, ".__afs");
}

/* Renaming has set its time of change. An old one somebody keeps open, or left behind. */
static bool is_just_hidden(int dirfd, const char *name)
{
	struct stat st;

	return settled_is_hidden(name) && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       llabs((long long)time(NULL) - (long long)st.st_ctim.tv_sec) < YOUNG_S;
}

/* Opened anew each time: that makes NFS forget what it believes is not there. */
static int open_parent(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PARENT_BYTES] = ".";

	if (slash)
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path) + 1, path);
	return openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum look look(int dirfd, const char *path)
{
	int fd = open_parent(dirfd, path);
	enum look result = fd >= 0 && shared_file_system(fd) ? LOOK_QUIET : LOOK_LOCAL;
	DIR *dir = result == LOOK_LOCAL ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return LOOK_LOCAL;
	}
	while (result == LOOK_QUIET && (entry = readdir(dir)))
		if (is_just_hidden(fd, entry->d_name))
			result = LOOK_CHANGING;
	closedir(dir);
	return result;
}

int settled_read_file_at(int dirfd, const char *path, size_t limit_bytes, struct buf *buf,
			 struct err *err)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int r = io_read_file_at(dirfd, path, limit_bytes, buf, err);
	unsigned quiet = 0;

	while (r == -ENOENT && quiet < QUIET_LOOKS) {
		enum look seen = look(dirfd, path);

		if (seen == LOOK_LOCAL)
			return r;
		quiet = seen == LOOK_QUIET ? quiet + 1 : 0;
		if (seen == LOOK_CHANGING)
			nanosleep(&pause, NULL);
		err_clear(err);
		r = io_read_file_at(dirfd, path, limit_bytes, buf, err);
	}
	return r;
}
