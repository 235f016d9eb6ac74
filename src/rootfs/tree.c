// SPDX-License-Identifier: Apache-2.0
#include "rootfs/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/strings.h"

#define XATTR_LIST_MAX	65536 /* XATTR_LIST_MAX and XATTR_SIZE_MAX of limits.h(0p) */
#define XATTR_VALUE_MAX 65536

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

/* --- extended attributes --- */

/* Attributes that say how this machine stores the file, not what it is. */
static bool is_private(const char *name)
{
	return text_starts(name, "user.overlay.") || text_starts(name, "trusted.overlay.") ||
	       strcmp(name, "security.selinux") == 0 || text_starts(name, "system.nfs4_acl") ||
	       text_starts(name, "security.evm") || text_starts(name, "security.ima");
}

static int compare_xattrs(const void *left, const void *right)
{
	const struct xattr *a = left;
	const struct xattr *b = right;

	return strcmp(a->name, b->name);
}

static int read_value(const char *path, const char *name, struct arena *arena,
		      struct xattr *ret_xattr)
{
	auto_free char *value = memory_zeroed(1, XATTR_VALUE_MAX);
	ssize_t size = lgetxattr(path, name, value, XATTR_VALUE_MAX);

	if (size < 0)
		return -errno;
	ret_xattr->name = arena_copy(arena, name);
	ret_xattr->value = arena_copy_bytes(arena, value, (size_t)size);
	ret_xattr->size_bytes = (size_t)size;
	return 0;
}

static void add_xattr(struct tree_entry *entry, struct arena *arena, const struct xattr *xattr)
{
	struct xattr *grown = arena_array(arena, struct xattr, entry->xattr_count + 1);

	if (entry->xattr_count)
		memcpy(grown, entry->xattrs, entry->xattr_count * sizeof(*grown));
	grown[entry->xattr_count++] = *xattr;
	entry->xattrs = grown;
}

/* There is no lgetxattrat(2) before Linux 6.13: the directory's fd in /proc gives a path that does
 * not follow the last component. */
static int read_xattrs(struct tree *tree, struct tree_entry *entry, int dirfd, const char *name,
		       struct err *err)
{
	auto_buf path = { 0 };
	char small[1024];
	auto_free char *large = NULL;
	char *list = small;
	ssize_t size;

	buf_printf(&path, "/proc/self/fd/%d/%s", dirfd, name);
	size = llistxattr(path.bytes, small, sizeof(small));
	if (size < 0 && errno == ERANGE) {
		list = large = memory_zeroed(1, XATTR_LIST_MAX);
		size = llistxattr(path.bytes, large, XATTR_LIST_MAX);
	}
	if (size < 0 && (errno == ENOTSUP || errno == ENOSYS))
		return 0;
	if (size < 0)
		return fail(err, errno, "list extended attributes of '/%s'", entry->path);
	for (const char *at = list; at < list + size; at += strlen(at) + 1) {
		struct xattr xattr;
		int r = is_private(at) ? -ENODATA
				       : read_value(path.bytes, at, &tree->arena, &xattr);

		if (r == 0)
			add_xattr(entry, &tree->arena, &xattr);
		else if (r != -ENODATA)
			return fail(err, -r, "read extended attribute '%s' of '/%s'", at,
				    entry->path);
	}
	if (entry->xattr_count > 1)
		qsort(entry->xattrs, entry->xattr_count, sizeof(*entry->xattrs), compare_xattrs);
	return 0;
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

int tree_entry_from_disk(struct tree *tree, struct tree_entry *entry, int dirfd, const char *name,
			 const struct stat *st, struct err *err)
{
	int r;

	entry->mode = st->st_mode;
	entry->disk_mode = st->st_mode;
	entry->mtime = st->st_mtim;
	entry->size_bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	entry->rdev_major = major(st->st_rdev);
	entry->rdev_minor = minor(st->st_rdev);
	entry->dev = st->st_dev;
	entry->ino = st->st_ino;
	entry->nlink = st->st_nlink;
	if (S_ISLNK(st->st_mode)) {
		r = read_link(tree, entry, dirfd, name, err);
		if (r < 0)
			return r;
	}
	return read_xattrs(tree, entry, dirfd, name, err);
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
	for (size_t i = 0; i < owner->xattr_count; i++)
		add_xattr(entry, arena, &owner->xattrs[i]);
	if (owner->xattr_count && entry->xattr_count > 1)
		qsort(entry->xattrs, entry->xattr_count, sizeof(*entry->xattrs), compare_xattrs);
}
