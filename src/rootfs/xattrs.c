// SPDX-License-Identifier: Apache-2.0
#include "rootfs/xattrs.h"

#include <fcntl.h>
#include <linux/limits.h> /* XATTR_LIST_MAX, XATTR_SIZE_MAX */
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/memory.h"
#include "base/strings.h"
#include "sys/new_calls.h"
#include "sys/openat2.h"

static bool is_private(const char *name)
{
	return text_starts(name, "user.overlay.") || text_starts(name, "trusted.overlay.") ||
	       strcmp(name, "security.selinux") == 0 || text_starts(name, "system.nfs4_acl") ||
	       text_starts(name, "security.evm") || text_starts(name, "security.ima");
}

bool xattr_is_settable(const char *name)
{
	return text_starts(name, "user.") && !is_private(name);
}

static int compare(const void *left, const void *right)
{
	const struct xattr *a = left;
	const struct xattr *b = right;

	return strcmp(a->name, b->name);
}

struct xattrs xattrs_join(struct arena *arena, const struct xattrs *a, const struct xattr *more,
			  size_t more_count)
{
	struct xattrs joined = { .count = a->count + more_count };

	if (joined.count == 0)
		return joined;
	joined.item = arena_array(arena, struct xattr, joined.count);
	if (a->count)
		memcpy(joined.item, a->item, a->count * sizeof(*a->item));
	if (more_count)
		memcpy(joined.item + a->count, more, more_count * sizeof(*more));
	qsort(joined.item, joined.count, sizeof(*joined.item), compare);
	return joined;
}

/* The directory's fd in /proc gives a path whose last component is not followed. */
static void print_path(struct buf *path, int dirfd, const char *name)
{
	buf_printf(path, "/proc/self/fd/%d/%s", dirfd, name);
}

/* By way of /proc it takes four times as long, and nearly no file has any: the way of kernels
 * before 6.13, and of filters that do not know the call. */
static ssize_t list_names(int dirfd, const char *name, char *list, size_t size_bytes)
{
	ssize_t size = listxattrat(dirfd, name, AT_SYMLINK_NOFOLLOW, list, size_bytes);
	auto_buf path = { 0 };

	if (size >= 0 || (errno != ENOSYS && errno != EPERM))
		return size;
	print_path(&path, dirfd, name);
	return llistxattr(path.bytes, list, size_bytes);
}

static int read_value(const char *path, const char *name, struct arena *arena,
		      struct xattr *ret_xattr)
{
	auto_free char *value = memory_zeroed(1, XATTR_SIZE_MAX);
	ssize_t size = lgetxattr(path, name, value, XATTR_SIZE_MAX);

	if (size < 0)
		return -errno;
	ret_xattr->name = arena_copy(arena, name);
	ret_xattr->value = arena_copy_bytes(arena, value, (size_t)size);
	ret_xattr->size_bytes = (size_t)size;
	return 0;
}

static int read_listed(int dirfd, const char *file, const char *list, size_t size,
		       struct arena *arena, struct xattrs *xattrs, struct err *err)
{
	auto_buf path = { 0 };

	print_path(&path, dirfd, file);
	for (const char *at = list; at < list + size; at += strlen(at) + 1) {
		struct xattr xattr;
		int r = is_private(at) ? -ENODATA : read_value(path.bytes, at, arena, &xattr);

		if (r == 0)
			*xattrs = xattrs_join(arena, xattrs, &xattr, 1);
		else if (r != -ENODATA)
			return fail(err, -r, "read extended attribute '%s'", at);
	}
	return 0;
}

int xattrs_read(int dirfd, const char *name, struct arena *arena, struct xattrs *ret_xattrs,
		struct err *err)
{
	char small[1024];
	auto_free char *large = NULL;
	char *list = small;
	ssize_t size = list_names(dirfd, name, small, sizeof(small));

	*ret_xattrs = (struct xattrs){ 0 };
	if (size < 0 && errno == ERANGE) {
		list = large = memory_zeroed(1, XATTR_LIST_MAX);
		size = list_names(dirfd, name, large, XATTR_LIST_MAX);
	}
	if (size == 0 || (size < 0 && (errno == ENOTSUP || errno == ENOSYS)))
		return 0;
	if (size < 0)
		return fail(err, errno, "list extended attributes");
	return read_listed(dirfd, name, list, (size_t)size, arena, ret_xattrs, err);
}

int xattrs_of_view(const struct view *view, const char *path, const struct view_entry *entry,
		   struct arena *arena, struct xattrs *ret_xattrs, struct err *err)
{
	const struct view_layer *layer = &view->layer[entry->layer];
	const struct owner *owner = layer->plain ? NULL : owners_find(&layer->owners, path);
	const char *slash = strrchr(path, '/');
	const char *parent = slash ? arena_copy_bytes(arena, path, (size_t)(slash - path)) : "";
	auto_fd dirfd = -1;
	struct xattrs on_disk = { 0 };
	int r = 0;

	if (S_ISREG(entry->st.st_mode) || S_ISDIR(entry->st.st_mode)) {
		dirfd = openat2_no_symlinks(layer->dirfd, parent, O_PATH | O_DIRECTORY, 0);
		r = dirfd < 0 ? fail(err, -dirfd, "open the directory")
			      : xattrs_read(dirfd,
					    slash   ? slash + 1
					    : *path ? path
						    : ".",
					    arena, &on_disk, err);
	}
	if (r < 0)
		return err_wrap(err, "'/%s'", path);
	*ret_xattrs = owner ? xattrs_join(arena, &on_disk, owner->xattrs, owner->xattr_count)
			    : on_disk;
	return 0;
}
