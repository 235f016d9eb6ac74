/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns what in a directory that belongs to an ordinary user altogether, told where others look
 * for it. `how` is the name of a file in the format of fakeroot(1) -s, which knows the files by
 * device and inode, or the word below: then each file says it in its attribute
 * user.containers.override_stat, "UID:GID:MODE:TYPE", as Podman, fuse-overlayfs and virtiofs have
 * it (containers/storage, pkg/idtools). Symbolic links and fifos cannot have that attribute. */
#ifndef FLOW_DIRECTORY_OWNERS_H
#define FLOW_DIRECTORY_OWNERS_H

#include "rootfs/tree.h"

#define DIRECTORY_OWNERS_XATTR "xattr"

/* Into a tree made by tree_of_directory. -EUCLEAN names the line or the file. */
int directory_owners_load(const char *how, struct tree *tree, struct err *err) must_check;

/* Before tree_copy makes a directory of the tree: what goes into attributes. */
void directory_owners_prepare(const char *how, struct tree *tree);
/* After: write the file, or see whether the file system took the attributes (-ENOTSUP). */
int directory_owners_save(const char *how, const struct tree *tree, int root_fd,
			  struct err *err) must_check;

#endif
