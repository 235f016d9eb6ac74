// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "flow/environment.h"

/* Who is between the two steps needs one call more. */
#define TRIES	   50
#define BETWEEN_MS 20

static bool is_old(const char *name, const char *base)
{
	size_t length = strlen(base);

	return strncmp(name, base, length) == 0 &&
	       text_starts(name + length, ENVIRONMENT_WORK_SUFFIX) &&
	       text_ends(name, ENVIRONMENT_OLD_SUFFIX);
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The one that lost its name last; ret_name is empty when there is none. */
static void find_old(DIR *parent, const char *base, char ret_name[NAME_MAX + 1])
{
	struct timespec latest = { 0 };
	struct stat st;

	ret_name[0] = '\0';
	for (const struct dirent *entry; (entry = readdir(parent));) {
		if (!is_old(entry->d_name, base) ||
		    fstatat(dirfd(parent), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
		    (ret_name[0] && !is_later(&st.st_ctim, &latest)))
			continue;
		latest = st.st_ctim;
		snprintf(ret_name, NAME_MAX + 1, "%s", entry->d_name);
	}
}

static bool take_back(const char *parent_path, const char *base)
{
	DIR *parent = opendir(parent_path);
	char name[NAME_MAX + 1];
	struct stat st;
	bool back = false;

	if (!parent)
		return false;
	find_old(parent, base, name);
	for (int i = 0; name[0] && !back && i < TRIES; i++) {
		back = fstatat(dirfd(parent), base, &st, 0) == 0;
		if (!back)
			poll(NULL, 0, BETWEEN_MS);
	}
	if (name[0] && !back)
		back = renameat(dirfd(parent), name, dirfd(parent), base) == 0 ||
		       fstatat(dirfd(parent), base, &st, 0) == 0;
	closedir(parent);
	return back;
}

bool environment_take_back(const char *path)
{
	auto_free char *copy = NULL;
	char *slash;
	struct stat st;

	if (stat(path, &st) == 0 || errno != ENOENT)
		return environment_is(path);
	copy = strdup(path);
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	return take_back(!slash		 ? "."
			 : slash == copy ? "/"
					 : copy,
			 slash ? slash + 1 : copy) &&
	       environment_is(path);
}
