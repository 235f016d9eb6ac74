// SPDX-License-Identifier: Apache-2.0
/* rename(2) moves a part from hand to hand, so two processes never write to the same one; whoever
 * comes second starts from nothing. Failures here only cost work. */
#include "store/partial.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/strings.h"

#define FOLDER	    ".partial" /* below tmp/; a dot: no session is called so */
#define BLOB_PREFIX "blob-"    /* blob-HEX.NUMBER within a session's folder */

void partial_work_name(const char *work_name, const struct digest *digest,
		       char ret_name[STORE_WORK_NAME_MAX])
{
	const char *number = strrchr(work_name, '/') + 1;

	snprintf(ret_name, STORE_WORK_NAME_MAX, "%.*s" BLOB_PREFIX "%s.%s",
		 (int)(number - work_name), work_name, digest_hex(digest), number);
}

static void partial_name(const char *hex, char name[STORE_NAME_MAX])
{
	snprintf(name, STORE_NAME_MAX, "tmp/" FOLDER "/%.*s", DIGEST_HEX_LENGTH, hex);
}

void partial_keep(int store_fd, const char *work_name, const struct digest *digest)
{
	char name[STORE_NAME_MAX];
	struct stat st;

	partial_name(digest_hex(digest), name);
	if (fstatat(store_fd, work_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size >= PARTIAL_BYTES_MIN &&
	    (mkdirat(store_fd, "tmp/" FOLDER, 0700) == 0 || errno == EEXIST) &&
	    renameat(store_fd, work_name, store_fd, name) == 0)
		return;
	unlinkat(store_fd, work_name, 0);
}

bool partial_claim(int store_fd, const char *work_name, const struct digest *digest)
{
	char name[STORE_NAME_MAX];

	partial_name(digest_hex(digest), name);
	return renameat(store_fd, name, store_fd, work_name) == 0;
}

static DIR *open_folder(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

static void salvage_file(int tmp_fd, int folder_fd, const char *name)
{
	const char *hex = name + strlen(BLOB_PREFIX);
	char kept[STORE_NAME_MAX];
	struct stat st;

	if (!text_starts(name, BLOB_PREFIX) ||
	    strspn(hex, "0123456789abcdef") != DIGEST_HEX_LENGTH ||
	    fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_nlink > 1 || st.st_size < PARTIAL_BYTES_MIN)
		return;
	if (mkdirat(tmp_fd, FOLDER, 0700) < 0 && errno != EEXIST)
		return;
	partial_name(hex, kept);
	(void)!renameat(folder_fd, name, tmp_fd, kept + strlen("tmp/"));
}

void partial_salvage(int tmp_fd, const char *folder)
{
	DIR *dir = open_folder(tmp_fd, folder);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		salvage_file(tmp_fd, dirfd(dir), entry->d_name);
	closedir(dir);
}

static void prune(int tmp_fd, const char *folder, time_t now)
{
	DIR *dir = open_folder(tmp_fd, folder);
	struct dirent *entry;
	struct stat st;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && now - st.st_mtime > PARTIAL_AGE_MAX_S)
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

void partial_prune(int tmp_fd, time_t now)
{
	prune(tmp_fd, FOLDER, now);
}

void partial_prune_leases(int tmp_fd, time_t now)
{
	prune(tmp_fd, STORE_LEASE_FOLDER, now);
}
