// SPDX-License-Identifier: Apache-2.0
#include "flow/directory_owners.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "rootemu/lies.h"
#include "rootemu/saved.h"
#include "rootfs/xattrs.h"

#define OVERRIDE "user.containers.override_stat"

static bool is_xattr(const char *how)
{
	return strcmp(how, DIRECTORY_OWNERS_XATTR) == 0;
}

static bool is_device(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

static void set_type(struct tree_entry *entry, mode_t type, uint32_t rdev_major,
		     uint32_t rdev_minor)
{
	entry->mode = type | (entry->mode & 07777);
	entry->size_bytes = 0;
	entry->rdev_major = rdev_major;
	entry->rdev_minor = rdev_minor;
}

/* --- fakeroot's file --- */

static void cleanup_lies(struct lies *lies)
{
	if (!lies->base)
		return;
	lies_unmap(lies);
	close(lies->fd);
}
#define auto_lies cleanup(cleanup_lies) struct lies

static int make_table(struct lies *ret_lies, struct err *err)
{
	int fd = memfd_create("owners", MFD_CLOEXEC);
	int r = fd < 0 || ftruncate(fd, (off_t)LIES_FILE_BYTES) < 0
			? -errno
			: lies_map(ret_lies, fd, NULL, true);

	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? fail(err, -r, "memory for owners") : 0;
}

static void take_xattrs(struct lies *lies, const struct lie_row *row, struct tree_entry *entry,
			struct arena *arena)
{
	const struct xattrs on_disk = { entry->xattrs, entry->xattr_count };
	size_t room = lies_xattr_count(lies, row);
	struct xattr *more = arena_array(arena, struct xattr, room);
	uint32_t cursor = 0;
	size_t count = 0;
	struct xattrs all;
	const char *name;
	bool removed;

	while (count < room && lies_xattr_next(lies, row, &cursor, &name, &removed)) {
		const void *value;
		uint32_t size_bytes;

		if (removed ||
		    lies_xattr_get(lies, row, name, &value, &size_bytes) != LIES_XATTR_SET)
			continue;
		more[count++] = (struct xattr){ arena_copy(arena, name),
						arena_copy_bytes(arena, value, size_bytes),
						size_bytes };
	}
	all = xattrs_join(arena, &on_disk, more, count);
	entry->xattrs = all.item;
	entry->xattr_count = all.count;
}

static void apply_row(struct lies *lies, const struct lie_row *row, struct tree_entry *entry,
		      struct arena *arena)
{
	struct lie lie;
	mode_t mode;

	lies_read(row, &lie);
	entry->uid = lie.uid == LIES_KEEP ? 0 : lie.uid;
	entry->gid = lie.gid == LIES_KEEP ? 0 : lie.gid;
	mode = (entry->mode & ~lie.mode_mask) | lie.mode_bits;
	entry->mode = (entry->mode & S_IFMT) | (mode & 07777);
	if (is_device(mode))
		set_type(entry, mode & S_IFMT, lie.rdev_major, lie.rdev_minor);
	take_xattrs(lies, row, entry, arena);
}

static int load_file(const char *path, struct tree *tree, struct err *err)
{
	auto_lies lies = { 0 };
	auto_buf text = { 0 };
	int r = io_read_file_at(AT_FDCWD, path, SAVED_BYTES_MAX, &text, err);

	if (r == 0)
		r = make_table(&lies, err);
	if (r == 0)
		r = saved_load(&lies, buf_text(&text), err);
	for (size_t i = 0; r == 0 && i < tree->count; i++) {
		struct tree_entry *entry = &tree->item[i];
		struct file_id id = { .device = (uint64_t)major(entry->dev) << 32 |
						minor(entry->dev),
				      .inode = entry->ino };
		const struct lie_row *row = lies_find(&lies, &id);

		if (row)
			apply_row(&lies, row, entry, &tree->arena);
	}
	return r < 0 ? err_wrap(err, "owners from '%s'", path) : 0;
}

/* What the file system could not be told. */
static bool differs(const struct tree_entry *entry, mode_t disk_mode)
{
	if (entry->uid || entry->gid || (!S_ISLNK(entry->mode) && entry->mode != disk_mode))
		return true;
	for (size_t i = 0; i < entry->xattr_count; i++)
		if (!xattr_is_settable(entry->xattrs[i].name))
			return true;
	return false;
}

static int enter(struct lies *lies, const struct tree_entry *entry, const struct statx *x)
{
	struct file_id id = lies_id_of(x);
	struct lie_row *row = lies_make(lies, &id);
	int r = row ? 0 : -ENOSPC;

	if (r < 0)
		return r;
	lies_note_real_mode(row, x->stx_mode);
	lies_set_owner(row, entry->uid, entry->gid);
	if (!S_ISLNK(entry->mode))
		lies_set_mode(row, S_IFMT | 07777, entry->mode);
	lies_set_device(row, entry->rdev_major, entry->rdev_minor);
	for (size_t i = 0; r == 0 && i < entry->xattr_count; i++)
		if (!xattr_is_settable(entry->xattrs[i].name))
			r = lies_xattr_set(lies, row, entry->xattrs[i].name, entry->xattrs[i].value,
					   (uint32_t)entry->xattrs[i].size_bytes);
	return r;
}

static int save_file(const char *path, const struct tree *tree, int root_fd, struct err *err)
{
	auto_lies lies = { 0 };
	auto_buf text = { 0 };
	int r = make_table(&lies, err);

	for (size_t i = 0; r == 0 && i < tree->count; i++) {
		const struct tree_entry *entry = &tree->item[i];
		struct statx x;

		if (statx(root_fd, entry->path[0] ? entry->path : ".", AT_SYMLINK_NOFOLLOW,
			  STATX_BASIC_STATS | STATX_BTIME, &x) < 0)
			return fail(err, errno, "look at '/%s'", entry->path);
		r = differs(entry, x.stx_mode) ? enter(&lies, entry, &x) : 0;
		if (r < 0)
			fail(err, -r, "owner of '/%s'", entry->path);
	}
	if (r < 0)
		return r;
	saved_print(&lies, &text);
	return io_replace_file_at(AT_FDCWD, path, buf_text(&text), text.size_bytes, 0666, err);
}

/* --- the attribute --- */

static const struct {
	const char *name;
	mode_t type;
} types[] = {
	{ "file", S_IFREG }, { "dir", S_IFDIR },    { "symlink", S_IFLNK },
	{ "pipe", S_IFIFO }, { "block-", S_IFBLK }, { "char-", S_IFCHR },
};

/* "block-8-1" is TYPE for a device. */
static bool apply_type(const char *text, struct tree_entry *entry)
{
	for (size_t i = 0; i < array_count(types); i++) {
		unsigned rdev_major;
		unsigned rdev_minor;
		int end = 0;

		if (!is_device(types[i].type)) {
			if (strcmp(text, types[i].name) != 0)
				continue;
			if ((entry->mode & S_IFMT) != types[i].type)
				set_type(entry, types[i].type, 0, 0);
			return types[i].type != S_IFLNK || entry->link;
		}
		if (!text_starts(text, types[i].name))
			continue;
		if (sscanf(text + strlen(types[i].name), "%u-%u%n", &rdev_major, &rdev_minor,
			   &end) != 2 ||
		    text[strlen(types[i].name) + (size_t)end])
			return false;
		set_type(entry, types[i].type, rdev_major, rdev_minor);
		return true;
	}
	return false;
}

/* "0:42:0640", and perhaps ":file"; some writers put the type into the mode, too. */
static bool apply_override(const char *text, struct tree_entry *entry)
{
	uint32_t uid;
	uint32_t gid;
	uint32_t mode;
	int end = 0;

	if (sscanf(text, "%u:%u:%o%n", &uid, &gid, &mode, &end) != 3 || mode > 0177777)
		return false;
	entry->uid = uid;
	entry->gid = gid;
	entry->mode = (entry->mode & S_IFMT) | (mode & 07777);
	return !text[end] || (text[end] == ':' && apply_type(text + end + 1, entry));
}

static int load_override(struct tree_entry *entry, struct err *err)
{
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct xattr *xattr = &entry->xattrs[i];
		char text[128];

		if (strcmp(xattr->name, OVERRIDE) != 0)
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)xattr->size_bytes,
			 (const char *)xattr->value);
		if (xattr->size_bytes >= sizeof(text) || !apply_override(text, entry))
			return fail_plain(err, EUCLEAN, "'/%s': attribute " OVERRIDE "=%s is wrong",
					  entry->path, text);
		memmove(&entry->xattrs[i], &entry->xattrs[i + 1],
			(entry->xattr_count - i - 1) * sizeof(*entry->xattrs));
		entry->xattr_count--;
		return 0;
	}
	return 0;
}

static bool can_have_override(const struct tree_entry *entry)
{
	return S_ISREG(entry->mode) || S_ISDIR(entry->mode) || is_device(entry->mode);
}

static struct xattr override_of(const struct tree_entry *entry, struct arena *arena)
{
	char type[32] = "";
	struct xattr override = { .name = OVERRIDE };

	for (size_t i = 0; i < array_count(types); i++)
		if (types[i].type == (entry->mode & S_IFMT))
			snprintf(type, sizeof(type), "%s", types[i].name);
	if (is_device(entry->mode))
		snprintf(type + strlen(type), sizeof(type) - strlen(type), "%u-%u",
			 entry->rdev_major, entry->rdev_minor);
	override.value = arena_printf(arena, "%u:%u:%04o:%s", entry->uid, entry->gid,
				      entry->mode & 07777, type);
	override.size_bytes = strlen(override.value);
	return override;
}

static void add_override(struct tree_entry *entry, struct arena *arena)
{
	const struct xattrs before = { entry->xattrs, entry->xattr_count };
	struct xattr override = override_of(entry, arena);
	struct xattrs all = xattrs_join(arena, &before, &override, 1);

	entry->xattrs = all.item;
	entry->xattr_count = all.count;
}

static size_t count_privileged(const struct tree_entry *entry)
{
	size_t count = 0;

	for (size_t i = 0; i < entry->xattr_count; i++)
		count += !xattr_is_settable(entry->xattrs[i].name);
	return count;
}

static int check_overrides(const struct tree *tree, int root_fd, struct err *err)
{
	const struct tree_entry *first = NULL;
	size_t owners = 0;
	size_t privileged = 0;

	if (fgetxattr(root_fd, OVERRIDE, NULL, 0) < 0)
		return fail(err, errno, "owners in attributes: the file system did not take them");
	for (size_t i = 0; i < tree->count; i++) {
		const struct tree_entry *entry = &tree->item[i];
		bool loses_owner = !can_have_override(entry) && (entry->uid || entry->gid);
		size_t loses = count_privileged(entry);

		if (!first && (loses_owner || loses))
			first = entry;
		owners += loses_owner;
		privileged += loses;
	}
	if (first)
		log_warning("%zu owners of symbolic links and fifos and %zu privileged attributes "
			    "are lost, for which there is no such attribute ('/%s' is the first)",
			    owners, privileged, first->path);
	return 0;
}

/* --- one or the other --- */

int directory_owners_load(const char *how, struct tree *tree, struct err *err)
{
	if (!is_xattr(how))
		return load_file(how, tree, err);
	for (size_t i = 0; i < tree->count; i++) {
		int r = load_override(&tree->item[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

void directory_owners_prepare(const char *how, struct tree *tree)
{
	for (size_t i = 0; is_xattr(how) && i < tree->count; i++)
		if (can_have_override(&tree->item[i]))
			add_override(&tree->item[i], &tree->arena);
}

int directory_owners_save(const char *how, const struct tree *tree, int root_fd, struct err *err)
{
	return is_xattr(how) ? check_overrides(tree, root_fd, err)
			     : save_file(how, tree, root_fd, err);
}
