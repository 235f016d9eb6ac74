// SPDX-License-Identifier: Apache-2.0
#include "rootfs/place.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "sys/openat2.h"
#include "sys/remove.h"

int place_init(struct place *place, struct view *view, const char *upper_path, struct err *err)
{
	int r = view_push_directory(view, upper_path, err);

	if (r < 0)
		return r;
	*place = (struct place){ .view = view, .upper_fd = view->layer[0].dirfd };
	return 0;
}

void place_done(struct place *place)
{
	if (place->view)
		view_pop(place->view);
	map_done(&place->owners);
	arena_done(&place->arena);
	*place = (struct place){ .upper_fd = -1 };
}

static void remember(struct place *place, const char *path, const struct place_owner *owner)
{
	struct place_owner *copy = arena_new(&place->arena, struct place_owner);

	*copy = *owner;
	map_set(&place->owners, path, copy);
}

static void remember_meta(struct place *place, const char *path, const struct place_meta *meta,
			  mode_t type)
{
	remember(place, path,
		 &(struct place_owner){
			 .uid = meta->uid, .gid = meta->gid, .mode = type | (meta->mode & 07777) });
}

const struct place_owner *place_owner_of(const struct place *place, const char *path)
{
	return map_get(&place->owners, path);
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* fd of the directory that holds `path` in the upper directory, which exists there. */
static int open_parent(const struct place *place, const char *path, struct err *err)
{
	const char *name = last_name(path);
	char parent[PATH_MAX];
	size_t length = (size_t)(name - path);
	int fd;

	if (length >= sizeof(parent))
		return fail(err, ENAMETOOLONG, "'/%s'", path);
	memcpy(parent, path, length);
	parent[length] = '\0';
	fd = openat2_no_symlinks(place->upper_fd, parent, O_PATH | O_DIRECTORY, 0);
	return fd < 0 ? fail(err, -fd, "open the directory of '/%s'", path) : fd;
}

static int set_times(int directory_fd, const char *name, struct timespec mtime, struct err *err)
{
	const struct timespec times[2] = { mtime, mtime };

	if (utimensat(directory_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, errno, "set times of '%s'", name);
	return 0;
}

/* Directories on disk stay writable by the user whatever mode they are to show. */
static int make_directory(struct place *place, const char *path, mode_t mode, struct timespec mtime,
			  struct err *err)
{
	auto_fd parent_fd = open_parent(place, path, err);
	const char *name = last_name(path);

	if (parent_fd < 0)
		return parent_fd;
	if (mkdirat(parent_fd, name, 0700) < 0)
		return fail(err, errno, "make directory '/%s'", path);
	if (fchmodat(parent_fd, name, (mode & 07777) | 0700, 0) < 0)
		return fail(err, errno, "chmod '/%s'", path);
	return set_times(parent_fd, name, mtime, err);
}

/* Take `path` out of the upper directory. What the layers below have there is hidden by whatever
 * of another type is put in its place. */
static int take_away(struct place *place, const char *path, struct err *err)
{
	auto_fd parent_fd = open_parent(place, path, err);
	size_t length = strlen(path);

	if (parent_fd < 0)
		return parent_fd;
	for (size_t i = place->owners.count; i-- > 0;) {
		const char *key = place->owners.entry[i].key;

		if (strncmp(key, path, length) == 0 && (!key[length] || key[length] == '/'))
			map_remove(&place->owners, key);
	}
	return remove_tree(parent_fd, last_name(path), err);
}

/* One level: in the upper directory already, copied up from below, or new. */
static int ensure_directory(struct place *place, const char *path, const struct place_meta *meta,
			    struct err *err)
{
	struct view_entry entry;
	struct place_meta fresh = *meta;
	int r = view_lookup(place->view, path, &entry);

	if (r == 0 && !S_ISDIR(entry.mode)) {
		if (!place->replaces)
			return fail(err, ENOTDIR, "'/%s'", path);
		r = entry.layer == 0 ? take_away(place, path, err) : 0;
		if (r < 0)
			return r;
		r = -ENOENT;
	}
	if (r == 0 && entry.layer == 0)
		return 0;
	if (r == 0) {
		r = make_directory(place, path, entry.mode, entry.st.st_mtim, err);
		if (r == 0)
			remember(place, path,
				 &(struct place_owner){
					 .uid = entry.uid, .gid = entry.gid, .mode = entry.mode });
		return r;
	}
	if (r != -ENOENT)
		return fail(err, -r, "look up '/%s'", path);
	fresh.mode = 0755;
	r = make_directory(place, path, fresh.mode, fresh.mtime, err);
	if (r == 0)
		remember_meta(place, path, &fresh, S_IFDIR);
	return r;
}

static int ensure_parents(struct place *place, const char *path, const struct place_meta *meta,
			  struct err *err)
{
	char prefix[PATH_MAX];

	if (strlen(path) >= sizeof(prefix))
		return fail(err, ENAMETOOLONG, "'/%s'", path);
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		memcpy(prefix, path, (size_t)(slash - path));
		prefix[slash - path] = '\0';
		r = ensure_directory(place, prefix, meta, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int place_directory(struct place *place, const char *path, const struct place_meta *meta,
		    bool replace_meta, struct err *err)
{
	int r;

	if (!*path)
		return 0;
	r = ensure_parents(place, path, meta, err);
	if (r == 0)
		r = ensure_directory(place, path, meta, err);
	if (r < 0 || !replace_meta)
		return r;
	if (fchmodat(place->upper_fd, path, (meta->mode & 07777) | 0700, 0) < 0)
		return fail(err, errno, "chmod '/%s'", path);
	remember_meta(place, path, meta, S_IFDIR);
	return set_times(place->upper_fd, path, meta->mtime, err);
}

/* Make room for a non-directory at `path`; *ret_parent_fd is its directory. */
static int clear_way(struct place *place, const char *path, const struct place_meta *meta,
		     int *ret_parent_fd, struct err *err)
{
	struct view_entry entry;
	int fd;
	int r;

	if (!*path)
		return fail(err, EISDIR, "'/'");
	r = view_lookup(place->view, path, &entry);
	if (r == 0 && S_ISDIR(entry.mode)) {
		if (!place->replaces)
			return fail(err, EISDIR, "'/%s'", path);
		if (entry.layer == 0 && take_away(place, path, err) < 0)
			return -err->code;
	}
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return fail(err, -r, "look up '/%s'", path);
	r = ensure_parents(place, path, meta, err);
	if (r < 0)
		return r;
	fd = open_parent(place, path, err);
	if (fd < 0)
		return fd;
	if (unlinkat(fd, last_name(path), 0) < 0 && errno != ENOENT) {
		fail(err, errno, "replace '/%s'", path);
		close(fd);
		return -err->code;
	}
	*ret_parent_fd = fd;
	return 0;
}

static int create_file(struct place *place, const char *path, const struct place_meta *meta,
		       int *ret_parent_fd, int *ret_fd, struct err *err)
{
	int r = clear_way(place, path, meta, ret_parent_fd, err);
	int fd;

	if (r < 0)
		return r;
	fd = openat(*ret_parent_fd, last_name(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, errno, "create '/%s'", path);
	*ret_fd = fd;
	return 0;
}

static int finish_file(struct place *place, const char *path, int parent_fd, int fd,
		       const struct place_meta *meta, struct err *err)
{
	if (fchmod(fd, (meta->mode & 07777) | 0400) < 0)
		return fail(err, errno, "chmod '/%s'", path);
	remember_meta(place, path, meta, S_IFREG);
	return set_times(parent_fd, last_name(path), meta->mtime, err);
}

int place_file(struct place *place, const char *path, int fd, const struct place_meta *meta,
	       struct err *err)
{
	auto_fd parent_fd = -1;
	auto_fd to_fd = -1;
	int r = create_file(place, path, meta, &parent_fd, &to_fd, err);

	if (r < 0)
		return r;
	r = io_copy(fd, to_fd, UINT64_MAX, err);
	if (r < 0)
		return err_wrap(err, "copy to '/%s'", path);
	return finish_file(place, path, parent_fd, to_fd, meta, err);
}

int place_bytes(struct place *place, const char *path, const void *bytes, size_t size_bytes,
		const struct place_meta *meta, struct err *err)
{
	auto_fd parent_fd = -1;
	auto_fd to_fd = -1;
	int r = create_file(place, path, meta, &parent_fd, &to_fd, err);

	if (r < 0)
		return r;
	r = io_write_all(to_fd, bytes, size_bytes);
	if (r < 0)
		return fail(err, -r, "write '/%s'", path);
	return finish_file(place, path, parent_fd, to_fd, meta, err);
}

int place_symlink(struct place *place, const char *path, const char *target,
		  const struct place_meta *meta, struct err *err)
{
	auto_fd parent_fd = -1;
	int r = clear_way(place, path, meta, &parent_fd, err);

	if (r < 0)
		return r;
	if (symlinkat(target, parent_fd, last_name(path)) < 0)
		return fail(err, errno, "make link '/%s'", path);
	remember(place, path,
		 &(struct place_owner){
			 .uid = meta->uid, .gid = meta->gid, .mode = S_IFLNK | 0777 });
	return set_times(parent_fd, last_name(path), meta->mtime, err);
}

int place_hard_link(struct place *place, const char *path, const char *existing, struct err *err)
{
	const struct place_owner *owner = place_owner_of(place, existing);
	static const struct place_meta parents = { .mode = 0755 };
	auto_fd parent_fd = -1;
	auto_fd from_fd = -1;
	int r = clear_way(place, path, &parents, &parent_fd, err);

	if (r < 0)
		return r;
	from_fd = open_parent(place, existing, err);
	if (from_fd < 0)
		return from_fd;
	if (linkat(from_fd, last_name(existing), parent_fd, last_name(path), 0) < 0)
		return fail(err, errno, "link '/%s' to '/%s'", path, existing);
	if (owner)
		remember(place, path, owner);
	return 0;
}

int place_special(struct place *place, const char *path, mode_t type, dev_t rdev,
		  const struct place_meta *meta, struct err *err)
{
	auto_fd parent_fd = -1;
	auto_fd fd = -1;
	int r = create_file(place, path, meta, &parent_fd, &fd, err);

	if (r < 0)
		return r;
	r = finish_file(place, path, parent_fd, fd, meta, err);
	remember(place, path,
		 &(struct place_owner){ .uid = meta->uid,
					.gid = meta->gid,
					.mode = type | (meta->mode & 07777),
					.rdev = rdev });
	return r;
}
