// SPDX-License-Identifier: Apache-2.0
#include "rootemu/owned.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "rootemu/owner_report.h"
#include "sys/openat2.h"

#define DEPTH_MAX	 512
#define REPORT_BYTES_MAX ((size_t)512 << 20)
#define LOOK		 (STATX_BASIC_STATS | STATX_BTIME)

static long look(int dirfd, const char *name, struct statx *ret_statx)
{
	return raw5(__NR_statx, dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, LOOK, ret_statx);
}

/* --- from records to rows */

/* "" is what root_fd itself is, which may be a file. */
static int look_inside(int root_fd, const char *path, struct statx *ret_statx)
{
	auto_fd fd = -1;

	if (!path[0])
		return (int)look(root_fd, "", ret_statx);
	fd = openat2_in_root(root_fd, path, O_PATH | O_NOFOLLOW, 0);
	return fd < 0 ? fd : (int)look(fd, "", ret_statx);
}

/* Overlayfs with xino puts the number of the layer's file system into the highest bits. */
#define INODE_BITS 56

static bool is_same_inode(uint64_t a, uint64_t b)
{
	return (a ^ b) << (64 - INODE_BITS) == 0;
}

static bool is_same_file(const struct statx *a, const struct statx *b)
{
	return (a->stx_mode & S_IFMT) == (b->stx_mode & S_IFMT) &&
	       (S_ISDIR(a->stx_mode) || is_same_inode(a->stx_ino, b->stx_ino)) &&
	       a->stx_btime.tv_sec == b->stx_btime.tv_sec &&
	       a->stx_btime.tv_nsec == b->stx_btime.tv_nsec;
}

static int enter(struct lies *lies, const struct owner *owner, const struct statx *x)
{
	struct file_id id = lies_id_of(x);
	struct lie_row *row = lies_make(lies, &id);
	uint32_t mask = (owner->has_mode ? 07777u : 0) | (owner->type ? S_IFMT : 0);

	if (!row)
		return -ENOSPC;
	lies_note_real_mode(row, x->stx_mode);
	lies_set_owner(row, owner->uid, owner->gid);
	lies_set_mode(row, mask, (owner->mode & 07777) | owner->type);
	lies_set_device(row, owner->rdev_major, owner->rdev_minor);
	for (size_t i = 0; i < owner->xattr_count; i++) {
		const struct xattr *xattr = &owner->xattrs[i];
		int r = lies_xattr_set(lies, row, xattr->name, xattr->value,
				       (uint32_t)xattr->size_bytes);

		if (r < 0)
			return r;
	}
	if (S_ISDIR(x->stx_mode) && owner->gid &&
	    ((owner->has_mode ? owner->mode : x->stx_mode) & S_ISGID))
		lies_note_setgid(lies);
	if (owner->type)
		lies_note_type(lies, id.device);
	return 0;
}

static bool is_gone(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
}

/* The part of a path after `below`; NULL when it is not there. */
static const char *path_below(const char *path, const char *below)
{
	size_t length = strlen(below);

	if (!length)
		return path;
	if (strncmp(path, below, length) != 0 || (path[length] && path[length] != '/'))
		return NULL;
	return path + length + (path[length] == '/');
}

/* What an overlay shows of a layer's file differs from the file itself in the device, and in high
 * bits of the inode. These are the same for a whole layer, so one file that was looked at on both
 * sides tells them for all others, which need not be looked up in the root: that is ten times
 * dearer. Rows for files that a higher layer hides are made as well; nobody will ask for them. */
struct seeding {
	struct lies *lies;
	int root_fd;
	int layer_fd;
	bool is_known; /* the two below */
	uint64_t device;
	uint64_t inode_bits;
	int parent_fd; /* of the record before: records are sorted */
	char parent[PATH_MAX];
};

static uint64_t device_of(const struct statx *x)
{
	return (uint64_t)x->stx_dev_major << 32 | x->stx_dev_minor;
}

static int look_in_layer(struct seeding *seeding, const char *path, struct statx *ret_own)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		return look_inside(seeding->layer_fd, path, ret_own);
	if (length >= sizeof(seeding->parent))
		return -ENAMETOOLONG;
	if (seeding->parent_fd < 0 || strncmp(seeding->parent, path, length) != 0 ||
	    seeding->parent[length]) {
		cleanup_fd(&seeding->parent_fd);
		memcpy(seeding->parent, path, length);
		seeding->parent[length] = '\0';
		seeding->parent_fd = openat2_in_root(seeding->layer_fd, seeding->parent, O_PATH, 0);
		if (seeding->parent_fd < 0)
			return seeding->parent_fd;
	}
	return (int)look(seeding->parent_fd, slash + 1, ret_own);
}

/* Not directories: an overlay numbers them by itself when its layers are on several file systems
 * and it has no xino, and when one of the upper directory is also below, by that one. */
static bool is_told(const struct seeding *seeding, const struct statx *own)
{
	return seeding->is_known && !S_ISDIR(own->stx_mode) && own->stx_ino >> INODE_BITS == 0;
}

/* As the root shows the record's file: 0, or -ENOENT where it shows another. */
static int look_both(struct seeding *seeding, const struct owner *owner, const char *path,
		     struct statx *ret_shown)
{
	struct statx own = { 0 };
	int r = 0;

	if (seeding->layer_fd >= 0)
		r = look_in_layer(seeding, owner->path, &own);
	if (r < 0)
		return r;
	if (is_told(seeding, &own)) {
		*ret_shown = own;
		ret_shown->stx_ino ^= seeding->inode_bits;
		ret_shown->stx_dev_major = (uint32_t)(seeding->device >> 32);
		ret_shown->stx_dev_minor = (uint32_t)seeding->device;
		return 0;
	}
	r = look_inside(seeding->root_fd, path, ret_shown);
	if (r < 0 || seeding->layer_fd < 0)
		return r;
	if (!is_same_file(ret_shown, &own))
		return -ENOENT;
	if (!S_ISDIR(own.stx_mode) && !seeding->is_known) {
		seeding->device = device_of(ret_shown);
		seeding->inode_bits = ret_shown->stx_ino ^ own.stx_ino;
		seeding->is_known = true;
	}
	return 0;
}

static int seed(struct seeding *seeding, const char *below, const struct owners *owners,
		struct err *err)
{
	for (size_t i = 0; i < owners->count; i++) {
		const struct owner *owner = &owners->item[i];
		const char *path = path_below(owner->path, below);
		struct statx shown;
		int r;

		if (owner->whiteout || !path)
			continue;
		r = look_both(seeding, owner, path, &shown);
		if (is_gone(r))
			continue;
		if (r == 0)
			r = enter(seeding->lies, owner, &shown);
		if (r < 0)
			return fail(err, -r, "owner of '/%s'", owner->path);
	}
	return 0;
}

int owned_seed_below(struct lies *lies, int root_fd, int layer_fd, const char *below,
		     const struct owners *owners, struct err *err)
{
	struct seeding seeding = {
		.lies = lies, .root_fd = root_fd, .layer_fd = layer_fd, .parent_fd = -1
	};
	int r = seed(&seeding, below, owners, err);

	cleanup_fd(&seeding.parent_fd);
	return r;
}

int owned_seed(struct lies *lies, int root_fd, int layer_fd, const struct owners *owners,
	       struct err *err)
{
	return owned_seed_below(lies, root_fd, layer_fd, "", owners, err);
}

int owned_seed_one(struct lies *lies, int root_fd, const struct owner *owner, struct err *err)
{
	struct statx x;
	int r = look_inside(root_fd, owner->path, &x);

	if (r == 0)
		r = enter(lies, owner, &x);
	return r < 0 && !is_gone(r) ? fail(err, -r, "owner of '/%s'", owner->path) : 0;
}

int owned_give(struct lies *lies, int fd, uint32_t uid, uint32_t gid, struct err *err)
{
	const struct owner owner = { .uid = uid, .gid = gid };
	struct statx x;
	int r = (int)look(fd, "", &x);

	if (r == 0)
		r = enter(lies, &owner, &x);
	return r < 0 ? fail(err, -r, "give a file to %u:%u", uid, gid) : 0;
}

/* --- from rows to a report */

struct reporter {
	struct lies *lies;
	int root_fd;
	int report_fd;
	struct err *err;
	unsigned depth;
	char path[PATH_MAX]; /* "" is the root */
};

static int put(struct reporter *reporter, const void *bytes, size_t size_bytes)
{
	int r = io_write_all(reporter->report_fd, bytes, size_bytes);

	return r < 0 ? fail(reporter->err, -r, "note the owner of '/%s'", reporter->path) : 0;
}

static int put_xattrs(struct reporter *reporter, const struct lie_row *row)
{
	struct lies *lies = reporter->lies;
	uint32_t cursor = 0;
	const char *name;
	bool removed;
	int r = 0;

	while (r == 0 && lies_xattr_next(lies, row, &cursor, &name, &removed)) {
		const void *value;
		struct report_xattr header = { .name_bytes = (uint32_t)strlen(name) };

		if (removed ||
		    lies_xattr_get(lies, row, name, &value, &header.value_bytes) != LIES_XATTR_SET)
			continue;
		r = put(reporter, &header, sizeof(header));
		if (r == 0)
			r = put(reporter, name, header.name_bytes);
		if (r == 0)
			r = put(reporter, value, header.value_bytes);
	}
	return r;
}

static int report_one(struct reporter *reporter)
{
	struct report_file header = { 0 };
	const struct lie_row *row;
	struct file_id id;
	struct statx x;
	int r = (int)look(reporter->root_fd, reporter->path, &x);

	if (r < 0)
		return r == -ENOENT ? 0 : fail(reporter->err, -r, "look at '/%s'", reporter->path);
	id = lies_id_of(&x);
	row = lies_find(reporter->lies, &id);
	if (!row)
		return 0;
	lies_read(row, &header.lie);
	header.path_bytes = (uint32_t)strlen(reporter->path);
	header.xattr_count = lies_xattr_count(reporter->lies, row);
	r = put(reporter, &header, sizeof(header));
	if (r == 0)
		r = put(reporter, reporter->path, header.path_bytes);
	return r < 0 ? r : put_xattrs(reporter, row);
}

static int report_directory(struct reporter *reporter, int fd);

/* One name; what the root does not show is a whiteout. */
static int report_entry(struct reporter *reporter, int directory_fd, const char *name)
{
	size_t length = strlen(reporter->path);
	size_t more = strlen(name);
	int fd;
	int r;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (length + more + 2 > sizeof(reporter->path) || reporter->depth > DEPTH_MAX)
		return fail(reporter->err, ENAMETOOLONG, "owners below '/%s'", reporter->path);
	if (length > 0)
		reporter->path[length] = '/';
	memcpy(reporter->path + length + (length > 0), name, more + 1);
	r = report_one(reporter);
	fd = r < 0 ? -1
		   : openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		reporter->depth++;
		r = report_directory(reporter, fd);
		reporter->depth--;
		close(fd);
	} else if (r == 0 && errno != ENOTDIR && errno != ELOOP && errno != ENXIO) {
		r = fail(reporter->err, errno, "open '/%s'", reporter->path);
	}
	reporter->path[length] = '\0';
	return r;
}

/* getdents64(2) itself: opendir(3) allocates. */
static int report_directory(struct reporter *reporter, int fd)
{
	_Alignas(struct dirent64) char entries[8192];

	for (;;) {
		long n = syscall(SYS_getdents64, fd, entries, sizeof(entries));

		if (n < 0)
			return fail(reporter->err, errno, "list '/%s'", reporter->path);
		if (n == 0)
			return 0;
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			int r = report_entry(reporter, fd, entry->d_name);

			if (r < 0)
				return r;
			at += entry->d_reclen;
		}
	}
}

static int report_all(struct reporter *reporter, int names_fd)
{
	auto_fd fd = openat(names_fd >= 0 ? names_fd : reporter->root_fd, ".",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return fail(reporter->err, errno, "open the %s directory",
			    names_fd >= 0 ? "upper" : "root");
	r = report_one(reporter);
	return r < 0 ? r : report_directory(reporter, fd);
}

void owned_report(struct lies *lies, int root_fd, int names_fd, int report_fd)
{
	struct err err = { 0 };
	struct reporter reporter = {
		.lies = lies, .root_fd = root_fd, .report_fd = report_fd, .err = &err
	};
	struct report_file last = { .path_bytes = REPORT_COMPLETE };

	if (report_all(&reporter, names_fd) < 0)
		last.path_bytes = REPORT_FAILED;
	io_write_all(report_fd, &last, sizeof(last));
	if (last.path_bytes == REPORT_FAILED)
		io_write_all(report_fd, &err, sizeof(err));
}

/* --- from a report to records */

struct report {
	const char *at;
	const char *end;
};

static const void *take(struct report *report, size_t size_bytes)
{
	const char *taken = report->at;

	if ((size_t)(report->end - report->at) < size_bytes)
		return NULL;
	report->at += size_bytes;
	return taken;
}

static int compare_xattrs(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

static bool read_xattrs(struct report *report, struct arena *arena, struct emulated *emulated)
{
	for (size_t i = 0; i < emulated->xattr_count; i++) {
		const void *bytes = take(report, sizeof(struct report_xattr));
		struct report_xattr header;
		const void *name;
		const void *value;

		if (!bytes)
			return false;
		memcpy(&header, bytes, sizeof(header));
		name = take(report, header.name_bytes);
		value = take(report, header.value_bytes);
		if (!name || !value)
			return false;
		emulated->xattrs[i] = (struct xattr){
			.name = arena_copy_bytes(arena, name, header.name_bytes),
			.value = arena_copy_bytes(arena, value, header.value_bytes),
			.size_bytes = header.value_bytes,
		};
	}
	qsort(emulated->xattrs, emulated->xattr_count, sizeof(*emulated->xattrs), compare_xattrs);
	return true;
}

static bool read_file(struct report *report, const struct report_file *from, struct arena *arena,
		      struct map *by_path)
{
	struct emulated *emulated = arena_new(arena, struct emulated);
	const struct report_file header = *from;
	const void *path = take(report, header.path_bytes);

	if (!path)
		return false;
	*emulated = (struct emulated){
		.uid = header.lie.uid == LIES_KEEP ? 0 : header.lie.uid,
		.gid = header.lie.gid == LIES_KEEP ? 0 : header.lie.gid,
		.mode_mask = header.lie.mode_mask,
		.mode_bits = header.lie.mode_bits,
		.rdev_major = header.lie.rdev_major,
		.rdev_minor = header.lie.rdev_minor,
		.xattr_count = header.xattr_count,
		.xattrs = arena_array(arena, struct xattr, header.xattr_count),
	};
	if (!read_xattrs(report, arena, emulated))
		return false;
	map_set(by_path, arena_copy_bytes(arena, path, header.path_bytes), emulated);
	return true;
}

static int read_files(struct report *report, struct arena *arena, struct map *by_path,
		      struct err *err)
{
	const void *bytes;

	while ((bytes = take(report, sizeof(struct report_file)))) {
		struct report_file header;

		memcpy(&header, bytes, sizeof(header));
		if (header.path_bytes == REPORT_COMPLETE)
			return 0;
		if (header.path_bytes == REPORT_FAILED) {
			bytes = take(report, sizeof(*err));
			if (!bytes)
				break;
			memcpy(err, bytes, sizeof(*err));
			return -err->code;
		}
		if (!read_file(report, &header, arena, by_path))
			break;
	}
	return fail_plain(err, EUCLEAN, "the report of owners is cut short");
}

int owned_read(int report_fd, struct arena *arena, struct map *ret_by_path, struct err *err)
{
	auto_buf text = { 0 };
	struct report report;
	int r;

	if (lseek(report_fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "read back owners");
	r = io_read_to_end(report_fd, REPORT_BYTES_MAX, &text, err);
	if (r < 0)
		return err_wrap(err, "read back owners");
	report = (struct report){ .at = buf_text(&text), .end = buf_text(&text) + text.size_bytes };
	return read_files(&report, arena, ret_by_path, err);
}

/* False: it is not there. */
static bool to_owner(int tree_fd, const char *path, const struct emulated *emulated,
		     struct owner *ret_owner)
{
	struct stat st;
	mode_t mode;

	if (fstatat(tree_fd, *path ? path : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	mode = (st.st_mode & ~emulated->mode_mask) | emulated->mode_bits;
	*ret_owner = (struct owner){
		.path = path,
		.uid = emulated->uid,
		.gid = emulated->gid,
		.has_mode = ((mode ^ st.st_mode) & 07777) != 0,
		.mode = mode & 07777,
		.type = (mode & S_IFMT) != (st.st_mode & S_IFMT) ? mode & S_IFMT : 0,
		.rdev_major = emulated->rdev_major,
		.rdev_minor = emulated->rdev_minor,
		.xattrs = emulated->xattrs,
		.xattr_count = emulated->xattr_count,
	};
	return true;
}

void owned_to_owners(int tree_fd, const struct map *by_path, struct arena *arena,
		     struct owners *ret_owners)
{
	struct owners owners = { .overlay_ready = true };

	owners.item = arena_array(arena, struct owner, by_path->count + 1);
	map_each(by_path, entry)
		if (to_owner(tree_fd, entry->key, entry->value, &owners.item[owners.count]))
			owners.count++;
	owners_sort(&owners);
	*ret_owners = owners;
}
