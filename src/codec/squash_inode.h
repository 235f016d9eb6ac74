/* SPDX-License-Identifier: Apache-2.0 */
/* For codec/squash_*.c: what an inode of libsquashfs says, in our words. 0 or an SQFS_ERROR. */
#ifndef CODEC_SQUASH_INODE_H
#define CODEC_SQUASH_INODE_H

#include <sqfs/inode.h>

#include "codec/squash_io.h"
#include "codec/squash_view.h"

#define SQUASH_NO_XATTR	       0xffffffffu
#define SQUASH_XATTR_BYTES_MAX ((size_t)1024 * 1024)

int squash_inode_attr(const struct squash_tables *tables, const sqfs_inode_generic_t *inode,
		      struct squash_attr *ret) must_check;
/* The target, in the arena; NULL: it is no symlink. */
const char *squash_inode_link(const sqfs_inode_generic_t *inode, struct arena *arena);
/* All of them, in the arena. Not for two threads with the same tables at once. */
int squash_inode_xattrs(const struct squash_tables *tables, const sqfs_inode_generic_t *inode,
			struct arena *arena, struct tar_xattr **ret, size_t *ret_count) must_check;

#endif
