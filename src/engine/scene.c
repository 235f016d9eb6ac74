// SPDX-License-Identifier: Apache-2.0
#include "engine/scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "engine/scene_folder.h"
#include "engine/scene_network.h"
#include "engine/seed.h"
#include "pathmap/pathmap.h"
#include "sys/landlock.h"
#include "sys/openat2.h"
#include "tap/mounting.h"

/* ---- looking things up in what there is of the map ---- */

/* *ret_guest (PATH_MAX bytes): the guest's path without links. An fd or -errno. */
static int look(const struct scene *scene, const char *guest, unsigned want, int flags,
		char *ret_guest)
{
	const struct pathmap_request request = { .root_fd = scene->root_fd,
						 .dirfd = AT_FDCWD,
						 .path = guest,
						 .want = want,
						 .flags = (unsigned)flags | O_CLOEXEC };
	char host[PATH_MAX];
	char link[PATH_MAX];
	struct pathmap_room room = {
		.text = ret_guest, .host = host, .link = link, .bytes = PATH_MAX
	};
	struct pathmap_found found;
	long r = pathmap_resolve(&scene->tap->map, &pathmap_host_ops, NULL, &request, &room,
				 &found);

	return r < 0 ? (int)r : found.fd;
}

static bool exists(const struct scene *scene, const char *guest)
{
	char text[PATH_MAX];
	auto_fd fd = look(scene, guest, PATHMAP_FOLLOW, O_PATH, text);

	return fd >= 0;
}

static int add(struct scene *scene, const char *guest, const char *host, uint32_t flags,
	       struct err *err)
{
	int r = pathmap_add(&scene->tap->map, guest[0] ? guest : "/", host, flags);

	if (r == -E2BIG)
		return fail_plain(err, E2BIG, "more than %d paths are mounted or hidden",
				  PATHMAP_ENTRIES);
	return r < 0 ? fail(err, -r, "'%s'", guest) : 0;
}

/* ---- mount points ---- */

static uint32_t root_flags(const struct scene *scene)
{
	const struct pathmap *map = &scene->tap->map;

	return map->entry[map->count - 1].flags & PATHMAP_READ_ONLY;
}

/* Who runs the box removes them again, should they be empty then. */
static void note_made(struct engine_made *made, const char *guest, unsigned components)
{
	size_t length = (size_t)(strrchr(guest, '/') - guest);

	if (!made || made->count == ENGINE_MADE_MAX || length >= ENGINE_MADE_PATH_SIZE)
		return;
	memcpy(made->point[made->count].path, guest, length);
	made->point[made->count].path[length] = '\0';
	made->point[made->count++].components = components;
}

/* Where the directory `above` can be written to, the directories on the way to `guest` are made in
 * it: what the command puts there is to stay. */
static bool make_way_there(struct scene *scene, const char *guest, size_t above_length,
			   int above_fd)
{
	const struct pathmap *map = &scene->tap->map;
	uint32_t entry = pathmap_find(map, guest, above_length);
	const char *last = strrchr(guest, '/');
	char way[PATH_MAX];
	unsigned made;
	int fd;

	if (map->entry[entry].flags & PATHMAP_READ_ONLY)
		return false;
	snprintf(way, sizeof(way), "%.*s", (int)(last - guest - (ssize_t)above_length),
		 guest + above_length);
	fd = openat2_make_target(above_fd, way, true, &made, NULL);
	if (fd < 0)
		return false;
	close(fd);
	if (entry == map->count - 1)
		note_made(scene->made, guest, made);
	return true;
}

/* `guest` is missing below the directory `above`, and so is at least one directory on the way: all
 * of them begin in a private one, put where the first is missing. */
static int make_way(struct scene *scene, const char *guest, size_t above_length, const char *above,
		    struct err *err)
{
	const char *first = guest + above_length + strspn(guest + above_length, "/");
	const char *rest = first + strcspn(first, "/");
	const char *last = strrchr(guest, '/');
	char host[PATH_MAX];
	char point[PATH_MAX];
	char way[PATH_MAX];
	auto_fd fd = -1;
	int r = scene_private_directory(scene, 0755, host, err);

	if (r < 0)
		return r;
	if (snprintf(point, sizeof(point), "%s/%.*s", above, (int)(rest - first), first) >=
		    (int)sizeof(point) ||
	    snprintf(way, sizeof(way), "%.*s", (int)(last - rest > 0 ? last - rest : 0), rest) >=
		    (int)sizeof(way))
		return fail(err, ENAMETOOLONG, "'%s'", guest);
	fd = open(host, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && way[0]) {
		auto_fd made = openat2_make_directories(fd, way, 0755);

		if (made < 0)
			return fail(err, -made, "make '%s'", way);
	}
	return fd < 0 ? fail(err, errno, "open '%s'", host)
		      : add(scene, point, host, root_flags(scene), err);
}

static int make_parents(struct scene *scene, const char *guest, struct err *err)
{
	char parent[PATH_MAX];
	char above[PATH_MAX];
	int fd = -ENOENT;
	size_t length;
	bool is_there;

	if (strlen(guest) >= sizeof(parent))
		return fail(err, ENAMETOOLONG, "'%s'", guest);
	memcpy(parent, guest, strlen(guest) + 1);
	while (fd == -ENOENT) {
		char *slash = strrchr(parent, '/');

		if (slash == parent)
			slash++;
		*slash = '\0';
		fd = look(scene, parent, PATHMAP_FOLLOW, O_PATH | O_DIRECTORY, above);
		if (strcmp(parent, "/") == 0)
			break;
	}
	if (fd < 0)
		return fail(err, -fd, "mount point '%s' in the root", guest);
	length = strcmp(parent, "/") == 0 ? 0 : strlen(parent);
	is_there = make_way_there(scene, guest, length, fd);
	close(fd);
	return is_there ? 0 : make_way(scene, guest, length, above, err);
}

/* Where the mount goes, without links. 1: found; 0: an optional one, which is left out. */
static int find_point(struct scene *scene, const struct box_mount *mount, char guest[PATH_MAX],
		      struct err *err)
{
	int fd;
	int r;

	if (mount->optional && !exists(scene, mount->target))
		return 0;
	fd = look(scene, mount->target, PATHMAP_PARENT | PATHMAP_FOLLOW, O_PATH, guest);
	if (fd == -ENOENT) { /* guest is what the target leads to by now, links expanded */
		char missing[PATH_MAX];

		memcpy(missing, guest, strlen(guest) + 1);
		r = make_parents(scene, missing, err);
		if (r < 0)
			return r;
		fd = look(scene, mount->target, PATHMAP_PARENT | PATHMAP_FOLLOW, O_PATH, guest);
	}
	if (fd < 0)
		return fail(err, -fd, "mount point '%s' in the root", mount->target);
	close(fd);
	if (!guest[0])
		return fail_plain(err, ENOTSUP, "mount at '/': this engine has no mounts");
	return 1;
}

/* ---- kinds of mounts ---- */

static uint32_t flags_of(const struct box_mount *mount)
{
	return mount->read_only ? PATHMAP_READ_ONLY : 0;
}

/* What is there already must be of the same kind: mount(2). */
static int check_kind(const struct scene *scene, const char *guest, bool is_directory,
		      struct err *err)
{
	char text[PATH_MAX];
	auto_fd fd = look(scene, guest, PATHMAP_FOLLOW, O_PATH, text);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) == is_directory)
		return 0;
	return fail(err, is_directory ? ENOTDIR : EISDIR, "mount point '%s' in the root", guest);
}

static int put_bind(struct scene *scene, const struct box_mount *mount, const char *guest,
		    struct err *err)
{
	char source[PATH_MAX];
	struct stat st;

	if (!realpath(mount->source, source) || stat(source, &st) < 0)
		return fail(err, errno, "bind '%s'", mount->source);
	if (check_kind(scene, guest, S_ISDIR(st.st_mode), err) < 0)
		return -err->code;
	return add(scene, guest, source, flags_of(mount) | (S_ISDIR(st.st_mode) ? 0 : PATHMAP_FILE),
		   err);
}

static int put_tmpfs(struct scene *scene, const struct box_mount *mount, const char *guest,
		     struct err *err)
{
	char host[PATH_MAX];
	int r = scene_private_directory(scene, mount->mode ? mount->mode : 01777, host, err);

	if (r == 0 && mount->source) {
		auto_fd fd = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		r = fd < 0 ? fail(err, errno, "open '%s'", host)
			   : seed_directory(mount->source, fd, err);
	}
	return r < 0 ? r : add(scene, guest, host, flags_of(mount), err);
}

static int add_below(struct scene *scene, const char *guest, const char *name, const char *host,
		     struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", guest, name) >= (int)sizeof(path))
		return fail(err, ENAMETOOLONG, "'%s'", guest);
	return add(scene, path, host, PATHMAP_READ_ONLY, err);
}

/* Of the box's own processes, where it has none but its own; without the host's network. */
static int put_proc(struct scene *scene, const struct box *box, const char *guest, struct err *err)
{
	bool is_own = box->is_walled && box->private_ns.pid;
	char host[PATH_MAX];
	struct stat st;
	int r;

	if (stat("/proc", &st) < 0)
		return fail(err, errno, "/proc");
	scene->tap->proc_device = st.st_dev;
	r = add(scene, guest, "/proc", PATHMAP_PROC | (is_own ? PATHMAP_OWN_PROCESSES : 0), err);
	if (r < 0 || !box->private_ns.network)
		return r;
	r = scene_network_files(scene, host, err);
	return r < 0 ? r : add_below(scene, guest, "net", host, err);
}

/* The kernel itself keeps who is not root from writing there. */
static int put_sys(struct scene *scene, const struct box *box, const char *guest, struct err *err)
{
	char host[PATH_MAX];
	int r = add(scene, guest, "/sys", 0, err);

	if (r < 0 || !box->private_ns.network || access("/sys/class/net", F_OK) < 0)
		return r;
	r = scene_network_devices(scene, host, err);
	return r < 0 ? r : add_below(scene, guest, "class/net", host, err);
}

/* Of the host, or an empty file to see in the directory's list. */
static int put_device(struct scene *scene, const char *guest, const char *host_folder,
		      const char *name, struct err *err)
{
	char path[PATH_MAX];
	char host[64];
	struct stat st;
	int r;

	snprintf(host, sizeof(host), "/dev/%s", name);
	if (stat(host, &st) < 0)
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", host_folder, name) >= (int)sizeof(path))
		return fail(err, ENAMETOOLONG, "'%s'", name);
	r = S_ISDIR(st.st_mode) ? mkdir(path, 0755) : mknod(path, S_IFREG | 0666, 0);
	if (r < 0)
		return fail(err, errno, "'%s'", path);
	if (snprintf(path, sizeof(path), "%s/%s", guest, name) >= (int)sizeof(path))
		return fail(err, ENAMETOOLONG, "'%s'", name);
	return add(scene, path, host, S_ISDIR(st.st_mode) ? 0 : PATHMAP_FILE, err);
}

static int put_links(const char *host_folder, struct err *err)
{
	static const char *const links[][2] = { { "/proc/self/fd", "fd" },
						{ "/proc/self/fd/0", "stdin" },
						{ "/proc/self/fd/1", "stdout" },
						{ "/proc/self/fd/2", "stderr" } };
	auto_fd fd = open(host_folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < array_count(links); i++)
		if (fd < 0 || symlinkat(links[i][0], fd, links[i][1]) < 0)
			return fail(err, errno, "link '/dev/%s'", links[i][1]);
	if (mkdirat(fd, "shm", 0700) < 0 || fchmodat(fd, "shm", 01777, 0) < 0)
		return fail(err, errno, "make '/dev/shm'");
	return 0;
}

static int put_dev(struct scene *scene, const char *guest, struct err *err)
{
	static const char *const devices[] = { "null",	  "zero", "full", "random",
					       "urandom", "tty",  "ptmx", "pts" };
	char host[PATH_MAX];
	int r;

	r = scene_private_directory(scene, 0755, host, err);
	if (r == 0)
		r = add(scene, guest, host, 0, err);
	for (size_t i = 0; r == 0 && i < array_count(devices); i++)
		r = put_device(scene, guest, host, devices[i], err);
	return r < 0 ? r : put_links(host, err);
}

static int put_file(struct scene *scene, const struct box_mount *mount, const char *guest,
		    struct err *err)
{
	char host[PATH_MAX];
	int r = scene_private_file(scene, mount, host, err);

	return r < 0 ? r : add(scene, guest, host, PATHMAP_FILE | flags_of(mount), err);
}

/* The flows put copies in their place (flow/build_mounts.h). */
static int put_layers(const struct box_mount *mount, struct err *err)
{
	return fail_plain(err, ENOTSUP,
			  "files of an image at '%s': stacking them needs a mount, which this "
			  "engine has not",
			  mount->target);
}

static int put(struct scene *scene, const struct box *box, const struct box_mount *mount,
	       struct err *err)
{
	char guest[PATH_MAX];
	int r = find_point(scene, mount, guest, err);

	if (r <= 0)
		return r;
	switch (mount->kind) {
	case BOX_MOUNT_BIND:
		return put_bind(scene, mount, guest, err);
	case BOX_MOUNT_TMPFS:
		return put_tmpfs(scene, mount, guest, err);
	case BOX_MOUNT_PROC:
		return put_proc(scene, box, guest, err);
	case BOX_MOUNT_SYS:
		return put_sys(scene, box, guest, err);
	case BOX_MOUNT_DEV:
		return put_dev(scene, guest, err);
	case BOX_MOUNT_LAYERS:
		return put_layers(mount, err);
	case BOX_MOUNT_FILE:
		return put_file(scene, mount, guest, err);
	}
	return -EINVAL;
}

static int hide(struct scene *scene, const char *path, struct err *err)
{
	char guest[PATH_MAX];
	int fd = look(scene, path, PATHMAP_PARENT, O_PATH, guest);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return fail(err, -fd, "hide '%s'", path);
	close(fd);
	return add(scene, guest, NULL, PATHMAP_HIDDEN, err);
}

/* ---- all of it ---- */

/* Directories above an entry are known by what they are on the host. */
static int note_above(struct scene *scene, const char *guest, struct err *err)
{
	char path[PATH_MAX];
	char text[PATH_MAX];

	memcpy(path, guest, strlen(guest) + 1);
	while (path[0]) {
		auto_fd fd = -1;
		struct stat st;

		*strrchr(path, '/') = '\0';
		fd = look(scene, path[0] ? path : "/", PATHMAP_FOLLOW, O_PATH, text);
		if (fd < 0 || fstat(fd, &st) < 0)
			return fail(err, fd < 0 ? -fd : errno, "directory '%s' in the root", path);
		if (pathmap_add_above(&scene->tap->map, st.st_dev, st.st_ino) < 0)
			return fail_plain(err, E2BIG, "mounts are in more than %d directories",
					  PATHMAP_ABOVE);
	}
	return 0;
}

/* A hint: that there may be others later does no harm. */
static void note_links(struct scene *scene)
{
	int fd = openat(scene->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (!directory) {
		cleanup_fd(&fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_type == DT_LNK)
			pathmap_add_link(&scene->tap->map, entry->d_name);
	closedir(directory);
}

static int begin(struct scene *scene, const struct box *box, struct err *err)
{
	void *room = mmap(NULL, sizeof(*scene->tap), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		return fail(err, ENOMEM, "the map of paths");
	scene->tap = room;
	scene->root_fd = open(box->root.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (scene->root_fd < 0)
		return fail(err, errno, "root directory '%s'", box->root.path);
	if (box->hostname)
		snprintf(scene->tap->hostname, sizeof(scene->tap->hostname), "%s", box->hostname);
	if (box->kernel_release)
		snprintf(scene->tap->kernel_release, sizeof(scene->tap->kernel_release), "%s",
			 box->kernel_release);
	pathmap_init(&scene->tap->map);
	note_links(scene);
	return add(scene, "", box->root.path, box->root.read_only ? PATHMAP_READ_ONLY : 0, err);
}

/* And those files of /proc whose content is the tap's: view_proc.c, proc.c. */
static void note_names(struct scene *scene)
{
	static const char *const files[] = { "/maps",	"/smaps",     "/numa_maps",
					     "/mounts", "/mountinfo", "/status" };
	const struct pathmap *map = &scene->tap->map;

	for (size_t i = 0; i < array_count(files); i++)
		tap_place_note_names(scene->tap, files[i]);
	for (uint32_t i = 0; i < map->count; i++)
		tap_place_note_names(scene->tap, pathmap_guest(map, i));
}

static int make_cwd(const struct scene *scene, const struct box *box, struct err *err)
{
	auto_fd fd = -1;

	if (!box->make_cwd || exists(scene, box->cwd))
		return 0;
	fd = openat2_make_directories(scene->root_fd, box->cwd, 0755);
	return fd < 0 ? fail(err, -fd, "working directory '%s'", box->cwd) : 0;
}

static int fill(struct scene *scene, const struct box *box, struct err *err)
{
	int r = begin(scene, box, err);

	for (size_t i = 0; r == 0 && i < box->mounts.count; i++)
		r = put(scene, box, &box->mounts.item[i], err);
	for (size_t i = 0; r == 0 && i < box->hidden.count; i++)
		r = hide(scene, box->hidden.item[i], err);
	for (uint32_t i = 0; r == 0 && i < scene->tap->map.count; i++)
		r = note_above(scene, pathmap_guest(&scene->tap->map, i), err);
	if (r == 0) {
		note_names(scene);
		tap_place_note_aliases(scene->tap);
		snprintf(scene->tap->folder, sizeof(scene->tap->folder), "%s", scene->folder);
	}
	return r < 0 ? r : make_cwd(scene, box, err);
}

int scene_make(struct scene *scene, const struct engine_job *job, struct err *err)
{
	int r;

	*scene = (struct scene)SCENE_NONE;
	scene->made = job->made;
	r = fill(scene, job->box, err);
	if (r < 0)
		scene_done(scene);
	return r;
}

void scene_done(struct scene *scene)
{
	scene_folder_done(scene);
	if (scene->tap)
		munmap(scene->tap, sizeof(*scene->tap));
	cleanup_fd(&scene->root_fd);
	*scene = (struct scene)SCENE_NONE;
}

int scene_rules(const struct scene *scene, const struct box *box, int *ret_ruleset_fd,
		struct err *err)
{
	const struct pathmap *map = &scene->tap->map;
	int fd = landlock_begin(box->private_ns.pid);
	int r = 0;

	*ret_ruleset_fd = -1;
	if (fd < 0)
		return 0;
	for (uint32_t i = 0; r == 0 && i < map->count; i++) {
		const char *host = pathmap_host(map, i);

		if (!(map->entry[i].flags & PATHMAP_HIDDEN))
			r = landlock_allow(fd, host[0] ? host : "/",
					   map->entry[i].flags & PATHMAP_READ_ONLY, err);
	}
	if (r == 0 && scene->folder[0])
		r = landlock_allow(fd, scene->folder, false, err);
	if (r == 0)
		*ret_ruleset_fd = fd;
	else
		close(fd);
	return r;
}
