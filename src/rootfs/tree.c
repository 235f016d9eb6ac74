// SPDX-License-Identifier: Apache-2.0
#include "rootfs/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/banned.h"
#include "base/memory.h"
#include "rootfs/xattrs.h"

void tree_done(struct tree *tree)
{
	free(tree->item);
	arena_done(&tree->arena);
	*tree = (struct tree){ 0 };
}

struct tree_entry *tree_add(struct tree *tree)
{
	if (tree->count == tree->room) {
		tree->room = tree->room ? 2 * tree->room : 256;
		tree->item = memory_resize(tree->item, tree->room, sizeof(*tree->item));
	}
	memset(&tree->item[tree->count], 0, sizeof(*tree->item));
	return &tree->item[tree->count++];
}

int tree_compare_paths(const char *left, const char *right)
{
	const unsigned char *a = (const void *)left;
	const unsigned char *b = (const void *)right;

	while (*a && *a == *b)
		a++, b++;
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/') /* what is in a directory, before longer names */
		return *a == '/' ? -1 : 1;
	return *a - *b;
}

/* --- entries --- */

static int read_link(struct tree *tree, struct tree_entry *entry, int dirfd, const char *name,
		     struct err *err)
{
	char text[PATH_MAX];
	ssize_t length = readlinkat(dirfd, name, text, sizeof(text));

	if (length < 0)
		return fail(err, errno, "read link '/%s'", entry->path);
	if (length == (ssize_t)sizeof(text))
		return fail(err, ENAMETOOLONG, "link '/%s'", entry->path);
	entry->link = arena_copy_bytes(&tree->arena, text, (size_t)length);
	return 0;
}

int tree_entry_from_stat(struct tree *tree, struct tree_entry *entry, int dirfd, const char *name,
			 const struct stat *st, struct err *err)
{
	entry->mode = st->st_mode;
	entry->disk_mode = st->st_mode;
	entry->mtime = st->st_mtim;
	entry->size_bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	entry->rdev_major = major(st->st_rdev);
	entry->rdev_minor = minor(st->st_rdev);
	entry->dev = st->st_dev;
	entry->ino = st->st_ino;
	entry->nlink = st->st_nlink;
	return S_ISLNK(st->st_mode) ? read_link(tree, entry, dirfd, name, err) : 0;
}

int tree_entry_read_xattrs(struct tree *tree, struct tree_entry *entry, int dirfd, const char *name,
			   struct err *err)
{
	struct xattrs xattrs;
	int r = xattrs_read(dirfd, name, &tree->arena, &xattrs, err);

	if (r < 0)
		return err_wrap(err, "'/%s'", entry->path);
	entry->xattrs = xattrs.item;
	entry->xattr_count = xattrs.count;
	entry->disk_xattrs = xattrs.item;
	entry->disk_xattr_count = xattrs.count;
	return 0;
}

int tree_entry_from_disk(struct tree *tree, struct tree_entry *entry, int dirfd, const char *name,
			 const struct stat *st, struct err *err)
{
	int r = tree_entry_from_stat(tree, entry, dirfd, name, st, err);

	return r < 0 ? r : tree_entry_read_xattrs(tree, entry, dirfd, name, err);
}

void tree_entry_apply_owner(struct tree_entry *entry, const struct owner *owner,
			    struct arena *arena)
{
	if (!owner)
		return;
	entry->uid = owner->uid;
	entry->gid = owner->gid;
	if (owner->has_mode)
		entry->mode = (entry->mode & S_IFMT) | owner->mode;
	if (owner->type) {
		entry->mode = owner->type | (entry->mode & 07777);
		entry->size_bytes = 0;
		entry->rdev_major = owner->rdev_major;
		entry->rdev_minor = owner->rdev_minor;
	}
	if (owner->xattr_count) {
		const struct xattrs on_disk = { entry->xattrs, entry->xattr_count };
		struct xattrs all = xattrs_join(arena, &on_disk, owner->xattrs, owner->xattr_count);

		entry->xattrs = all.item;
		entry->xattr_count = all.count;
	}
}
