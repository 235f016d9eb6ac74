// SPDX-License-Identifier: Apache-2.0
#include "codec/squash_view.h"

#include <pthread.h>
#include <sqfs/block.h>
#include <sqfs/compressor.h>
#include <sqfs/dir.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/meta_reader.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/squash_blocks.h"
#include "codec/squash_inode.h"
#include "codec/squash_io.h"

#define LISTS	     512 /* directories kept */
#define INODES	     256 /* of files, kept by each reader */
#define NO_FRAGMENT  0xffffffffu
#define ON_DISK_SIZE 0xffffffu

struct list {
	struct squash_list list; /* first: users hand it back */
	uint64_t ref;
	unsigned users;
	bool is_kept; /* has a slot below */
	struct arena arena;
};

struct squash_image {
	struct squash_io io;
	struct squash_tables tables; /* its xattrs: under the lock */
	sqfs_frag_table_t *fragments;
	struct squash_blocks *blocks;
	pthread_mutex_t lock; /* of what follows */
	struct list *lists[LISTS];
};

/* A file's inode with where its blocks are. */
struct file {
	uint64_t ref; /* UINT64_MAX: free */
	sqfs_inode_generic_t *inode;
	uint64_t size_bytes;
	uint64_t *start; /* of each block, on disk */
};

static unsigned char
	zeros[SQFS_MAX_BLOCK_SIZE]; /* of holes; not const, which would be in the program */

struct squash_reader {
	struct squash_image *image;
	struct squash_unpacker unpacker;
	sqfs_meta_reader_t *inodes;
	uint64_t read_ref;  /* the inode that was read last */
	uint64_t after_ref; /* what lies behind it; UINT64_MAX: nothing */
	sqfs_meta_reader_t *entries;
	struct file file[INODES];
};

/* --- the image --- */

static int load(struct squash_image *image)
{
	int r = squash_tables_load(&image->tables, &image->io);

	if (r < 0)
		return r;
	image->fragments = sqfs_frag_table_create(0);
	if (!image->fragments)
		return SQFS_ERROR_ALLOC;
	return sqfs_frag_table_read(image->fragments, &image->io.file, &image->tables.super,
				    image->tables.decompressor);
}

int squash_image_open(int fd, uint64_t base, struct squash_image **ret_image, struct err *err)
{
	struct squash_image *image = memory_zeroed(1, sizeof(*image));
	int r;

	squash_io_init(&image->io, fd, base);
	pthread_mutex_init(&image->lock, NULL);
	r = load(image);
	if (r < 0) {
		squash_fail(err, &image->io, r, "squashfs");
		squash_image_close(image);
		return err ? -err->code : -EUCLEAN;
	}
	image->blocks = squash_blocks_new(fd, base, image->tables.super.block_size);
	*ret_image = image;
	return 0;
}

static void free_list(struct list *list)
{
	arena_done(&list->arena);
	free(list);
}

void squash_image_close(struct squash_image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < LISTS; i++)
		if (image->lists[i])
			free_list(image->lists[i]);
	squash_blocks_free(image->blocks);
	sqfs_destroy(image->fragments);
	squash_tables_done(&image->tables);
	pthread_mutex_destroy(&image->lock);
	free(image);
}

uint64_t squash_image_root(const struct squash_image *image)
{
	return image->tables.super.root_inode_ref;
}

uint32_t squash_image_inodes(const struct squash_image *image)
{
	return image->tables.super.inode_count;
}

uint64_t squash_image_bytes(const struct squash_image *image)
{
	return image->tables.super.bytes_used;
}

bool squash_image_has_xattrs(const struct squash_image *image)
{
	return image->tables.xattrs != NULL;
}

bool squash_image_is_root(const struct squash_image *image)
{
	sqfs_u32 id;

	for (size_t i = 0; i < image->tables.super.id_count; i++)
		if (sqfs_id_table_index_to_id(image->tables.ids, (sqfs_u16)i, &id) < 0 || id != 0)
			return false;
	return true;
}

/* --- a thread's view --- */

struct squash_reader *squash_reader_new(struct squash_image *image)
{
	struct squash_reader *reader = memory_zeroed(1, sizeof(*reader));
	sqfs_super_t *super = &image->tables.super;

	reader->image = image;
	reader->read_ref = UINT64_MAX;
	for (size_t i = 0; i < INODES; i++)
		reader->file[i].ref = UINT64_MAX;
	pthread_mutex_lock(&image->lock);
	reader->unpacker.decompressor = sqfs_copy(image->tables.decompressor);
	pthread_mutex_unlock(&image->lock);
	if (reader->unpacker.decompressor) {
		reader->inodes = sqfs_meta_reader_create(
			&image->io.file, reader->unpacker.decompressor, super->inode_table_start,
			super->directory_table_start);
		reader->entries =
			sqfs_meta_reader_create(&image->io.file, reader->unpacker.decompressor,
						super->directory_table_start, super->bytes_used);
	}
	if (reader->inodes && reader->entries)
		return reader;
	squash_reader_free(reader);
	return NULL;
}

static void forget(struct file *file)
{
	sqfs_free(file->inode);
	free(file->start);
	*file = (struct file){ .ref = UINT64_MAX };
}

void squash_reader_free(struct squash_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < INODES; i++)
		forget(&reader->file[i]);
	sqfs_destroy(reader->entries);
	sqfs_destroy(reader->inodes);
	sqfs_destroy(reader->unpacker.decompressor);
	free(reader->unpacker.packed);
	free(reader);
}

static int read_inode(struct squash_reader *reader, uint64_t ref, sqfs_inode_generic_t **ret)
{
	const sqfs_super_t *super = &reader->image->tables.super;
	sqfs_u64 block;
	size_t offset;

	if (sqfs_meta_reader_read_inode(reader->inodes, super, ref >> 16, ref & 0xffff, ret) < 0)
		return -EIO;
	sqfs_meta_reader_get_position(reader->inodes, &block, &offset);
	reader->read_ref = ref;
	reader->after_ref = block < super->directory_table_start
				    ? (block - super->inode_table_start) << 16 | offset
				    : UINT64_MAX;
	return 0;
}

/* --- attributes --- */

int squash_attr(struct squash_reader *reader, uint64_t ref, struct squash_attr *ret)
{
	sqfs_inode_generic_t *inode;
	int r = read_inode(reader, ref, &inode);

	if (r < 0)
		return r;
	r = squash_inode_attr(&reader->image->tables, inode, ret);
	sqfs_free(inode);
	return r < 0 ? -EIO : 0;
}

int squash_link(struct squash_reader *reader, uint64_t ref, struct arena *arena, const char **ret)
{
	sqfs_inode_generic_t *inode;
	int r = read_inode(reader, ref, &inode);

	if (r < 0)
		return r;
	*ret = squash_inode_link(inode, arena);
	sqfs_free(inode);
	return *ret ? 0 : -EINVAL;
}

/* --- content --- */

static int find_blocks(struct file *file)
{
	size_t count = sqfs_inode_get_file_block_count(file->inode);
	sqfs_u64 place;

	if (sqfs_inode_get_file_size(file->inode, &file->size_bytes) < 0 ||
	    sqfs_inode_get_file_block_start(file->inode, &place) < 0)
		return -EISDIR;
	file->start = memory_zeroed(count ? count : 1, sizeof(*file->start));
	for (size_t i = 0; i < count; i++) {
		file->start[i] = place;
		place += file->inode->extra[i] & ON_DISK_SIZE;
	}
	return 0;
}

static int find_file(struct squash_reader *reader, uint64_t ref, struct file **ret)
{
	struct file *file = &reader->file[(ref ^ ref >> 13) % INODES];
	int r;

	*ret = file;
	if (file->ref == ref)
		return 0;
	forget(file);
	r = read_inode(reader, ref, &file->inode);
	if (r == 0)
		r = find_blocks(file);
	if (r < 0)
		forget(file);
	else
		file->ref = ref;
	return r;
}

/* Where the block is that has this offset of the file, and where in it that is. */
static int locate(const struct squash_reader *reader, const struct file *file, uint64_t offset,
		  sqfs_fragment_t *ret_block, size_t *ret_from)
{
	size_t block_bytes = reader->image->tables.super.block_size;
	size_t index = (size_t)(offset / block_bytes);
	sqfs_u32 fragment;
	sqfs_u32 from;

	*ret_from = (size_t)(offset % block_bytes);
	if (index < sqfs_inode_get_file_block_count(file->inode)) {
		ret_block->start_offset = file->start[index];
		ret_block->size = file->inode->extra[index];
		return 0;
	}
	if (sqfs_inode_get_frag_location(file->inode, &fragment, &from) < 0 ||
	    fragment == NO_FRAGMENT ||
	    sqfs_frag_table_lookup(reader->image->fragments, fragment, ret_block) < 0)
		return -EIO;
	*ret_from += from;
	return 0;
}

static int hold_block(struct squash_reader *reader, const sqfs_fragment_t *place, size_t from,
		      struct squash_part *part)
{
	struct squash_blocks *blocks = reader->image->blocks;
	int r;

	if (!(place->size & ON_DISK_SIZE)) { /* a hole */
		part->bytes = zeros;
		return 0;
	}
	r = squash_blocks_get(blocks, &reader->unpacker, place->start_offset, place->size,
			      &part->block);
	if (r < 0)
		return r;
	if (from > part->block->size_bytes || part->size_bytes > part->block->size_bytes - from) {
		squash_blocks_put(blocks, part->block);
		return -EIO;
	}
	part->bytes = part->block->bytes + from;
	return 0;
}

int squash_hold(struct squash_reader *reader, uint64_t ref, uint64_t offset, size_t size_bytes,
		struct squash_part *ret)
{
	size_t block_bytes = reader->image->tables.super.block_size;
	size_t room = block_bytes - (size_t)(offset % block_bytes);
	struct squash_part part = { .size_bytes = size_bytes < room ? size_bytes : room };
	sqfs_fragment_t place;
	struct file *file;
	size_t from;
	int r = find_file(reader, ref, &file);

	if (r == 0 && offset >= file->size_bytes)
		part.size_bytes = 0;
	else if (r == 0 && part.size_bytes > file->size_bytes - offset)
		part.size_bytes = (size_t)(file->size_bytes - offset);
	if (r == 0 && part.size_bytes) {
		r = locate(reader, file, offset, &place, &from);
		if (r == 0)
			r = hold_block(reader, &place, from, &part);
	}
	if (r == 0)
		*ret = part;
	return r;
}

void squash_release(struct squash_reader *reader, const struct squash_part *part)
{
	if (part->block)
		squash_blocks_put(reader->image->blocks, part->block);
}

ssize_t squash_read(struct squash_reader *reader, uint64_t ref, uint64_t offset, void *bytes,
		    size_t size_bytes)
{
	size_t done = 0;

	while (done < size_bytes) {
		struct squash_part part;
		int r = squash_hold(reader, ref, offset + done, size_bytes - done, &part);

		if (r < 0)
			return r;
		if (!part.size_bytes)
			break;
		memcpy((char *)bytes + done, part.bytes, part.size_bytes);
		done += part.size_bytes;
		squash_release(reader, &part);
	}
	return (ssize_t)done;
}

int squash_next(struct squash_reader *reader, uint64_t ref, uint64_t *ret_ref,
		struct squash_attr *ret_attr)
{
	struct squash_attr attr;
	uint64_t next;
	int r = reader->read_ref == ref ? 0 : squash_attr(reader, ref, &attr);

	if (r < 0)
		return r;
	next = reader->after_ref;
	if (next == UINT64_MAX)
		return -ENOENT;
	r = squash_attr(reader, next, ret_attr);
	if (r == 0)
		*ret_ref = next;
	return r;
}

/* --- directories --- */

static bool is_good_name(const char *name, size_t length)
{
	return length > 0 && !memchr(name, '/', length) && !memchr(name, '\0', length) &&
	       !(length == 1 && name[0] == '.') &&
	       !(length == 2 && name[0] == '.' && name[1] == '.');
}

static int read_entries(struct squash_reader *reader, sqfs_readdir_state_t *state,
			struct list *list)
{
	size_t room = 0;

	for (;;) {
		struct squash_list *names = &list->list;
		sqfs_dir_entry_t *entry = NULL;
		sqfs_u32 number;
		sqfs_u64 ref;
		size_t length;
		int r = sqfs_meta_reader_readdir(reader->entries, state, &entry, &number, &ref);

		if (r != 0)
			return r < 0 ? -EIO : 0;
		length = (size_t)entry->size + 1;
		if (!is_good_name((const char *)entry->name, length)) {
			sqfs_free(entry);
			return -EIO;
		}
		if (names->count == room) {
			struct squash_name *larger;

			room = room ? 2 * room : 32;
			larger = arena_array(&list->arena, struct squash_name, room);
			if (names->count)
				memcpy(larger, names->item, names->count * sizeof(*larger));
			names->item = larger;
		}
		names->item[names->count++] = (struct squash_name){
			arena_copy_bytes(&list->arena, entry->name, length), ref
		};
		sqfs_free(entry);
	}
}

static int by_name(const void *a, const void *b)
{
	const struct squash_name *left = a;
	const struct squash_name *right = b;

	return strcmp(left->name, right->name);
}

static int load_list(struct squash_reader *reader, uint64_t ref, struct list **ret)
{
	sqfs_inode_generic_t *inode;
	sqfs_readdir_state_t state;
	struct list *list;
	int r = read_inode(reader, ref, &inode);

	if (r < 0)
		return r;
	r = sqfs_readdir_state_init(&state, &reader->image->tables.super, inode);
	sqfs_free(inode);
	if (r < 0)
		return r == SQFS_ERROR_NOT_DIR ? -ENOTDIR : -EIO;
	list = memory_zeroed(1, sizeof(*list));
	list->ref = ref;
	r = read_entries(reader, &state, list);
	if (r < 0) {
		free_list(list);
		return r;
	}
	if (list->list.count) /* nothing is not sorted, says C */
		qsort(list->list.item, list->list.count, sizeof(*list->list.item), by_name);
	*ret = list;
	return 0;
}

static struct list **slot_of(struct squash_image *image, uint64_t ref)
{
	return &image->lists[(ref ^ ref >> 11) % LISTS];
}

static struct list *find_list(struct squash_image *image, uint64_t ref)
{
	struct list *list;

	pthread_mutex_lock(&image->lock);
	list = *slot_of(image, ref);
	if (list && list->ref != ref)
		list = NULL;
	if (list)
		list->users++;
	pthread_mutex_unlock(&image->lock);
	return list;
}

/* In the place of the one that is there; somebody may still use that. */
static void keep_list(struct squash_image *image, struct list *list)
{
	struct list **slot = slot_of(image, list->ref);
	struct list *before;

	pthread_mutex_lock(&image->lock);
	before = *slot;
	*slot = list;
	list->is_kept = true;
	list->users = 1;
	if (before) {
		before->is_kept = false;
		if (before->users > 0)
			before = NULL;
	}
	pthread_mutex_unlock(&image->lock);
	if (before)
		free_list(before);
}

int squash_list(struct squash_reader *reader, uint64_t ref, const struct squash_list **ret)
{
	struct list *list = find_list(reader->image, ref);
	int r;

	if (!list) {
		r = load_list(reader, ref, &list);
		if (r < 0)
			return r;
		keep_list(reader->image, list);
	}
	*ret = &list->list;
	return 0;
}

void squash_list_done(struct squash_reader *reader, const struct squash_list *used)
{
	struct list *list = (struct list *)(uintptr_t)used;
	bool is_last;

	pthread_mutex_lock(&reader->image->lock);
	is_last = --list->users == 0 && !list->is_kept;
	pthread_mutex_unlock(&reader->image->lock);
	if (is_last)
		free_list(list);
}

int squash_lookup(struct squash_reader *reader, uint64_t directory, const char *name, uint64_t *ret)
{
	const struct squash_name wanted = { .name = name };
	const struct squash_name *found;
	const struct squash_list *list;
	int r = squash_list(reader, directory, &list);

	if (r < 0)
		return r;
	found = list->count ? bsearch(&wanted, list->item, list->count, sizeof(wanted), by_name)
			    : NULL;
	if (found)
		*ret = found->ref;
	squash_list_done(reader, list);
	return found ? 0 : -ENOENT;
}

/* --- extended attributes --- */

int squash_xattrs(struct squash_reader *reader, uint64_t ref, struct arena *arena,
		  struct tar_xattr **ret, size_t *ret_count)
{
	struct squash_image *image = reader->image;
	sqfs_inode_generic_t *inode;
	int r = read_inode(reader, ref, &inode);

	if (r < 0)
		return r;
	pthread_mutex_lock(&image->lock);
	r = squash_inode_xattrs(&image->tables, inode, arena, ret, ret_count);
	pthread_mutex_unlock(&image->lock);
	sqfs_free(inode);
	return r < 0 ? -EIO : 0;
}
