// SPDX-License-Identifier: Apache-2.0
#include "rootfs/place.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/strings.h"
#include "rootfs/xattrs.h"
#include "sys/openat2.h"
#include "sys/process.h"
#include "sys/remove.h"

/* What is kept in memory at most: of one file, and of all. */
#define CONTENT_FILE_BYTES_MAX 32768
#define CONTENT_BYTES_MAX      ((size_t)64 * 1024 * 1024)

int place_init(struct place *place, struct view *view, const char *upper_path, struct err *err)
{
	int r = view_push_directory(view, upper_path, err);

	if (r < 0)
		return r;
	*place = (struct place){ .view = view,
				 .upper_fd = view->layer[0].dirfd,
				 .umask = process_umask() };
	place->content = mmap(NULL, CONTENT_BYTES_MAX, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (place->content == MAP_FAILED)
		place->content = NULL;
	directories_init(&place->directories, place->upper_fd);
	return 0;
}

void place_done(struct place *place)
{
	directories_done(&place->directories);
	if (place->view)
		view_pop(place->view);
	if (place->content)
		munmap(place->content, CONTENT_BYTES_MAX);
	map_done(&place->owners);
	arena_done(&place->arena);
	*place = (struct place){ .upper_fd = -1 };
}

static struct place_owner *remember(struct place *place, const char *path,
				    const struct place_owner *owner)
{
	struct place_owner *copy = arena_new(&place->arena, struct place_owner);

	*copy = *owner;
	map_set(&place->owners, path, copy);
	return copy;
}

static void add_xattr(struct place *place, struct place_owner *owner, const struct xattr *xattr)
{
	const struct xattrs before = { owner->xattrs, owner->xattr_count };
	const struct xattr copy = {
		.name = arena_copy(&place->arena, xattr->name),
		.value = arena_copy_bytes(&place->arena, xattr->value, xattr->size_bytes),
		.size_bytes = xattr->size_bytes,
	};
	struct xattrs after = xattrs_join(&place->arena, &before, &copy, 1);

	owner->xattrs = after.item;
	owner->xattr_count = after.count;
}

/* All are remembered; what the user may set goes onto the file too, as well as it can. fd is -1
 * for what cannot carry any. */
static void add_xattrs(struct place *place, struct place_owner *owner, int fd,
		       const struct place_meta *meta)
{
	for (size_t i = 0; i < meta->xattr_count; i++) {
		const struct xattr *xattr = &meta->xattrs[i];

		if (fd >= 0 && xattr_is_settable(xattr->name))
			(void)!fsetxattr(fd, xattr->name, xattr->value, xattr->size_bytes, 0);
		add_xattr(place, owner, xattr);
	}
}

static struct place_owner *remember_meta(struct place *place, const char *path,
					 const struct place_meta *meta, mode_t type, int fd)
{
	struct place_owner owner = { .uid = meta->uid,
				     .gid = meta->gid,
				     .mode = type | (meta->mode & 07777),
				     .mtime = meta->mtime };

	add_xattrs(place, &owner, fd, meta);
	return remember(place, path, &owner);
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

static size_t parent_length(const char *path)
{
	const char *name = last_name(path);

	return name == path ? 0 : (size_t)(name - path) - 1;
}

/* fd of the directory that holds `path` in the upper directory, which exists there; borrowed until
 * another is asked for. */
static int parent_fd_of(struct place *place, const char *path, struct err *err)
{
	int fd;
	int r = directories_enter(&place->directories, path, parent_length(path), NULL, NULL, &fd);

	return r < 0 ? fail(err, -r, "open the directory of '/%s'", path) : fd;
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
	int parent_fd = parent_fd_of(place, path, err);
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
	int parent_fd;

	directories_forget(&place->directories, path);
	parent_fd = parent_fd_of(place, path, err);
	if (parent_fd < 0)
		return parent_fd;
	for (size_t i = place->owners.count; i-- > 0;) {
		const char *key = place->owners.entry[i].key;

		if (path_is_in(key, path))
			map_remove(&place->owners, key);
	}
	return remove_tree(parent_fd, last_name(path), err);
}

/* As below, which an overlay would copy up. */
static int copy_up_directory(struct place *place, const char *path, const struct view_entry *below,
			     struct err *err)
{
	struct place_owner owner = { .uid = below->uid,
				     .gid = below->gid,
				     .mode = below->mode,
				     .mtime = below->st.st_mtim };
	struct xattrs xattrs;
	int r = xattrs_of_view(place->view, path, below, &place->arena, &xattrs, err);

	if (r == 0)
		r = make_directory(place, path, below->mode, below->st.st_mtim, err);
	if (r < 0)
		return r;
	owner.xattrs = xattrs.item;
	owner.xattr_count = xattrs.count;
	remember(place, path, &owner);
	return 0;
}

static int make_missing_directory(struct place *place, const char *path,
				  const struct place_meta *meta, struct err *err)
{
	const struct place_owner owner = { .uid = place->parents_uid,
					   .gid = place->parents_gid,
					   .mode = S_IFDIR | 0755,
					   .mtime = meta->mtime,
					   .is_fresh = true };
	int r = make_directory(place, path, 0755, meta->mtime, err);

	if (r == 0)
		remember(place, path, &owner);
	return r;
}

/* One level: in the upper directory already, copied up from below, or new. */
static int ensure_directory(struct place *place, const char *path, const struct place_meta *meta,
			    struct err *err)
{
	const struct place_owner *placed = place_owner_of(place, path);
	struct view_entry entry;
	int r;

	if (placed && S_ISDIR(placed->mode))
		return 0;
	r = view_lookup(place->view, path, &entry);
	if (r == 0 && !S_ISDIR(entry.mode)) {
		if (!place->replaces)
			return fail(err, ENOTDIR, "'/%s'", path);
		r = entry.layer == 0 ? take_away(place, path, err) : 0;
		if (r < 0)
			return r;
		r = -ENOENT;
	}
	if (r == 0)
		return entry.layer == 0 ? 0 : copy_up_directory(place, path, &entry, err);
	if (r != -ENOENT)
		return fail(err, -r, "look up '/%s'", path);
	return make_missing_directory(place, path, meta, err);
}

static int ensure_parents(struct place *place, const char *path, const struct place_meta *meta,
			  struct err *err)
{
	size_t length = parent_length(path);
	const struct place_owner *parent;
	char prefix[PATH_MAX];

	if (length >= sizeof(prefix))
		return fail(err, ENAMETOOLONG, "'/%s'", path);
	memcpy(prefix, path, length);
	prefix[length] = '\0';
	parent = place_owner_of(place, prefix);
	if (length == 0 || (parent && S_ISDIR(parent->mode)))
		return 0; /* and so all above it are there */
	for (char *slash = strchr(prefix, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = ensure_directory(place, prefix, meta, err);
		*slash = '/';
		if (r < 0)
			return r;
	}
	return ensure_directory(place, prefix, meta, err);
}

int place_directory(struct place *place, const char *path, const struct place_meta *meta,
		    bool replace_meta, struct err *err)
{
	const struct place_owner *before;
	struct place_owner owner;
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
	before = place_owner_of(place, path);
	owner = (struct place_owner){ .uid = meta->uid,
				      .gid = meta->gid,
				      .mode = S_IFDIR | (meta->mode & 07777),
				      .mtime = meta->mtime,
				      .is_fresh = before && before->is_fresh };
	if (before) {
		owner.xattrs = before->xattrs;
		owner.xattr_count = before->xattr_count;
	}
	add_xattrs(place, &owner, -1, meta);
	remember(place, path, &owner);
	return 0;
}

int place_finish(struct place *place, struct err *err)
{
	map_each(&place->owners, entry) {
		const struct place_owner *owner = entry->value;
		int r = S_ISDIR(owner->mode)
				? set_times(place->upper_fd, entry->key, owner->mtime, err)
				: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* What is at `path` now, seen without asking the layers where they have nothing. */
static int look_up(struct place *place, const char *path, const struct place_owner *parent,
		   struct view_entry *ret_entry)
{
	const struct place_owner *placed = place_owner_of(place, path);

	if (!placed && parent && parent->is_fresh)
		return -ENOENT;
	if (!placed)
		return view_lookup(place->view, path, ret_entry);
	*ret_entry = (struct view_entry){ .mode = placed->mode };
	return 0;
}

static const struct place_owner *owner_of_parent(const struct place *place, const char *path)
{
	char parent[PATH_MAX];
	size_t length = parent_length(path);

	if (length >= sizeof(parent))
		return NULL;
	memcpy(parent, path, length);
	parent[length] = '\0';
	return place_owner_of(place, parent);
}

/* Make room for a non-directory at `path`; *ret_parent_fd is its directory, borrowed. */
static int clear_way(struct place *place, const char *path, const struct place_meta *meta,
		     int *ret_parent_fd, struct err *err)
{
	struct view_entry entry;
	bool exists;
	int fd;
	int r;

	if (!*path)
		return fail(err, EISDIR, "'/'");
	r = ensure_parents(place, path, meta, err);
	if (r < 0)
		return r;
	r = look_up(place, path, owner_of_parent(place, path), &entry);
	exists = r == 0 && entry.layer == 0;
	if (r == 0 && S_ISDIR(entry.mode)) {
		if (!place->replaces)
			return fail(err, EISDIR, "'/%s'", path);
		if (exists && take_away(place, path, err) < 0)
			return -err->code;
		exists = false;
	}
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return fail(err, -r, "look up '/%s'", path);
	fd = parent_fd_of(place, path, err);
	if (fd < 0)
		return fd;
	if (exists && unlinkat(fd, last_name(path), 0) < 0 && errno != ENOENT)
		return fail(err, errno, "replace '/%s'", path);
	*ret_parent_fd = fd;
	return 0;
}

/* The mode on disk: the user can read whatever he places. */
static mode_t disk_mode(mode_t mode)
{
	return (mode & 07777) | 0400;
}

/* Most files get the mode they shall have at birth. Attributes can only be set while the file may
 * be written. */
static int create_file(struct place *place, const char *path, const struct place_meta *meta,
		       int *ret_fd, struct err *err)
{
	mode_t mode = meta->xattr_count ? 0600 : disk_mode(meta->mode) & 0777;
	int parent_fd;
	int r = clear_way(place, path, meta, &parent_fd, err);
	int fd;

	if (r < 0)
		return r;
	fd = openat(parent_fd, last_name(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return fail(err, errno, "create '/%s'", path);
	*ret_fd = fd;
	return 0;
}

/* After its content: writing would change both. */
static int set_mode_and_time(const struct place *place, const struct place_owner *owner, int fd,
			     struct err *err)
{
	const struct timespec times[2] = { owner->mtime, owner->mtime };
	mode_t mode = disk_mode(owner->mode);

	if ((owner->xattr_count || mode & (place->umask | 07000)) && fchmod(fd, mode) < 0)
		return fail(err, errno, "chmod");
	if (futimens(fd, times) < 0)
		return fail(err, errno, "set times");
	return 0;
}

static int finish_file(struct place *place, const char *path, int fd, const struct place_meta *meta,
		       struct err *err)
{
	struct place_owner *owner = remember_meta(place, path, meta, S_IFREG, fd);
	int r = set_mode_and_time(place, owner, fd, err);

	return r < 0 ? err_wrap(err, "'/%s'", path) : 0;
}

int place_create(struct place *place, const char *path, const struct place_meta *meta,
		 struct place_file *ret_file, struct err *err)
{
	int fd;
	int r = create_file(place, path, meta, &fd, err);

	if (r < 0)
		return r;
	*ret_file = (struct place_file){
		.place = place,
		.owner = remember_meta(place, path, meta, S_IFREG, fd),
		.fd = fd,
	};
	return 0;
}

/* Room for the content of a small file; NULL when it is not to be kept. */
static char *content_room(struct place *place, int from_fd, size_t *ret_size_bytes)
{
	struct stat st;
	size_t at;

	if (!place->content || fstat(from_fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
	    st.st_size > CONTENT_FILE_BYTES_MAX ||
	    atomic_load(&place->content_bytes) >= CONTENT_BYTES_MAX)
		return NULL;
	*ret_size_bytes = (size_t)st.st_size;
	at = atomic_fetch_add(&place->content_bytes, *ret_size_bytes);
	return at + *ret_size_bytes <= CONTENT_BYTES_MAX ? place->content + at : NULL;
}

/* A file that somebody writes to meanwhile is taken as long as it was. */
static int fill_and_keep(const struct place_file *file, int from_fd, char *content,
			 size_t size_bytes, struct err *err)
{
	ssize_t n = io_read_full(from_fd, content, size_bytes);
	int r;

	if (n < 0)
		return fail(err, (int)-n, "read");
	r = io_write_all(file->fd, content, (size_t)n);
	if (r < 0)
		return fail(err, -r, "write");
	file->owner->content = content;
	file->owner->content_bytes = (size_t)n;
	return 0;
}

int place_fill(const struct place_file *file, int from_fd, struct err *err)
{
	size_t size_bytes = 0;
	char *content = content_room(file->place, from_fd, &size_bytes);
	int r = content ? fill_and_keep(file, from_fd, content, size_bytes, err)
			: io_copy(from_fd, file->fd, UINT64_MAX, err);

	return r < 0 ? r : set_mode_and_time(file->place, file->owner, file->fd, err);
}

int place_file(struct place *place, const char *path, int fd, const struct place_meta *meta,
	       struct err *err)
{
	auto_fd to_fd = -1;
	int r = create_file(place, path, meta, &to_fd, err);

	if (r < 0)
		return r;
	r = io_copy(fd, to_fd, UINT64_MAX, err);
	if (r < 0)
		return err_wrap(err, "copy to '/%s'", path);
	return finish_file(place, path, to_fd, meta, err);
}

int place_bytes(struct place *place, const char *path, const void *bytes, size_t size_bytes,
		const struct place_meta *meta, struct err *err)
{
	auto_fd to_fd = -1;
	int r = create_file(place, path, meta, &to_fd, err);

	if (r < 0)
		return r;
	r = io_write_all(to_fd, bytes, size_bytes);
	if (r < 0)
		return fail(err, -r, "write '/%s'", path);
	return finish_file(place, path, to_fd, meta, err);
}

int place_symlink(struct place *place, const char *path, const char *target,
		  const struct place_meta *meta, struct err *err)
{
	struct place_meta link_meta = *meta;
	int parent_fd;
	int r = clear_way(place, path, meta, &parent_fd, err);

	if (r < 0)
		return r;
	if (symlinkat(target, parent_fd, last_name(path)) < 0)
		return fail(err, errno, "make link '/%s'", path);
	link_meta.mode = 0777;
	remember_meta(place, path, &link_meta, S_IFLNK, -1);
	return set_times(parent_fd, last_name(path), meta->mtime, err);
}

int place_hard_link(struct place *place, const char *path, const char *existing, struct err *err)
{
	static const struct place_meta parents = { .mode = 0755 };
	const struct place_owner *owner = place_owner_of(place, existing);
	char directory[PATH_MAX];
	auto_fd from_fd = -1;
	int parent_fd;
	int r;

	if (!owner || parent_length(existing) >= sizeof(directory))
		return fail(err, ENOENT, "link '/%s' to '/%s'", path, existing);
	r = clear_way(place, path, &parents, &parent_fd, err);
	if (r < 0)
		return r;
	snprintf(directory, sizeof(directory), "%.*s", (int)parent_length(existing), existing);
	from_fd = openat2_no_symlinks(place->upper_fd, directory, O_PATH | O_DIRECTORY, 0);
	if (from_fd < 0)
		return fail(err, -from_fd, "open the directory of '/%s'", existing);
	if (linkat(from_fd, last_name(existing), parent_fd, last_name(path), 0) < 0)
		return fail(err, errno, "link '/%s' to '/%s'", path, existing);
	remember(place, path, owner);
	return 0;
}

/* 0 where the file system has none. */
static int make_fifo(struct place *place, const char *path, const struct place_meta *meta,
		     struct err *err)
{
	int parent_fd;
	int r = clear_way(place, path, meta, &parent_fd, err);

	if (r < 0)
		return r;
	if (mkfifoat(parent_fd, last_name(path), disk_mode(meta->mode) & 0777) < 0)
		return 0;
	r = set_times(parent_fd, last_name(path), meta->mtime, err);
	return r < 0 ? r : 1;
}

static int make_placeholder(struct place *place, const char *path, const struct place_meta *meta,
			    struct err *err)
{
	auto_fd fd = -1;
	int r = create_file(place, path, meta, &fd, err);

	return r < 0 ? r : finish_file(place, path, fd, meta, err);
}

int place_special(struct place *place, const char *path, mode_t type, dev_t rdev,
		  const struct place_meta *meta, struct err *err)
{
	struct place_owner owner = { .uid = meta->uid,
				     .gid = meta->gid,
				     .mode = type | (meta->mode & 07777),
				     .rdev = rdev };
	int r = S_ISFIFO(type) ? make_fifo(place, path, meta, err) : 0;

	if (r == 0)
		r = make_placeholder(place, path, meta, err);
	if (r < 0)
		return r;
	add_xattrs(place, &owner, -1, meta);
	remember(place, path, &owner);
	return 0;
}
