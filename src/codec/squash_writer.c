// SPDX-License-Identifier: Apache-2.0
/* Entries become nodes of a tree; files' bytes go to the image at once. At the end, when all
 * directories are known, squash_finish.c writes inodes, directories and tables. */
#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <sqfs/super.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/squash_tree.h"

#define BLOCK_BYTES	((size_t)128 * 1024)
#define DEVICE_BLOCK	4096
#define LEVEL		3 /* of zstd: as fast as the disk; 15 saves a tenth and takes ten times as long */
#define NAME_MAX_SQUASH 256
#define BACKLOG_MIN	256 /* blocks, 32 MiB */

/* --- making --- */

static int make_compressors(struct squash_writer *writer, struct err *err)
{
	sqfs_compressor_config_t config;
	int r = sqfs_compressor_config_init(&config, SQFS_COMP_ZSTD, BLOCK_BYTES, 0);

	config.level = LEVEL;
	if (r == 0)
		r = sqfs_compressor_create(&config, &writer->compressor);
	config.flags |= SQFS_COMP_FLAG_UNCOMPRESS;
	if (r == 0)
		r = sqfs_compressor_create(&config, &writer->decompressor);
	return r < 0 ? squash_fail(err, &writer->io, r, "zstd") : 0;
}

static unsigned processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 ? 1 : count > 64 ? 64 : (unsigned)count;
}

/* Blocks of which each may be as small as the file it is of: with few of them the threads wait for
 * the reader whenever files are small, and he for them. */
static unsigned backlog(void)
{
	unsigned for_threads = 10 * processors();

	return for_threads < BACKLOG_MIN ? BACKLOG_MIN : for_threads;
}

static int make_blocks(struct squash_writer *writer, struct err *err)
{
	sqfs_block_processor_desc_t desc = { .size = sizeof(desc),
					     .max_block_size = BLOCK_BYTES,
					     .num_workers = processors(),
					     .max_backlog = backlog(),
					     .cmp = writer->compressor,
					     .file = &writer->io.file,
					     .uncmp = writer->decompressor };
	int r;

	writer->block_writer = sqfs_block_writer_create(&writer->io.file, DEVICE_BLOCK, 0);
	writer->fragments = sqfs_frag_table_create(0);
	writer->ids = sqfs_id_table_create(0);
	writer->xattrs = sqfs_xattr_writer_create(0);
	if (!writer->block_writer || !writer->fragments || !writer->ids || !writer->xattrs)
		return squash_fail(err, &writer->io, SQFS_ERROR_ALLOC, "tables");
	r = sqfs_id_table_id_to_index(writer->ids, 0, &writer->root.uid_index); /* is index 0 */
	if (r < 0)
		return squash_fail(err, &writer->io, r, "tables");
	desc.wr = writer->block_writer;
	desc.tbl = writer->fragments;
	r = sqfs_block_processor_create_ex(&desc, &writer->blocks);
	return r < 0 ? squash_fail(err, &writer->io, r, "threads that compress") : 0;
}

/* Its place is taken now, its content is known at the end. */
static int begin_file(struct squash_writer *writer, struct err *err)
{
	int r = sqfs_super_init(&writer->super, BLOCK_BYTES, 0, SQFS_COMP_ZSTD);

	if (r == 0)
		r = sqfs_super_write(&writer->super, &writer->io.file);
	if (r == 0)
		r = writer->compressor->write_options(writer->compressor, &writer->io.file);
	if (r < 0)
		return squash_fail(err, &writer->io, r, "write");
	if (r > 0)
		writer->super.flags |= SQFS_FLAG_COMPRESSOR_OPTIONS;
	return 0;
}

int squash_writer_new(int fd, uint64_t base, struct squash_writer **ret_writer, struct err *err)
{
	struct squash_writer *writer;
	int r;

	if (lseek(fd, 0, SEEK_CUR) < 0)
		return fail_plain(err, EINVAL,
				  "a squashfs is not written from begin to end: it needs a file");
	writer = memory_zeroed(1, sizeof(*writer));
	squash_io_init(&writer->io, fd, base);
	writer->root = (struct squash_node){ .name = "",
					     .mode = S_IFDIR | 0755,
					     .xattr = SQUASH_NO_XATTR,
					     .reference = SQUASH_NOT_WRITTEN };
	r = make_compressors(writer, err);
	if (r == 0)
		r = make_blocks(writer, err);
	if (r == 0)
		r = begin_file(writer, err);
	if (r < 0) {
		squash_writer_free(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

static void free_inodes(struct squash_node *node)
{
	for (struct squash_node *child = node->first; child; child = child->next) {
		free_inodes(child);
		sqfs_free(child->inode);
	}
}

void squash_writer_free(struct squash_writer *writer)
{
	if (!writer)
		return;
	sqfs_destroy(writer->blocks); /* first: its threads use the others */
	free_inodes(&writer->root);
	sqfs_free(writer->root.inode);
	sqfs_destroy(writer->xattrs);
	sqfs_destroy(writer->ids);
	sqfs_destroy(writer->fragments);
	sqfs_destroy(writer->block_writer);
	sqfs_destroy(writer->decompressor);
	sqfs_destroy(writer->compressor);
	map_done(&writer->by_path);
	arena_done(&writer->arena);
	free(writer);
}

/* --- the tree --- */

static struct squash_node *add_child(struct squash_writer *writer, struct squash_node *parent,
				     const char *path, const char *name)
{
	struct squash_node *node = arena_new(&writer->arena, struct squash_node);

	node->name = arena_copy(&writer->arena, name);
	node->xattr = SQUASH_NO_XATTR;
	node->reference = SQUASH_NOT_WRITTEN;
	node->next = parent->first; /* sorted at the end */
	parent->first = node;
	parent->child_count++;
	map_set(&writer->by_path, path, node);
	return node;
}

/* The directory of this path, made when it is missing. */
static int find_directory(struct squash_writer *writer, const char *path, struct squash_node **ret,
			  struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct squash_node *node = *path ? map_get(&writer->by_path, path) : &writer->root;
	struct squash_node *parent;
	auto_buf above = { 0 };
	int r;

	if (!node) {
		buf_add(&above, path, slash ? (size_t)(slash - path) : 0);
		r = find_directory(writer, buf_text(&above), &parent, err);
		if (r < 0)
			return r;
		node = add_child(writer, parent, path, slash ? slash + 1 : path);
		node->mode = S_IFDIR | 0755;
		node->implied = true;
	}
	if (!S_ISDIR(node->mode))
		return fail_plain(err, ENOTDIR, "'%s' is no directory and has files below it",
				  path);
	*ret = node;
	return 0;
}

/* "./a//b/" is a/b. */
static int clean_path(const char *path, struct buf *ret_path, struct err *err)
{
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 2 && path[0] == '.' && path[1] == '.')
			return fail_plain(err, EINVAL, "'%s' leads out of the tree", path);
		if (length > NAME_MAX_SQUASH)
			return fail_plain(err, ENAMETOOLONG,
					  "a squashfs has names of at most %d bytes: '%.*s'",
					  NAME_MAX_SQUASH, (int)length, path);
		if (length && !(length == 1 && path[0] == '.')) {
			if (ret_path->size_bytes)
				buf_add_char(ret_path, '/');
			buf_add(ret_path, path, length);
		}
		path += length + (path[length] == '/');
	}
	return 0;
}

static int place(struct squash_writer *writer, const char *path, struct squash_node **ret_node,
		 struct err *err)
{
	struct squash_node *node = *path ? map_get(&writer->by_path, path) : &writer->root;
	const char *slash = strrchr(path, '/');
	struct squash_node *parent;
	auto_buf above = { 0 };
	int r;

	if (node && (node->implied || node == &writer->root)) {
		node->implied = false;
		*ret_node = node;
		return 0;
	}
	if (node)
		return fail_plain(err, EEXIST, "'%s' is there twice", path);
	buf_add(&above, path, slash ? (size_t)(slash - path) : 0);
	r = find_directory(writer, buf_text(&above), &parent, err);
	if (r == 0)
		*ret_node = add_child(writer, parent, path, slash ? slash + 1 : path);
	return r;
}

/* --- entries --- */

static int link_to(struct squash_writer *writer, struct squash_node *node, const char *target,
		   struct err *err)
{
	auto_buf path = { 0 };
	struct squash_node *other;
	int r = clean_path(target, &path, err);

	if (r < 0)
		return r;
	other = map_get(&writer->by_path, buf_text(&path));
	if (!other || S_ISDIR(other->mode))
		return fail_plain(err, ENOENT, "hard link to '%s', which is not there", target);
	node->target = other->target ? other->target : other;
	node->mode = node->target->mode;
	node->target->names++;
	return 0;
}

static int add_xattrs(struct squash_writer *writer, struct squash_node *node,
		      const struct tar_entry *entry, struct err *err)
{
	int r = entry->xattr_count ? sqfs_xattr_writer_begin(writer->xattrs, 0) : 0;

	for (size_t i = 0; r == 0 && i < entry->xattr_count; i++) {
		const struct tar_xattr *xattr = &entry->xattrs[i];

		r = sqfs_xattr_writer_add(writer->xattrs, xattr->name, xattr->value,
					  xattr->size_bytes);
		if (r == SQFS_ERROR_UNSUPPORTED)
			return fail_plain(err, ENOTSUP,
					  "a squashfs cannot hold the attribute '%s' of '%s'",
					  xattr->name, entry->path);
	}
	if (r == 0 && entry->xattr_count)
		r = sqfs_xattr_writer_end(writer->xattrs, &node->xattr);
	return r < 0 ? squash_fail(err, &writer->io, r, "attributes of '%s'", entry->path) : 0;
}

static int set_owner(struct squash_writer *writer, struct squash_node *node,
		     const struct tar_entry *entry, struct err *err)
{
	int r = sqfs_id_table_id_to_index(writer->ids, entry->uid, &node->uid_index);

	if (r == 0)
		r = sqfs_id_table_id_to_index(writer->ids, entry->gid, &node->gid_index);
	if (r == SQFS_ERROR_OVERFLOW)
		return fail_plain(err, ENOTSUP, "a squashfs has room for 65,536 owners only");
	return r < 0 ? squash_fail(err, &writer->io, r, "owner of '%s'", entry->path) : 0;
}

/* As Linux's new_encode_dev. */
static uint32_t device_number(const struct tar_entry *entry)
{
	return (entry->rdev_minor & 0xff) | entry->rdev_major << 8 |
	       (entry->rdev_minor & ~0xffu) << 12;
}

static mode_t type_bits(enum tar_type type)
{
	static const mode_t bits[] = {
		[TAR_FILE] = S_IFREG,	     [TAR_SYMLINK] = S_IFLNK,
		[TAR_CHAR_DEVICE] = S_IFCHR, [TAR_BLOCK_DEVICE] = S_IFBLK,
		[TAR_DIRECTORY] = S_IFDIR,   [TAR_FIFO] = S_IFIFO,
	};

	return bits[type];
}

static int fill(struct squash_writer *writer, struct squash_node *node,
		const struct tar_entry *entry, struct err *err)
{
	int r;

	if (entry->mtime_s < 0 || entry->mtime_s > UINT32_MAX)
		return fail_plain(
			err, ENOTSUP,
			"a squashfs cannot hold the time of '%s' (%lld seconds since 1970)",
			entry->path, (long long)entry->mtime_s);
	node->mode = type_bits(entry->type) | (entry->mode & 07777);
	node->names = 1;
	node->mtime_s = (uint32_t)entry->mtime_s;
	node->device = device_number(entry);
	if (entry->type == TAR_SYMLINK)
		node->symlink = arena_copy(&writer->arena, entry->link);
	r = set_owner(writer, node, entry, err);
	return r < 0 ? r : add_xattrs(writer, node, entry, err);
}

static int end_content(struct squash_writer *writer, struct err *err)
{
	int r;

	if (!writer->in_file || writer->left_bytes > 0)
		return 0;
	writer->in_file = false;
	r = sqfs_block_processor_end_file(writer->blocks);
	return r < 0 ? squash_fail(err, &writer->io, r, "write") : 0;
}

int squash_writer_entry(struct squash_writer *writer, const struct tar_entry *entry,
			struct err *err)
{
	struct squash_node *node = NULL;
	auto_buf path = { 0 };
	int r = clean_path(entry->path, &path, err);

	if (r == 0)
		r = place(writer, buf_text(&path), &node, err);
	if (r < 0)
		return r;
	if (entry->type == TAR_HARD_LINK)
		return link_to(writer, node, entry->link, err);
	r = fill(writer, node, entry, err);
	if (r < 0 || entry->type != TAR_FILE)
		return r;
	r = sqfs_block_processor_begin_file(writer->blocks, &node->inode, NULL, 0);
	if (r < 0)
		return squash_fail(err, &writer->io, r, "begin '%s'", entry->path);
	writer->in_file = true;
	writer->left_bytes = entry->size_bytes;
	return end_content(writer, err);
}

int squash_writer_data(struct squash_writer *writer, const void *bytes, size_t size_bytes,
		       struct err *err)
{
	int r = sqfs_block_processor_append(writer->blocks, bytes, size_bytes);

	if (r < 0)
		return squash_fail(err, &writer->io, r, "write");
	writer->left_bytes -= size_bytes;
	return end_content(writer, err);
}
