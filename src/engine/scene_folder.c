// SPDX-License-Identifier: Apache-2.0
#include "engine/scene_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/strings.h"
#include "sys/remove.h"

#define FOLDER_PREFIX "rootlet-box-"
#define FOLDER_MARK   ".used" /* made when the lock is held: without lock it is left over */

/* The folder of somebody who was killed, and nobody's who lives. */
static bool is_left_over(int parent_fd, const char *name)
{
	auto_fd fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	       faccessat(fd, FOLDER_MARK, F_OK, 0) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void remove_leftovers(const char *parent)
{
	DIR *directory = opendir(parent);

	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));)
		if (text_starts(entry->d_name, FOLDER_PREFIX) &&
		    is_left_over(dirfd(directory), entry->d_name))
			(void)!remove_tree(dirfd(directory), entry->d_name, NULL);
	closedir(directory);
}

static int make_folder(struct scene *scene, struct err *err)
{
	if (!mkdtemp(scene->folder)) {
		fail(err, errno, "private folder '%s'", scene->folder);
		scene->folder[0] = '\0';
		return -err->code;
	}
	scene->folder_fd = open(scene->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (scene->folder_fd < 0)
		return fail(err, errno, "private folder '%s'", scene->folder);
	if (flock(scene->folder_fd, LOCK_EX | LOCK_NB) == 0)
		(void)!mknodat(scene->folder_fd, FOLDER_MARK, S_IFREG | 0600, 0);
	return 0;
}

static int need_folder(struct scene *scene, struct err *err)
{
	const char *parent = getenv("TMPDIR");

	if (scene->folder[0])
		return 0;
	if (!parent || parent[0] != '/' || strlen(parent) > sizeof(scene->folder) - 32)
		parent = "/tmp";
	remove_leftovers(parent);
	snprintf(scene->folder, sizeof(scene->folder), "%s/" FOLDER_PREFIX "XXXXXX", parent);
	return make_folder(scene, err);
}

static int private_path(struct scene *scene, char path[PATH_MAX], struct err *err)
{
	int r = need_folder(scene, err);

	if (r == 0)
		snprintf(path, PATH_MAX, "%s/%u", scene->folder, scene->names++);
	return r;
}

int scene_private_directory(struct scene *scene, mode_t mode, char path[PATH_MAX], struct err *err)
{
	int r = private_path(scene, path, err);

	/* chmod, for the umask is the caller's */
	if (r == 0 && (mkdir(path, 0700) < 0 || chmod(path, mode) < 0))
		r = fail(err, errno, "private directory '%s'", path);
	return r;
}

int scene_private_file(struct scene *scene, const struct box_mount *mount, char path[PATH_MAX],
		       struct err *err)
{
	auto_fd fd = -1;
	int r = private_path(scene, path, err);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, errno, "private file '%s'", path);
	r = io_write_all(fd, mount->content, mount->content_bytes);
	if (r == 0 && fchmod(fd, mount->mode ? mount->mode : 0644) < 0)
		r = -errno;
	return r < 0 ? fail(err, -r, "private file '%s'", path) : 0;
}

void scene_folder_done(struct scene *scene)
{
	if (scene->folder[0])
		(void)!remove_tree(AT_FDCWD, scene->folder, NULL);
	cleanup_fd(&scene->folder_fd);
}
