// SPDX-License-Identifier: Apache-2.0
/* Inodes, directories and tables, in the order in which the kernel wants to find them. */
#include <sqfs/dir_writer.h>
#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <sqfs/meta_writer.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/squash_tree.h"

#define PADDING_BYTES 4096 /* as mksquashfs: the file can be a loop device */

struct finish {
	struct squash_writer *writer;
	sqfs_meta_writer_t *inodes;
	sqfs_meta_writer_t *entries; /* of directories: kept until all inodes are written */
	sqfs_dir_writer_t *directory;
	struct err *err;
};

static int broken(struct finish *finish, int code, const char *what)
{
	return squash_fail(finish->err, &finish->writer->io, code, "write %s", what);
}

/* --- order --- */

static int by_name(const void *a, const void *b)
{
	const struct squash_node *const *left = a;
	const struct squash_node *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static void sort_children(struct squash_node *directory)
{
	size_t count = directory->child_count;
	struct squash_node **list = memory_zeroed(count ? count : 1, sizeof(struct squash_node *));
	struct squash_node **end = &directory->first;
	size_t n = 0;

	for (struct squash_node *child = directory->first; child; child = child->next)
		list[n++] = child;
	qsort(list, count, sizeof(struct squash_node *), by_name);
	for (size_t i = 0; i < count; i++) {
		*end = list[i];
		end = &list[i]->next;
	}
	*end = NULL;
	free(list);
}

/* Those of a directory one after another: they then share a header. */
static void number_nodes(struct squash_writer *writer, struct squash_node *directory)
{
	sort_children(directory);
	for (struct squash_node *child = directory->first; child; child = child->next)
		if (!child->target)
			child->number = ++writer->super.inode_count;
	for (struct squash_node *child = directory->first; child; child = child->next)
		if (S_ISDIR(child->mode))
			number_nodes(writer, child);
}

/* --- inodes --- */

static sqfs_inode_generic_t *new_inode(size_t extra_bytes)
{
	return memory_zeroed(1, sizeof(sqfs_inode_generic_t) + extra_bytes);
}

static sqfs_inode_generic_t *symlink_inode(const struct squash_node *node)
{
	size_t size = strlen(node->symlink);
	sqfs_inode_generic_t *inode = new_inode(size + 1);

	inode->base.type = SQFS_INODE_SLINK;
	inode->data.slink.nlink = node->names;
	inode->data.slink.target_size = (sqfs_u32)size;
	memcpy(inode->extra, node->symlink, size);
	return inode;
}

static sqfs_inode_generic_t *special_inode(const struct squash_node *node)
{
	sqfs_inode_generic_t *inode = new_inode(0);

	if (S_ISFIFO(node->mode)) {
		inode->base.type = SQFS_INODE_FIFO;
		inode->data.ipc.nlink = node->names;
		return inode;
	}
	inode->base.type = S_ISCHR(node->mode) ? SQFS_INODE_CDEV : SQFS_INODE_BDEV;
	inode->data.dev.nlink = node->names;
	inode->data.dev.devno = node->device;
	return inode;
}

/* The short form of a file's inode has no room for either. */
static int complete_file(struct squash_node *node)
{
	int r;

	if (node->names < 2 && node->xattr == SQUASH_NO_XATTR)
		return 0;
	r = sqfs_inode_make_extended(node->inode);
	if (r == 0)
		node->inode->data.file_ext.nlink = node->names;
	return r;
}

static int write_inode(struct finish *finish, struct squash_node *node)
{
	sqfs_inode_generic_t *inode = node->inode;
	sqfs_u64 block;
	sqfs_u32 offset;
	int r = 0;

	inode->base.mode = (sqfs_u16)node->mode;
	inode->base.uid_idx = node->uid_index;
	inode->base.gid_idx = node->gid_index;
	inode->base.mod_time = node->mtime_s;
	inode->base.inode_number = node->number;
	if (node->xattr != SQUASH_NO_XATTR && !S_ISDIR(node->mode))
		r = sqfs_inode_make_extended(inode);
	if (r == 0 && node->xattr != SQUASH_NO_XATTR)
		r = sqfs_inode_set_xattr_index(inode, node->xattr);
	sqfs_meta_writer_get_position(finish->inodes, &block, &offset);
	node->reference = block << 16 | offset;
	if (r == 0)
		r = sqfs_meta_writer_write_inode(finish->inodes, inode);
	sqfs_free(inode);
	node->inode = NULL;
	return r < 0 ? broken(finish, r, node->name) : 0;
}

static int write_leaf(struct finish *finish, struct squash_node *node)
{
	int r = 0;

	if (S_ISLNK(node->mode))
		node->inode = symlink_inode(node);
	else if (!S_ISREG(node->mode))
		node->inode = special_inode(node);
	else
		r = complete_file(node);
	return r < 0 ? broken(finish, r, node->name) : write_inode(finish, node);
}

static int list_children(struct finish *finish, struct squash_node *directory, size_t *ret_links)
{
	size_t links = 2;
	int r = sqfs_dir_writer_begin(finish->directory, 0);

	for (struct squash_node *child = directory->first; r == 0 && child; child = child->next) {
		const struct squash_node *node = child->target ? child->target : child;

		links += S_ISDIR(node->mode);
		r = sqfs_dir_writer_add_entry(finish->directory, child->name, node->number,
					      node->reference, (sqfs_u16)node->mode);
	}
	if (r == 0)
		r = sqfs_dir_writer_end(finish->directory);
	*ret_links = links;
	return r;
}

static int write_directory(struct finish *finish, struct squash_node *directory,
			   uint32_t parent_number);

/* A further name may come before the first in the order in which directories are written. */
static int write_below(struct finish *finish, struct squash_node *directory)
{
	int r = 0;

	for (struct squash_node *child = directory->first; r == 0 && child; child = child->next) {
		struct squash_node *node = child->target ? child->target : child;

		if (S_ISDIR(node->mode))
			r = write_directory(finish, node, directory->number);
		else if (node->reference == SQUASH_NOT_WRITTEN)
			r = write_leaf(finish, node);
	}
	return r;
}

static int write_directory(struct finish *finish, struct squash_node *directory,
			   uint32_t parent_number)
{
	size_t links;
	int r = write_below(finish, directory);

	if (r < 0)
		return r;
	r = list_children(finish, directory, &links);
	if (r < 0)
		return broken(finish, r, directory->name);
	directory->inode = sqfs_dir_writer_create_inode(finish->directory, links, directory->xattr,
							parent_number);
	if (!directory->inode)
		return broken(finish, SQFS_ERROR_ALLOC, directory->name);
	return write_inode(finish, directory);
}

/* --- tables --- */

static int write_tables(struct finish *finish)
{
	struct squash_writer *writer = finish->writer;
	sqfs_file_t *file = &writer->io.file;
	sqfs_super_t *super = &writer->super;
	int r = sqfs_frag_table_write(writer->fragments, file, super, writer->compressor);

	if (r == 0)
		r = sqfs_dir_writer_write_export_table(finish->directory, file, writer->compressor,
						       writer->root.number, writer->root.reference,
						       super);
	if (r == 0)
		r = sqfs_id_table_write(writer->ids, file, super, writer->compressor);
	if (r == 0)
		r = sqfs_xattr_writer_flush(writer->xattrs, file, super, writer->compressor);
	return r;
}

static int write_super(struct squash_writer *writer)
{
	sqfs_file_t *file = &writer->io.file;
	uint64_t padded;
	int r;

	writer->super.bytes_used = file->get_size(file);
	padded = (writer->super.bytes_used + PADDING_BYTES - 1) / PADDING_BYTES * PADDING_BYTES;
	r = sqfs_super_write(&writer->super, file);
	return r < 0 ? r : file->truncate(file, padded);
}

static int write_all(struct finish *finish)
{
	struct squash_writer *writer = finish->writer;
	sqfs_file_t *file = &writer->io.file;
	int r;

	writer->super.inode_table_start = file->get_size(file);
	r = write_directory(finish, &writer->root, writer->super.inode_count + 1);
	if (r < 0)
		return r;
	r = sqfs_meta_writer_flush(finish->inodes);
	if (r == 0)
		r = sqfs_meta_writer_flush(finish->entries);
	writer->super.root_inode_ref = writer->root.reference;
	writer->super.directory_table_start = file->get_size(file);
	if (r == 0)
		r = sqfs_meta_write_write_to_file(finish->entries);
	if (r == 0)
		r = write_tables(finish);
	if (r == 0)
		r = write_super(writer);
	return r < 0 ? broken(finish, r, "tables") : 0;
}

static int finish_all(struct finish *finish)
{
	struct squash_writer *writer = finish->writer;
	sqfs_file_t *file = &writer->io.file;

	finish->inodes = sqfs_meta_writer_create(file, writer->compressor, 0);
	finish->entries = sqfs_meta_writer_create(file, writer->compressor,
						  SQFS_META_WRITER_KEEP_IN_MEMORY);
	if (finish->entries)
		finish->directory = sqfs_dir_writer_create(finish->entries,
							   SQFS_DIR_WRITER_CREATE_EXPORT_TABLE);
	if (!finish->inodes || !finish->directory)
		return broken(finish, SQFS_ERROR_ALLOC, "directories");
	return write_all(finish);
}

int squash_writer_end(struct squash_writer *writer, struct err *err)
{
	struct finish finish = { .writer = writer, .err = err };
	int r = sqfs_block_processor_finish(writer->blocks);

	if (r < 0)
		return squash_fail(err, &writer->io, r, "write");
	writer->root.number = ++writer->super.inode_count;
	number_nodes(writer, &writer->root);
	r = finish_all(&finish);
	sqfs_destroy(finish.directory);
	sqfs_destroy(finish.entries);
	sqfs_destroy(finish.inodes);
	return r;
}
