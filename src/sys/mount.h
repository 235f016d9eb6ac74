/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts, by the new mount API (open_tree, move_mount, mount_setattr, fsopen: mount(2)-free, by
 * fd), with mount(2) where the kernel or a filter refuses it. That choice is made here and nowhere
 * else. Needs CAP_SYS_ADMIN in the user namespace that owns the mount namespace.
 * Nothing allocates: legal in a child after clone(2). All return 0 or -errno. */
#ifndef SYS_MOUNT_H
#define SYS_MOUNT_H

#include <stdbool.h>

#include "base/err.h"

/* Attributes as in mount_setattr(2); combined with |. */
enum mount_attribute {
	MOUNT_READ_ONLY = 1,
	MOUNT_NOSUID = 2,
	MOUNT_NODEV = 4,
	MOUNT_NOEXEC = 8,
};

/* Bind the file or directory at source_fd (O_PATH) over target_fd. recursive: with the mounts
 * below it; attributes are added to what the source's mounts already have (locked flags stay). */
int mount_bind(int source_fd, int target_fd, bool recursive, unsigned attrs,
	       struct err *err) must_check;

/* The two halves of a recursive bind, for a source that something will be mounted over in between:
 * a detached copy of the tree of mounts at `path`, and putting it in its place. -ENOSYS before
 * Linux 5.2. */
int mount_copy_tree(const char *path, int *ret_tree_fd, struct err *err) must_check;
int mount_attach_tree(int tree_fd, int target_fd, unsigned attrs, struct err *err) must_check;

/* Bind the host's file `source` over `name` in the directory target_fd, with as few calls as can
 * be. */
int mount_bind_file(const char *source, int target_fd, const char *name,
		    struct err *err) must_check;

/* Add attributes to the mount whose root is mount_fd, and those below it when recursive. */
int mount_add_attrs(int mount_fd, bool recursive, unsigned attrs, struct err *err) must_check;

struct mount_option {
	const char *key;   /* NULL ends a list */
	const char *value; /* NULL: a flag */
	bool is_directory; /* the value is the path of one (overlay) */
};

/* Mount a new file system of `type` over target_fd. `*ret_root_fd`, unless NULL, is an O_PATH fd
 * of its root. For overlay, "lowerdir+" may be repeated, topmost first: kernels without it get
 * one "lowerdir". */
int mount_new(const char *type, const char *source, const struct mount_option *options,
	      unsigned attrs, int target_fd, int *ret_root_fd, struct err *err) must_check;

/* All mounts of this namespace become slaves: what the host unmounts goes away here too, nothing
 * done here reaches the host. */
int mount_isolate(struct err *err) must_check;

/* Make the mount at root_fd the root of this mount namespace and drop everything else. The
 * working directory is the new root afterwards. */
int mount_pivot(int root_fd, struct err *err) must_check;

#endif
