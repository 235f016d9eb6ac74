// SPDX-License-Identifier: Apache-2.0
/* "blobs/sha256/HEX" is "tmp/.aside/blobs-sha256-HEX.RANDOM". A file goes back by link(2) and a
 * directory by rename(2): neither takes the place of what got the name meanwhile. Only the remover
 * takes a file further, by rename(2) to his own folder, which fails when it was put back. */
#include "store/aside.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/strings.h"
#include "sys/remove.h"
#include "sys/shared_file.h"

#define FOLDER	   "tmp/.aside" /* a dot: no session is called so */
#define ASIDE_ROOM 160

static void exchange(char *text, char from, char to)
{
	for (; *text && *text != '.'; text++)
		if (*text == from)
			*text = to;
}

static int name_aside(const char *name, char ret_aside[ASIDE_ROOM], struct err *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail(err, errno, "getrandom");
	snprintf(ret_aside, ASIDE_ROOM, "%.*s.%016llx", STORE_NAME_MAX, name,
		 (unsigned long long)random);
	exchange(ret_aside, '/', '-');
	return 0;
}

static DIR *open_folder(int store_fd)
{
	int fd = openat(store_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

/* False: something has the name. */
static bool put_back(int store_fd, int folder_fd, const char *aside, const char *name)
{
	if (linkat(folder_fd, aside, store_fd, name, 0) == 0) {
		unlinkat(folder_fd, aside, 0);
		return true;
	}
	if (errno == EEXIST)
		return false;
	/* a directory, or no hard links here */
	return renameat(folder_fd, aside, store_fd, name) == 0 ||
	       (errno != EEXIST && errno != ENOTEMPTY);
}

void aside_put_back(const struct store *store, const char *name)
{
	DIR *dir = store->session ? open_folder(store->dirfd) : NULL;
	char prefix[STORE_NAME_MAX + 1];
	struct dirent *entry;

	if (!dir)
		return;
	snprintf(prefix, sizeof(prefix), "%s", name);
	exchange(prefix, '/', '-');
	while ((entry = readdir(dir)))
		if (text_starts(entry->d_name, prefix) && entry->d_name[strlen(prefix)] == '.')
			(void)put_back(store->dirfd, dirfd(dir), entry->d_name, name);
	closedir(dir);
}

static bool is_ours(const char *entry)
{
	return text_starts(entry, "blobs-") || text_starts(entry, "layers-") ||
	       text_starts(entry, "owners-");
}

void aside_clear(int store_fd, const char *work_name)
{
	DIR *dir = open_folder(store_fd);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		char name[ASIDE_ROOM];

		if (!is_ours(entry->d_name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(entry->d_name, "."),
			 entry->d_name);
		exchange(name, '-', '/');
		if (!put_back(store_fd, dirfd(dir), entry->d_name, name) &&
		    renameat(dirfd(dir), entry->d_name, store_fd, work_name) == 0)
			(void)!remove_tree(store_fd, work_name, NULL);
	}
	closedir(dir);
}

static bool take(const struct store *store, int *folder_fd, const char *name, const char *aside)
{
	if (mkdirat(store->dirfd, FOLDER, 0700) < 0 && errno != EEXIST)
		return false;
	*folder_fd = openat(store->dirfd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *folder_fd >= 0 && renameat(store->dirfd, name, *folder_fd, aside) == 0;
}

static bool was_marked(int dirfd, const char *name, int64_t unmarked_ns)
{
	int64_t marked_ns;

	return shared_file_mtime(dirfd, name, &marked_ns) && marked_ns > unmarked_ns;
}

int aside_remove(const struct store *store, const char *name, const char *marked,
		 int64_t unmarked_ns, struct err *err)
{
	char work[STORE_WORK_NAME_MAX];
	char aside[ASIDE_ROOM];
	auto_fd folder_fd = -1;
	int r = store_work_name(store, work, err);

	if (r == 0)
		r = name_aside(name, aside, err);
	if (r < 0)
		return r;
	if (!take(store, &folder_fd, name, aside))
		return errno == ENOENT ? 0 : fail(err, errno, "remove '%s'", name);
	if (marked ? was_marked(store->dirfd, marked, unmarked_ns)
		   : was_marked(folder_fd, aside, unmarked_ns)) {
		if (!put_back(store->dirfd, folder_fd, aside, name) &&
		    renameat(folder_fd, aside, store->dirfd, work) == 0)
			r = store_remove_aside(store, work, err);
		return r < 0 ? r : -EBUSY;
	}
	if (renameat(folder_fd, aside, store->dirfd, work) < 0)
		return errno == ENOENT ? -EBUSY : fail(err, errno, "remove '%s'", name);
	r = store_remove_aside(store, work, err);
	return r < 0 ? r : 1;
}
