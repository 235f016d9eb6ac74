// SPDX-License-Identifier: Apache-2.0
/* Regions: a list of blocks, each a bump allocator.
 *
 * Out of memory is not an error any caller could act on (Linux overcommits; what fails is a size
 * that input limits should have refused), so it aborts with a message instead of adding an error
 * path to every function that builds data. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* Each block is twice the one before: a command that starts and runs something needs little, and a
 * fresh page costs as much as a call. */
#define BLOCK_FIRST_BYTES ((size_t)960)
#define BLOCK_LAST_BYTES  ((size_t)65536)

struct arena_block {
	struct arena_block *next;
	size_t used_bytes;
	size_t size_bytes;
	_Alignas(max_align_t) unsigned char bytes[];
};

static size_t next_size(const struct arena_block *last)
{
	if (!last)
		return BLOCK_FIRST_BYTES;
	return last->size_bytes < BLOCK_LAST_BYTES / 2 ? last->size_bytes * 2 : BLOCK_LAST_BYTES;
}

static struct arena_block *block_add(struct arena *arena, size_t need_bytes)
{
	size_t size_bytes = next_size(arena->blocks);
	struct arena_block *block;

	if (size_bytes < need_bytes)
		size_bytes = need_bytes;
	if (size_bytes > SIZE_MAX - sizeof(*block))
		memory_exhausted(size_bytes);
	block = memory_zeroed(1, sizeof(*block) + size_bytes);
	block->size_bytes = size_bytes;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_block *block = arena->blocks;
	void *memory;

	if (size_bytes > SIZE_MAX - align)
		memory_exhausted(size_bytes);
	size_bytes = (size_bytes + align - 1) & ~(align - 1);
	if (!block || block->size_bytes - block->used_bytes < size_bytes)
		block = block_add(arena, size_bytes);
	memory = block->bytes + block->used_bytes;
	block->used_bytes += size_bytes;
	return memory;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size_bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, size_bytes, &total))
		memory_exhausted(SIZE_MAX);
	return arena_alloc(arena, total);
}

char *arena_copy_bytes(struct arena *arena, const void *bytes, size_t size_bytes)
{
	char *copy = arena_alloc(arena, size_bytes + 1);

	if (size_bytes)
		memcpy(copy, bytes, size_bytes);
	return copy;
}

char *arena_copy(struct arena *arena, const char *text)
{
	return text ? arena_copy_bytes(arena, text, strlen(text)) : NULL;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	char first[256]; /* what is short is made once only */
	va_list again;
	char *text;
	int length;

	va_copy(again, args);
	length = vsnprintf(first, sizeof(first), format, again);
	va_end(again);
	if (length < 0)
		memory_exhausted(0);
	if ((size_t)length < sizeof(first))
		return arena_copy_bytes(arena, first, (size_t)length);
	text = arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, args);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

void arena_done(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
	arena->blocks = NULL;
}
