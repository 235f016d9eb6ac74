/* SPDX-License-Identifier: Apache-2.0 */
/* Decompressed blocks of a squashfs, shared by the threads that read it: the tails of many small
 * files lie in one block, which is decompressed once. */
#ifndef CODEC_SQUASH_BLOCKS_H
#define CODEC_SQUASH_BLOCKS_H

#include <sqfs/compressor.h>
#include <stddef.h>
#include <stdint.h>

struct squash_blocks;

/* Of at most block_bytes each, decompressed; the image begins at `base` of the file. */
struct squash_blocks *squash_blocks_new(int fd, uint64_t base, size_t block_bytes);
void squash_blocks_free(struct squash_blocks *blocks);

struct squash_block {
	const unsigned char *bytes;
	size_t size_bytes;
};
/* What each thread has of its own. */
struct squash_unpacker {
	sqfs_compressor_t *decompressor;
	unsigned char *packed; /* room for a block, made when it is first needed; to be freed */
};

/* The block of `disk_bytes` (with squashfs's bit for "not compressed") at this offset; a second
 * thread that wants it waits for the first. Release it with squash_blocks_put. 0 or -errno. */
int squash_blocks_get(struct squash_blocks *blocks, struct squash_unpacker *unpacker,
		      uint64_t offset, uint32_t disk_bytes, const struct squash_block **ret);
void squash_blocks_put(struct squash_blocks *blocks, const struct squash_block *block);

#endif
