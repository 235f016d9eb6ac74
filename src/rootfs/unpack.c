// SPDX-License-Identifier: Apache-2.0
/* The usual entry costs openat, write, utimensat, close: parents are held open (directories.c),
 * nothing is looked up before it fails, nothing is synced one by one. */
#include "rootfs/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/strings.h"
#include "image/whiteout.h"
#include "rootfs/directories.h"
#include "rootfs/directory_times.h"
#include "sys/process.h"
#include "sys/remove.h"

#define IMPLICIT_MODE 0755

struct unpacker {
	int root_fd;
	mode_t umask;
	bool overlay_ready;
	bool literal;			/* there are no whiteouts */
	struct directories directories; /* where entries go */
	struct directories targets;	/* where hard links lead */
	struct records records;
	struct content content;
	struct directory_times times;
	struct buf path; /* of the current entry, normalised */
	struct buf link;
	const char *name; /* its last component */
	int parent_fd;	  /* borrowed from directories */
};

void unpacker_be_literal(struct unpacker *unpacker)
{
	unpacker->literal = true;
}

void unpacker_limit(struct unpacker *unpacker, const atomic_uint_fast64_t *packed_bytes)
{
	unpacker->content.packed_bytes = packed_bytes;
}

struct unpacker *unpacker_new(int root_fd)
{
	struct unpacker *unpacker = memory_zeroed(1, sizeof(*unpacker));

	unpacker->root_fd = root_fd;
	unpacker->umask = process_umask();
	unpacker->overlay_ready = true;
	directories_init(&unpacker->directories, root_fd);
	directories_init(&unpacker->targets, root_fd);
	records_get(&unpacker->records, "")->implicit = true;
	directory_times_set(&unpacker->times, "", (struct timespec){ 0 });
	return unpacker;
}

void unpacker_free(struct unpacker *unpacker)
{
	if (!unpacker)
		return;
	directories_done(&unpacker->directories);
	directories_done(&unpacker->targets);
	records_done(&unpacker->records);
	directory_times_done(&unpacker->times);
	buf_done(&unpacker->path);
	buf_done(&unpacker->link);
	free(unpacker);
}

static const char *path_of(const struct unpacker *unpacker)
{
	return buf_text(&unpacker->path);
}

/* --- deletions --- */

/* The directory hides what lower layers have in it. overlayfs does not look at the mark of a
 * layer's own root, so such a layer is merged by other means. */
static void mark_opaque(struct unpacker *unpacker, int dirfd, const char *name, const char *path)
{
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	records_get(&unpacker->records, path)->opaque = true;
	if (!*path || fd < 0 || fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0)
		unpacker->overlay_ready = false;
}

static bool is_whited_out(const struct unpacker *unpacker, const char *path)
{
	const struct owner *owner = records_find(&unpacker->records, path);

	return owner && owner->whiteout;
}

/* --- parents --- */

static int make_implicit(void *context, int parent_fd, const char *name, const char *path,
			 size_t length)
{
	struct unpacker *unpacker = context;
	auto_free char *copy = memory_zeroed(1, length + 1);
	bool hidden;

	memcpy(copy, path, length);
	hidden = is_whited_out(unpacker, copy);
	if (hidden)
		unlinkat(parent_fd, name, 0);
	if (mkdirat(parent_fd, name, IMPLICIT_MODE) < 0)
		return errno == EEXIST ? -ENOTDIR : -errno;
	if ((IMPLICIT_MODE & unpacker->umask) && fchmodat(parent_fd, name, IMPLICIT_MODE, 0) < 0)
		return -errno;
	records_remove(&unpacker->records, copy, false);
	records_get(&unpacker->records, copy)->implicit = true;
	/* 1970, so that the same archive always gives the same tree */
	directory_times_set(&unpacker->times, copy, (struct timespec){ 0 });
	if (hidden)
		mark_opaque(unpacker, parent_fd, name, copy);
	return 0;
}

static int enter_parent(struct unpacker *unpacker, struct err *err)
{
	const char *path = path_of(unpacker);
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;
	int r = directories_enter(&unpacker->directories, path, length, make_implicit, unpacker,
				  &unpacker->parent_fd);

	unpacker->name = slash ? slash + 1 : path;
	if (r == -ELOOP)
		return fail_plain(err, ELOOP, "'%.400s' leads through a symbolic link", path);
	if (r == -ENOTDIR)
		return fail_plain(err, ENOTDIR, "'%.400s' is below a file", path);
	return r < 0 ? fail(err, -r, "open the directory of '%.400s'", path) : 0;
}

/* Something of this name was placed before: the later entry wins. */
static int make_way(struct unpacker *unpacker, struct err *err)
{
	const char *path = path_of(unpacker);
	int r;

	directories_forget(&unpacker->directories, path);
	directories_forget(&unpacker->targets, path);
	records_remove(&unpacker->records, path, true);
	directory_times_forget(&unpacker->times, path);
	r = remove_tree(unpacker->parent_fd, unpacker->name, err);
	return r < 0 ? err_wrap(err, "replace '%.400s'", path) : 0;
}

/* --- what the disk cannot hold --- */

static bool may_be_set(const char *name)
{
	/* overlayfs would take those of its own for marks of this layer */
	return text_starts(name, "user.") && !text_starts(name, "user.overlay.");
}

/* Extended attributes go onto the file where the user may set them, else into the record. fd may
 * be -1: symlinks and placeholders cannot carry any. */
static void set_xattrs(struct unpacker *unpacker, int fd, const struct tar_entry *entry,
		       struct owner *owner)
{
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct tar_xattr *xattr = &entry->xattrs[i];

		if (fd >= 0 && may_be_set(xattr->name) &&
		    fsetxattr(fd, xattr->name, xattr->value, xattr->size_bytes, 0) == 0)
			continue;
		if (!owner)
			owner = records_get(&unpacker->records, path_of(unpacker));
		records_add_xattr(&unpacker->records, owner, xattr->name, xattr->value,
				  xattr->size_bytes);
	}
}

static void record(struct unpacker *unpacker, const struct tar_entry *entry, uint32_t disk_mode,
		   int fd)
{
	struct owner *owner = NULL;

	if (entry->uid || entry->gid || entry->mode != disk_mode) {
		owner = records_get(&unpacker->records, path_of(unpacker));
		owner->uid = entry->uid;
		owner->gid = entry->gid;
		owner->has_mode = entry->mode != disk_mode;
		owner->mode = owner->has_mode ? entry->mode : 0;
	}
	set_xattrs(unpacker, fd, entry, owner);
}

static struct timespec time_of(const struct tar_entry *entry)
{
	return (struct timespec){ .tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns };
}

static int cannot(struct unpacker *unpacker, const char *what, struct err *err)
{
	return fail(err, errno, "%s '%.400s'", what, path_of(unpacker));
}

/* --- files --- */

static int create_file(struct unpacker *unpacker, mode_t mode, int *ret_fd, struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(unpacker->parent_fd, unpacker->name, flags, mode);
	int r;

	if (fd < 0 && errno == EEXIST) {
		r = make_way(unpacker, err);
		if (r < 0)
			return r;
		fd = openat(unpacker->parent_fd, unpacker->name, flags, mode);
	}
	if (fd < 0)
		return cannot(unpacker, "create", err);
	*ret_fd = fd;
	return 0;
}

/* write(2) clears set-id bits, open(2) applies the umask: so chmod when either matters. */
static int place_file(struct unpacker *unpacker, const struct tar_entry *entry,
		      struct tar_reader *reader, struct err *err)
{
	mode_t disk_mode = entry->mode | 0400;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, time_of(entry) };
	auto_fd fd = -1;
	int r = create_file(unpacker, disk_mode & 0777, &fd, err);

	if (r < 0)
		return r;
	r = content_write(&unpacker->content, fd, entry, reader, err);
	if (r < 0)
		return err_wrap(err, "'%.400s'", path_of(unpacker));
	if ((disk_mode & (unpacker->umask | 07000)) && fchmod(fd, disk_mode) < 0)
		return cannot(unpacker, "set the mode of", err);
	record(unpacker, entry, disk_mode, fd);
	if (futimens(fd, times) < 0)
		return cannot(unpacker, "set the time of", err);
	return 0;
}

/* --- directories --- */

/* fchmodat knows no AT_SYMLINK_NOFOLLOW before Linux 6.6, hence by fd. */
static int finish_directory(struct unpacker *unpacker, const struct tar_entry *entry, int dirfd,
			    const char *name, mode_t disk_mode, struct err *err)
{
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct owner *owner = records_find(&unpacker->records, path_of(unpacker));
	bool opaque = owner && owner->opaque;

	if (fd < 0 || fchmod(fd, disk_mode) < 0)
		return cannot(unpacker, "set the mode of", err);
	if (owner) { /* an earlier entry of this name; what was placed below it stays */
		records_remove(&unpacker->records, path_of(unpacker), false);
		owner->opaque = opaque;
	}
	record(unpacker, entry, disk_mode, fd);
	return 0;
}

static int place_directory(struct unpacker *unpacker, const struct tar_entry *entry,
			   struct err *err)
{
	mode_t disk_mode = entry->mode | 0700;
	struct stat st;
	int r;

	directory_times_set(&unpacker->times, path_of(unpacker), time_of(entry));
	if (mkdirat(unpacker->parent_fd, unpacker->name, disk_mode & 0777) == 0) {
		if (entry->xattr_count || (disk_mode & (unpacker->umask | 07000)))
			return finish_directory(unpacker, entry, unpacker->parent_fd,
						unpacker->name, disk_mode, err);
		record(unpacker, entry, disk_mode, -1);
		return 0;
	}
	if (errno != EEXIST ||
	    fstatat(unpacker->parent_fd, unpacker->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(unpacker, "make directory", err);
	if (!S_ISDIR(st.st_mode)) {
		r = make_way(unpacker, err);
		if (r < 0)
			return r;
		directory_times_set(&unpacker->times, path_of(unpacker), time_of(entry));
		if (mkdirat(unpacker->parent_fd, unpacker->name, 0700) < 0)
			return cannot(unpacker, "make directory", err);
	}
	return finish_directory(unpacker, entry, unpacker->parent_fd, unpacker->name, disk_mode,
				err);
}

static int place_root(struct unpacker *unpacker, const struct tar_entry *entry, struct err *err)
{
	if (entry->type != TAR_DIRECTORY)
		return fail_plain(err, EINVAL, "'%.400s': the root is not a directory",
				  entry->path);
	directory_times_set(&unpacker->times, path_of(unpacker), time_of(entry));
	return finish_directory(unpacker, entry, unpacker->root_fd, ".", entry->mode | 0700, err);
}

/* --- links and placeholders --- */

static int place_symlink(struct unpacker *unpacker, const struct tar_entry *entry, struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, time_of(entry) };
	struct tar_entry without_mode = *entry;
	int r;

	if (symlinkat(entry->link, unpacker->parent_fd, unpacker->name) < 0) {
		if (errno != EEXIST)
			return cannot(unpacker, "make symbolic link", err);
		r = make_way(unpacker, err);
		if (r < 0)
			return r;
		if (symlinkat(entry->link, unpacker->parent_fd, unpacker->name) < 0)
			return cannot(unpacker, "make symbolic link", err);
	}
	without_mode.mode = 0; /* a symlink's mode means nothing on Linux */
	record(unpacker, &without_mode, 0, -1);
	if (utimensat(unpacker->parent_fd, unpacker->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(unpacker, "set the time of", err);
	return 0;
}

/* The target must be a file that this archive has brought already. */
static int open_target(struct unpacker *unpacker, const struct tar_entry *entry, int *ret_dirfd,
		       const char **ret_name, struct err *err)
{
	const char *path;
	const char *slash;
	struct stat st;
	int r;

	buf_truncate(&unpacker->link, 0);
	r = layer_path_normalize(entry->link, &unpacker->link, err);
	if (r < 0)
		return err_wrap(err, "hard link '%.400s'", path_of(unpacker));
	path = buf_text(&unpacker->link);
	slash = strrchr(path, '/');
	r = directories_enter(&unpacker->targets, path, slash ? (size_t)(slash - path) : 0, NULL,
			      NULL, ret_dirfd);
	*ret_name = slash ? slash + 1 : path;
	if (r == 0 && fstatat(*ret_dirfd, *ret_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r < 0 || !*path || is_whited_out(unpacker, path))
		return fail_plain(
			err, r == -ELOOP ? ELOOP : EINVAL,
			"hard link '%.400s' leads to '%.400s', which is not a file of this archive",
			path_of(unpacker), entry->link);
	if (S_ISDIR(st.st_mode))
		return fail_plain(err, EINVAL, "hard link '%.400s' leads to '%.400s', a directory",
				  path_of(unpacker), entry->link);
	return 0;
}

static int place_hard_link(struct unpacker *unpacker, const struct tar_entry *entry,
			   struct err *err)
{
	const char *target_name;
	int target_fd;
	int r = open_target(unpacker, entry, &target_fd, &target_name, err);

	if (r < 0)
		return r;
	if (strcmp(buf_text(&unpacker->link), path_of(unpacker)) == 0)
		return 0;
	if (linkat(target_fd, target_name, unpacker->parent_fd, unpacker->name, 0) < 0) {
		if (errno != EEXIST)
			return cannot(unpacker, "make hard link", err);
		r = make_way(unpacker, err);
		if (r == 0)
			r = open_target(unpacker, entry, &target_fd, &target_name, err);
		if (r < 0)
			return r;
		if (linkat(target_fd, target_name, unpacker->parent_fd, unpacker->name, 0) < 0)
			return cannot(unpacker, "make hard link", err);
	}
	records_copy(&unpacker->records, buf_text(&unpacker->link), path_of(unpacker));
	return 0;
}

/* Devices, and fifos where the file system has none: an empty file on disk, the truth in the
 * record. */
static int place_special(struct unpacker *unpacker, const struct tar_entry *entry, struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, time_of(entry) };
	mode_t disk_mode = (entry->mode & 0777) | 0400;
	struct owner *owner;
	auto_fd fd = -1;
	int r = create_file(unpacker, disk_mode, &fd, err);

	if (r < 0)
		return r;
	if ((disk_mode & unpacker->umask) && fchmod(fd, disk_mode) < 0)
		return cannot(unpacker, "set the mode of", err);
	record(unpacker, entry, disk_mode, -1);
	owner = records_get(&unpacker->records, path_of(unpacker));
	owner->type = entry->type == TAR_CHAR_DEVICE	? S_IFCHR
		      : entry->type == TAR_BLOCK_DEVICE ? S_IFBLK
							: S_IFIFO;
	owner->rdev_major = entry->rdev_major;
	owner->rdev_minor = entry->rdev_minor;
	if (futimens(fd, times) < 0)
		return cannot(unpacker, "set the time of", err);
	return 0;
}

static int make_fifo(struct unpacker *unpacker, mode_t mode, struct err *err)
{
	int r;

	if (mkfifoat(unpacker->parent_fd, unpacker->name, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	r = make_way(unpacker, err);
	if (r == 0 && mkfifoat(unpacker->parent_fd, unpacker->name, mode) < 0)
		r = -errno;
	return r;
}

static int place_fifo(struct unpacker *unpacker, const struct tar_entry *entry, struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, time_of(entry) };
	mode_t disk_mode = (entry->mode & 0777) | 0400;

	if (make_fifo(unpacker, disk_mode, err) < 0)
		return place_special(unpacker, entry, err);
	if ((disk_mode & unpacker->umask) &&
	    fchmodat(unpacker->parent_fd, unpacker->name, disk_mode, 0) < 0)
		return cannot(unpacker, "set the mode of", err);
	record(unpacker, entry, disk_mode, -1);
	if (utimensat(unpacker->parent_fd, unpacker->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(unpacker, "set the time of", err);
	return 0;
}

/* --- whiteouts --- */

/* `path` and `name` are those of the whiteout; what it hides is only in lower layers, so what this
 * layer has of that name stays. */
static int place_whiteout(struct unpacker *unpacker, const char *hidden, struct err *err)
{
	struct stat st;

	buf_truncate(&unpacker->link, 0);
	buf_add(&unpacker->link, path_of(unpacker), (size_t)(unpacker->name - path_of(unpacker)));
	buf_add_text(&unpacker->link, hidden);
	if (mknodat(unpacker->parent_fd, hidden, S_IFCHR, makedev(0, 0)) == 0) {
		records_get(&unpacker->records, buf_text(&unpacker->link))->whiteout = true;
		return 0;
	}
	if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
		return cannot(unpacker, "make whiteout", err);
	if (fstatat(unpacker->parent_fd, hidden, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		unpacker->overlay_ready = false; /* the file system has no 0:0 devices */
		records_get(&unpacker->records, buf_text(&unpacker->link))->whiteout = true;
	} else if (S_ISDIR(st.st_mode)) {
		mark_opaque(unpacker, unpacker->parent_fd, hidden, buf_text(&unpacker->link));
	}
	return 0;
}

static int place_opaque(struct unpacker *unpacker)
{
	auto_free char *directory = memory_copy_text(path_of(unpacker));
	size_t length = (size_t)(unpacker->name - path_of(unpacker));

	directory[length ? length - 1 : 0] = '\0';
	mark_opaque(unpacker, unpacker->parent_fd, ".", directory);
	return 0;
}

/* Parents that are whiteouts: AUFS kept its books in such directories, nobody else has any. */
static int check_parents(const struct unpacker *unpacker, bool *ret_ignored, struct err *err)
{
	const char *path = path_of(unpacker);

	*ret_ignored = false;
	for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
		if (!text_starts(at, WHITEOUT_PREFIX) || !strchr(at, '/'))
			continue;
		if (!text_starts(at, WHITEOUT_PREFIX WHITEOUT_PREFIX))
			return fail_plain(err, EINVAL, "'%.400s' is below a whiteout", path);
		*ret_ignored = true;
	}
	return 0;
}

static int place_by_type(struct unpacker *unpacker, const struct tar_entry *entry,
			 struct tar_reader *reader, struct err *err)
{
	switch (entry->type) {
	case TAR_FILE:
		return place_file(unpacker, entry, reader, err);
	case TAR_DIRECTORY:
		return place_directory(unpacker, entry, err);
	case TAR_SYMLINK:
		return place_symlink(unpacker, entry, err);
	case TAR_HARD_LINK:
		return place_hard_link(unpacker, entry, err);
	case TAR_FIFO:
		return place_fifo(unpacker, entry, err);
	case TAR_CHAR_DEVICE:
	case TAR_BLOCK_DEVICE:
		break;
	}
	return place_special(unpacker, entry, err);
}

/* An entry of a name that the same layer whites out: the whiteout is about lower layers, so a
 * directory becomes opaque and anything else replaces what is below anyway. */
static int place_ordinary(struct unpacker *unpacker, const struct tar_entry *entry,
			  struct tar_reader *reader, struct err *err)
{
	bool hidden = is_whited_out(unpacker, path_of(unpacker));
	int r = hidden ? make_way(unpacker, err) : 0;

	if (r == 0)
		r = place_by_type(unpacker, entry, reader, err);
	if (r == 0 && hidden && entry->type == TAR_DIRECTORY)
		mark_opaque(unpacker, unpacker->parent_fd, unpacker->name, path_of(unpacker));
	return r;
}

int unpacker_place(struct unpacker *unpacker, const struct tar_entry *entry,
		   struct tar_reader *reader, struct err *err)
{
	const char *hidden;
	bool ignored = false;
	int r;

	buf_truncate(&unpacker->path, 0);
	r = layer_path_normalize(entry->path, &unpacker->path, err);
	if (r == 0)
		r = content_take_entry(&unpacker->content, err);
	for (size_t i = 0; r == 0 && i < entry->xattr_count; i++)
		r = content_take_xattr(&unpacker->content, entry->xattrs[i].size_bytes, err);
	if (r < 0)
		return r;
	if (!unpacker->path.size_bytes)
		return place_root(unpacker, entry, err);
	if (!unpacker->literal)
		r = check_parents(unpacker, &ignored, err);
	if (r < 0 || ignored)
		return r;
	r = enter_parent(unpacker, err);
	if (r < 0)
		return r;
	if (unpacker->literal)
		return place_ordinary(unpacker, entry, reader, err);
	switch (whiteout_parse(unpacker->name, &hidden)) {
	case WHITEOUT_NONE:
		return place_ordinary(unpacker, entry, reader, err);
	case WHITEOUT_ENTRY:
		return place_whiteout(unpacker, hidden, err);
	case WHITEOUT_OPAQUE:
		return place_opaque(unpacker);
	case WHITEOUT_IGNORED:
		return 0;
	case WHITEOUT_BAD:
		break;
	}
	return fail_plain(err, EINVAL, "whiteout '%.400s' names nothing that can be deleted",
			  path_of(unpacker));
}

int unpacker_finish(struct unpacker *unpacker, struct owners *ret_owners, struct err *err)
{
	int r = directory_times_apply(&unpacker->times, &unpacker->directories, err);

	if (r < 0)
		return r;
	records_list(&unpacker->records, ret_owners);
	ret_owners->overlay_ready = unpacker->overlay_ready;
	return 0;
}
