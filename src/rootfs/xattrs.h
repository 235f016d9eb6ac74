/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes of files on disk and in stacked layers. Those that say how this machine
 * stores a file, and not what it is (overlayfs's marks, labels of security modules), are left out.
 */
#ifndef ROOTFS_XATTRS_H
#define ROOTFS_XATTRS_H

#include "rootfs/view.h"
#include "store/owners.h"

struct xattrs {
	struct xattr *item; /* sorted by name */
	size_t count;
};

/* Of dirfd/name, symlinks not followed, into the arena. None where the file system has none. */
int xattrs_read(int dirfd, const char *name, struct arena *arena, struct xattrs *ret_xattrs,
		struct err *err) must_check;
/* Those, and what the layer's record has beside them. */
int xattrs_of_view(const struct view *view, const char *path, const struct view_entry *entry,
		   struct arena *arena, struct xattrs *ret_xattrs, struct err *err) must_check;

/* One list with all of both, in the arena. */
struct xattrs xattrs_join(struct arena *arena, const struct xattrs *a, const struct xattr *more,
			  size_t more_count);

/* May the owner of a file set it, and does it then mean the same to all who see the file? */
bool xattr_is_settable(const char *name);

#endif
