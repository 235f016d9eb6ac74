// SPDX-License-Identifier: Apache-2.0
#include "codec/squash_inode.h"

#include <sqfs/error.h>
#include <sqfs/xattr.h>
#include <sys/stat.h>

#include "base/banned.h"

/* As Linux's new_decode_dev. */
static void fill_device(const sqfs_inode_dev_t *device, struct squash_attr *attr)
{
	attr->links = device->nlink;
	attr->rdev_major = (device->devno & 0xfff00) >> 8;
	attr->rdev_minor = (device->devno & 0xff) | ((device->devno >> 12) & 0xfff00);
}

static void fill_size(const sqfs_inode_generic_t *inode, struct squash_attr *attr)
{
	switch (inode->base.type) {
	case SQFS_INODE_FILE:
		attr->size_bytes = inode->data.file.file_size;
		attr->links = 1;
		break;
	case SQFS_INODE_EXT_FILE:
		attr->size_bytes = inode->data.file_ext.file_size;
		attr->links = inode->data.file_ext.nlink;
		break;
	case SQFS_INODE_DIR:
		attr->size_bytes = inode->data.dir.size;
		attr->links = inode->data.dir.nlink;
		break;
	case SQFS_INODE_EXT_DIR:
		attr->size_bytes = inode->data.dir_ext.size;
		attr->links = inode->data.dir_ext.nlink;
		break;
	case SQFS_INODE_SLINK:
	case SQFS_INODE_EXT_SLINK:
		attr->size_bytes = inode->data.slink.target_size;
		attr->links = inode->data.slink.nlink;
		break;
	case SQFS_INODE_BDEV:
	case SQFS_INODE_CDEV:
	case SQFS_INODE_EXT_BDEV:
	case SQFS_INODE_EXT_CDEV:
		fill_device(&inode->data.dev, attr);
		break;
	default: /* a pipe or socket */
		attr->links = inode->data.ipc.nlink;
	}
}

int squash_inode_attr(const struct squash_tables *tables, const sqfs_inode_generic_t *inode,
		      struct squash_attr *ret)
{
	int r;

	*ret = (struct squash_attr){ .number = inode->base.inode_number,
				     .mode = inode->base.mode,
				     .mtime_s = inode->base.mod_time };
	fill_size(inode, ret);
	r = sqfs_id_table_index_to_id(tables->ids, inode->base.uid_idx, &ret->uid);
	return r < 0 ? r : sqfs_id_table_index_to_id(tables->ids, inode->base.gid_idx, &ret->gid);
}

const char *squash_inode_link(const sqfs_inode_generic_t *inode, struct arena *arena)
{
	return S_ISLNK(inode->base.mode)
		       ? arena_copy_bytes(arena, inode->extra, inode->data.slink.target_size)
		       : NULL;
}

/* --- extended attributes --- */

static int read_xattr(sqfs_xattr_reader_t *xattrs, struct arena *arena, struct tar_xattr *ret)
{
	sqfs_xattr_entry_t *key = NULL;
	sqfs_xattr_value_t *value = NULL;
	int r = sqfs_xattr_reader_read_key(xattrs, &key);

	if (r == 0)
		r = sqfs_xattr_reader_read_value(xattrs, key, &value);
	if (r == 0 && value->size > SQUASH_XATTR_BYTES_MAX)
		r = SQFS_ERROR_OVERFLOW;
	if (r == 0)
		*ret = (struct tar_xattr){ arena_copy(arena, (const char *)key->key),
					   arena_copy_bytes(arena, value->value, value->size),
					   value->size };
	sqfs_free(key);
	sqfs_free(value);
	return r;
}

int squash_inode_xattrs(const struct squash_tables *tables, const sqfs_inode_generic_t *inode,
			struct arena *arena, struct tar_xattr **ret, size_t *ret_count)
{
	sqfs_xattr_id_t desc;
	sqfs_u32 index;
	int r;

	*ret_count = 0;
	if (sqfs_inode_get_xattr_index(inode, &index) < 0 || index == SQUASH_NO_XATTR ||
	    !tables->xattrs)
		return 0;
	r = sqfs_xattr_reader_get_desc(tables->xattrs, index, &desc);
	if (r == 0)
		r = sqfs_xattr_reader_seek_kv(tables->xattrs, &desc);
	if (r == 0 && desc.count > 0xffff)
		r = SQFS_ERROR_CORRUPTED;
	if (r < 0)
		return r;
	*ret = arena_array(arena, struct tar_xattr, desc.count);
	*ret_count = desc.count;
	for (size_t i = 0; r == 0 && i < desc.count; i++)
		r = read_xattr(tables->xattrs, arena, &(*ret)[i]);
	return r;
}
