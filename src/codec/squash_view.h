/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into a squashfs at any place, from several threads: one struct squash_image for the file,
 * with the blocks that were decompressed last, and one struct squash_reader for each thread.
 *
 * A file is known by its reference, the place of its inode in the image (48 bits). All calls give 0
 * or -errno: -EIO for what is damaged. */
#ifndef CODEC_SQUASH_VIEW_H
#define CODEC_SQUASH_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/tar.h"

struct squash_image;

/* The image begins at `base` of the file. The fd is borrowed and stays open as long. */
int squash_image_open(int fd, uint64_t base, struct squash_image **ret_image,
		      struct err *err) must_check;
void squash_image_close(struct squash_image *image);
uint64_t squash_image_root(const struct squash_image *image); /* its reference */
uint32_t squash_image_inodes(const struct squash_image *image);
uint64_t squash_image_bytes(const struct squash_image *image);
/* Do all files belong to root? */
bool squash_image_has_xattrs(const struct squash_image *image); /* any file of it */
bool squash_image_is_root(const struct squash_image *image);

struct squash_reader;

struct squash_reader *squash_reader_new(struct squash_image *image); /* NULL: no memory */
void squash_reader_free(struct squash_reader *reader);

struct squash_attr {
	uint32_t number; /* of the inode: the same for all names of a file */
	mode_t mode;
	uint32_t uid;
	uint32_t gid;
	int64_t mtime_s;
	uint64_t size_bytes;
	uint32_t links;
	uint32_t rdev_major;
	uint32_t rdev_minor;
};

int squash_attr(struct squash_reader *reader, uint64_t ref, struct squash_attr *ret) must_check;
/* A symlink's target, in the arena. */
int squash_link(struct squash_reader *reader, uint64_t ref, struct arena *arena,
		const char **ret) must_check;
/* What is read, less than wanted only at the end of the file, or -errno. */
ssize_t squash_read(struct squash_reader *reader, uint64_t ref, uint64_t offset, void *bytes,
		    size_t size_bytes);

/* Content where it lies, in a decompressed block that is held. */
struct squash_part {
	const unsigned char *bytes;
	size_t size_bytes;
	const struct squash_block *block; /* NULL: none has to be given back */
};
/* What the file has at `offset`, at most size_bytes and to the end of its block; nothing at the end
 * of the file. To be given back, as others wait for room: no thread holds more than two. */
int squash_hold(struct squash_reader *reader, uint64_t ref, uint64_t offset, size_t size_bytes,
		struct squash_part *ret) must_check;
void squash_release(struct squash_reader *reader, const struct squash_part *part);

/* The inode behind this one in the image, where writers put those of a directory side by side, and
 * the content of its files as well. -ENOENT: that was the last. */
int squash_next(struct squash_reader *reader, uint64_t ref, uint64_t *ret_ref,
		struct squash_attr *ret_attr) must_check;

struct squash_name {
	const char *name;
	uint64_t ref;
};
struct squash_list {
	struct squash_name *item; /* sorted byte by byte */
	size_t count;
};
/* A directory, kept in memory as long as it is held, and after that for a while. -ENOTDIR. */
int squash_list(struct squash_reader *reader, uint64_t ref,
		const struct squash_list **ret) must_check;
void squash_list_done(struct squash_reader *reader, const struct squash_list *list);
/* -ENOENT. */
int squash_lookup(struct squash_reader *reader, uint64_t directory, const char *name,
		  uint64_t *ret) must_check;

/* All of them, in the arena. */
int squash_xattrs(struct squash_reader *reader, uint64_t ref, struct arena *arena,
		  struct tar_xattr **ret, size_t *ret_count) must_check;

#endif
