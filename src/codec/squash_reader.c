// SPDX-License-Identifier: Apache-2.0
/* A whole squashfs as a list of entries. What it says is checked: names, loops and sizes may come
 * from anybody. */
#include <sqfs/data_reader.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/squash_tree.h"

#define CHUNK_BYTES ((size_t)256 * 1024)
#define DEPTH_MAX   4096 /* of directories, for each is a call deep */

struct reading {
	struct squash_io io;
	const struct squash_sink *sink;
	struct squash_tables tables;
	sqfs_dir_reader_t *directories;
	sqfs_data_reader_t *data;
	sqfs_tree_node_t *root;
	struct map first_names; /* inode number -> path of files with several names */
	struct arena arena;
	char *chunk;
	struct err *err;
};

static int damaged(struct reading *reading, const char *path, const char *what)
{
	return fail_plain(reading->err, EUCLEAN, "'%s': %s", path, what);
}

/* --- entries --- */

/* False: a socket, which no archive has. */
static bool set_type(struct tar_entry *entry, const struct squash_attr *attr)
{
	switch (attr->mode & S_IFMT) {
	case S_IFDIR:
		entry->type = TAR_DIRECTORY;
		return true;
	case S_IFREG:
		entry->type = TAR_FILE;
		entry->size_bytes = attr->size_bytes;
		return true;
	case S_IFLNK:
		entry->type = TAR_SYMLINK;
		return true;
	case S_IFBLK:
		entry->type = TAR_BLOCK_DEVICE;
		return true;
	case S_IFCHR:
		entry->type = TAR_CHAR_DEVICE;
		return true;
	case S_IFIFO:
		entry->type = TAR_FIFO;
		return true;
	default:
		return false;
	}
}

/* 1, or 0 for what is left out. */
static int describe(struct reading *reading, const sqfs_inode_generic_t *inode,
		    struct tar_entry *entry, uint32_t *ret_links, struct arena *arena)
{
	struct squash_attr attr;
	int r = squash_inode_attr(&reading->tables, inode, &attr);

	if (r < 0)
		return squash_fail(reading->err, &reading->io, r, "owner of '%s'", entry->path);
	*ret_links = attr.links;
	entry->mode = attr.mode & 07777;
	entry->uid = attr.uid;
	entry->gid = attr.gid;
	entry->mtime_s = attr.mtime_s;
	entry->rdev_major = attr.rdev_major;
	entry->rdev_minor = attr.rdev_minor;
	entry->link = squash_inode_link(inode, arena);
	return set_type(entry, &attr);
}

static int add_xattrs(struct reading *reading, const sqfs_inode_generic_t *inode,
		      struct tar_entry *entry, struct arena *arena)
{
	struct tar_xattr *list = NULL;
	int r = squash_inode_xattrs(&reading->tables, inode, arena, &list, &entry->xattr_count);

	entry->xattrs = list;
	return r < 0 ? squash_fail(reading->err, &reading->io, r, "attributes of '%s'", entry->path)
		     : 0;
}

static const char *first_name(struct reading *reading, const sqfs_inode_generic_t *inode,
			      const char *path)
{
	char key[16];
	const char *first;

	snprintf(key, sizeof(key), "%u", inode->base.inode_number);
	first = map_get(&reading->first_names, key);
	if (!first)
		map_set(&reading->first_names, key, arena_copy(&reading->arena, path));
	return first;
}

static int pass_content(struct reading *reading, const sqfs_inode_generic_t *inode,
			const struct tar_entry *entry)
{
	uint64_t offset = 0;

	while (offset < entry->size_bytes) {
		uint64_t left = entry->size_bytes - offset;
		sqfs_u32 want = left < CHUNK_BYTES ? (sqfs_u32)left : (sqfs_u32)CHUNK_BYTES;
		sqfs_s32 n = sqfs_data_reader_read(reading->data, inode, offset, reading->chunk,
						   want);
		int r;

		if (n < 0)
			return squash_fail(reading->err, &reading->io, n, "read '%s'", entry->path);
		if (n == 0)
			return damaged(reading, entry->path, "ends before its size");
		r = reading->sink->data(reading->sink->context, reading->chunk, (size_t)n,
					reading->err);
		if (r < 0)
			return r;
		offset += (uint64_t)n;
	}
	return 0;
}

static int pass_node(struct reading *reading, const sqfs_tree_node_t *node, const char *path,
		     struct arena *arena)
{
	const sqfs_inode_generic_t *inode = node->inode;
	uint32_t links = 1;
	struct tar_entry entry = { .path = *path ? path : "./" };
	const char *first;
	int r = describe(reading, inode, &entry, &links, arena);

	if (r <= 0)
		return r;
	if (entry.type != TAR_DIRECTORY && links > 1) {
		first = first_name(reading, inode, path);
		if (first) {
			entry.type = TAR_HARD_LINK;
			entry.link = first;
			entry.size_bytes = 0;
			return reading->sink->entry(reading->sink->context, &entry, reading->err);
		}
	}
	r = add_xattrs(reading, inode, &entry, arena);
	if (r == 0)
		r = reading->sink->entry(reading->sink->context, &entry, reading->err);
	if (r < 0 || entry.type != TAR_FILE || !reading->sink->data)
		return r;
	return pass_content(reading, inode, &entry);
}

static int by_name(const void *a, const void *b)
{
	const sqfs_tree_node_t *const *left = a;
	const sqfs_tree_node_t *const *right = b;

	return strcmp((const char *)(*left)->name, (const char *)(*right)->name);
}

static int pass_below(struct reading *reading, const sqfs_tree_node_t *node, struct buf *path,
		      unsigned depth);

static int pass_tree(struct reading *reading, const sqfs_tree_node_t *node, struct buf *path,
		     unsigned depth)
{
	auto_arena arena = { 0 };
	int r = pass_node(reading, node, buf_text(path), &arena);

	return r < 0 || !node->children ? r : pass_below(reading, node, path, depth + 1);
}

static int pass_child(struct reading *reading, const sqfs_tree_node_t *child, struct buf *path,
		      unsigned depth)
{
	const char *name = (const char *)child->name;
	size_t before = path->size_bytes;
	int r;

	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return damaged(reading, buf_text(path), "has an entry with an impossible name");
	buf_printf(path, "%s%s", before ? "/" : "", name);
	r = pass_tree(reading, child, path, depth);
	buf_truncate(path, before);
	return r;
}

static int pass_below(struct reading *reading, const sqfs_tree_node_t *node, struct buf *path,
		      unsigned depth)
{
	const sqfs_tree_node_t **list;
	size_t count = 0;
	size_t n = 0;
	int r = 0;

	if (depth > DEPTH_MAX)
		return damaged(reading, buf_text(path), "is too deep");
	for (const sqfs_tree_node_t *child = node->children; child; child = child->next)
		count++;
	list = memory_zeroed(count, sizeof(const sqfs_tree_node_t *));
	for (const sqfs_tree_node_t *child = node->children; child; child = child->next)
		list[n++] = child;
	qsort(list, count, sizeof(const sqfs_tree_node_t *), by_name);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = pass_child(reading, list[i], path, depth);
	free(list);
	return r;
}

/* --- the image --- */

/* Only for who wants the content: the table of fragments is as long as there are small files. */
static int load_data(struct reading *reading)
{
	const sqfs_super_t *super = &reading->tables.super;

	reading->data = sqfs_data_reader_create(&reading->io.file, super->block_size,
						reading->tables.decompressor, 0);
	return reading->data ? sqfs_data_reader_load_fragment_table(reading->data, super)
			     : SQFS_ERROR_ALLOC;
}

static int load_tree(struct reading *reading)
{
	int r = reading->sink->data ? load_data(reading) : 0;

	if (r < 0)
		return r;
	reading->directories = sqfs_dir_reader_create(
		&reading->tables.super, reading->tables.decompressor, &reading->io.file, 0);
	if (!reading->directories)
		return SQFS_ERROR_ALLOC;
	return sqfs_dir_reader_get_full_hierarchy(reading->directories, reading->tables.ids, NULL,
						  0, &reading->root);
}

static int load(struct reading *reading)
{
	int r = squash_tables_load(&reading->tables, &reading->io);

	if (r == 0)
		r = load_tree(reading);
	return r < 0 ? squash_fail(reading->err, &reading->io, r, "squashfs") : 0;
}

static void unload(struct reading *reading)
{
	if (reading->root)
		sqfs_dir_tree_destroy(reading->root);
	if (reading->data)
		sqfs_destroy(reading->data);
	if (reading->directories)
		sqfs_destroy(reading->directories);
	squash_tables_done(&reading->tables);
	map_done(&reading->first_names);
	arena_done(&reading->arena);
	free(reading->chunk);
}

int squash_read_all(int fd, uint64_t base, const struct squash_sink *sink, struct err *err)
{
	struct reading reading = { .sink = sink, .err = err };
	auto_buf path = { 0 };
	int r;

	squash_io_init(&reading.io, fd, base);
	reading.chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	r = load(&reading);
	if (r == 0)
		r = pass_tree(&reading, reading.root, &path, 0);
	unload(&reading);
	return r;
}
