// SPDX-License-Identifier: Apache-2.0
#include "codec/squash_blocks.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/squash_io.h"

#define CACHE_BYTES    ((size_t)16 << 20)
#define SLOTS_MIN      64 /* more than all threads hold at once */
#define NOT_COMPRESSED (1u << 24)
#define SIZE_MASK      (NOT_COMPRESSED - 1)

struct slot {
	struct squash_block block; /* first: users hand it back */
	unsigned char *bytes;
	uint64_t offset;
	uint64_t used_at; /* on the clock below */
	unsigned users;
	bool is_filled; /* is in the cache */
	bool is_loading;
	int problem;
};

struct squash_blocks {
	int fd;
	uint64_t base;
	size_t block_bytes;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t clock;
	size_t count;
	struct slot *slot;
};

struct squash_blocks *squash_blocks_new(int fd, uint64_t base, size_t block_bytes)
{
	struct squash_blocks *blocks = memory_zeroed(1, sizeof(*blocks));

	blocks->fd = fd;
	blocks->base = base;
	blocks->block_bytes = block_bytes;
	blocks->count = CACHE_BYTES / block_bytes;
	if (blocks->count < SLOTS_MIN)
		blocks->count = SLOTS_MIN;
	blocks->slot = memory_zeroed(blocks->count, sizeof(*blocks->slot));
	pthread_mutex_init(&blocks->lock, NULL);
	pthread_cond_init(&blocks->changed, NULL);
	return blocks;
}

void squash_blocks_free(struct squash_blocks *blocks)
{
	if (!blocks)
		return;
	for (size_t i = 0; i < blocks->count; i++)
		free(blocks->slot[i].bytes);
	free(blocks->slot);
	pthread_mutex_destroy(&blocks->lock);
	pthread_cond_destroy(&blocks->changed);
	free(blocks);
}

static int load(struct squash_blocks *blocks, struct squash_unpacker *unpacker, struct slot *slot,
		uint32_t disk_bytes)
{
	uint32_t size = disk_bytes & SIZE_MASK;
	sqfs_s32 n;
	int r;

	if (size > blocks->block_bytes)
		return -EIO;
	if (!slot->bytes)
		slot->bytes = memory_resize(NULL, blocks->block_bytes, 1);
	slot->block.bytes = slot->bytes;
	if (disk_bytes & NOT_COMPRESSED) {
		slot->block.size_bytes = size;
		return squash_pread(blocks->fd, slot->bytes, size, blocks->base + slot->offset);
	}
	if (!unpacker->packed)
		unpacker->packed = memory_resize(NULL, blocks->block_bytes, 1);
	r = squash_pread(blocks->fd, unpacker->packed, size, blocks->base + slot->offset);
	n = r < 0 ? 0
		  : unpacker->decompressor->do_block(unpacker->decompressor, unpacker->packed, size,
						     slot->bytes, (sqfs_u32)blocks->block_bytes);
	slot->block.size_bytes = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -EIO;
}

/* The one with this block, else the one that was not used for longest; NULL: all are in use. */
static struct slot *find(struct squash_blocks *blocks, uint64_t offset)
{
	struct slot *oldest = NULL;

	for (size_t i = 0; i < blocks->count; i++) {
		struct slot *slot = &blocks->slot[i];

		if ((slot->is_filled || slot->is_loading) && slot->offset == offset)
			return slot;
		if (slot->users == 0 && (!oldest || slot->used_at < oldest->used_at))
			oldest = slot;
	}
	if (oldest)
		oldest->is_filled = false;
	return oldest;
}

static void fill(struct squash_blocks *blocks, struct squash_unpacker *unpacker, struct slot *slot,
		 uint64_t offset, uint32_t disk_bytes)
{
	int problem;

	slot->is_loading = true;
	slot->offset = offset;
	pthread_mutex_unlock(&blocks->lock);
	problem = load(blocks, unpacker, slot, disk_bytes);
	pthread_mutex_lock(&blocks->lock);
	slot->is_loading = false;
	slot->is_filled = problem == 0;
	slot->problem = problem;
	pthread_cond_broadcast(&blocks->changed);
}

int squash_blocks_get(struct squash_blocks *blocks, struct squash_unpacker *unpacker,
		      uint64_t offset, uint32_t disk_bytes, const struct squash_block **ret)
{
	struct slot *slot;
	int problem;

	pthread_mutex_lock(&blocks->lock);
	while (!(slot = find(blocks, offset)))
		pthread_cond_wait(&blocks->changed, &blocks->lock);
	slot->users++;
	slot->used_at = ++blocks->clock;
	if (!slot->is_filled && !slot->is_loading)
		fill(blocks, unpacker, slot, offset, disk_bytes);
	while (slot->is_loading)
		pthread_cond_wait(&blocks->changed, &blocks->lock);
	problem = slot->is_filled ? 0 : slot->problem;
	if (problem < 0) {
		slot->users--;
		pthread_cond_broadcast(&blocks->changed);
	}
	pthread_mutex_unlock(&blocks->lock);
	*ret = &slot->block;
	return problem;
}

void squash_blocks_put(struct squash_blocks *blocks, const struct squash_block *block)
{
	struct slot *slot = (struct slot *)(uintptr_t)block;

	pthread_mutex_lock(&blocks->lock);
	if (--slot->users == 0)
		pthread_cond_broadcast(&blocks->changed);
	pthread_mutex_unlock(&blocks->lock);
}
