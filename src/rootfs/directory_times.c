// SPDX-License-Identifier: Apache-2.0
#include "rootfs/directory_times.h"

#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/strings.h"

void directory_times_done(struct directory_times *times)
{
	map_done(&times->map);
	arena_done(&times->arena);
}

void directory_times_set(struct directory_times *times, const char *path, struct timespec value)
{
	struct timespec *time = map_get(&times->map, path);

	if (!time) {
		time = arena_new(&times->arena, struct timespec);
		map_set(&times->map, path, time);
	}
	*time = value;
}

void directory_times_forget(struct directory_times *times, const char *path)
{
	map_each(&times->map, entry) {
		struct timespec *time = entry->value;

		if (path_is_in(entry->key, path))
			time->tv_nsec = UTIME_OMIT;
	}
}

static int set_time(struct directories *directories, const char *path, const struct timespec *time,
		    struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, *time };
	int fd;
	int r = directories_enter(directories, path, strlen(path), NULL, NULL, &fd);

	if (r < 0)
		return fail(err, -r, "open '%.400s'", path);
	if (utimensat(fd, ".", times, 0) < 0) /* the fd is O_PATH, which futimens(2) refuses */
		return fail(err, errno, "set the time of '%.400s'", path);
	return 0;
}

int directory_times_apply(const struct directory_times *times, struct directories *directories,
			  struct err *err)
{
	map_each(&times->map, entry) {
		const struct timespec *time = entry->value;
		int r = time->tv_nsec == UTIME_OMIT ? 0
						    : set_time(directories, entry->key, time, err);

		if (r < 0)
			return r;
	}
	return 0;
}
