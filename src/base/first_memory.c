// SPDX-License-Identifier: Apache-2.0
/* The first few kilobytes of heap: in memory that the program has anyway.
 *
 * For the first byte musl makes three mappings, and touches a page in two of them; the first
 * process of a box gets a copy of each, and both have to be taken apart. A run of a directory,
 * which is to start fast, needs less than what is here. What needs more goes on with libc's.
 *
 * Linked into `rootlet` alone, which has one thread, by --wrap: every malloc(3) of the program and
 * of its libraries comes here first, and memory of either kind may be given to free(3) and
 * realloc(3). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ROOM_BYTES ((size_t)12288)

struct piece {
	size_t size_bytes; /* of what follows */
	_Alignas(max_align_t) unsigned char bytes[];
};

static _Alignas(max_align_t) unsigned char room[ROOM_BYTES];
static size_t used_bytes;

/* The linker's names. */
void *__real_malloc(size_t size_bytes);
void *__real_calloc(size_t count, size_t size_bytes);
void *__real_realloc(void *memory, size_t size_bytes);
void __real_free(void *memory);
void *__wrap_malloc(size_t size_bytes);
void *__wrap_calloc(size_t count, size_t size_bytes);
void *__wrap_realloc(void *memory, size_t size_bytes);
void __wrap_free(void *memory);

static bool is_ours(const void *memory)
{
	return (uintptr_t)memory - (uintptr_t)room < ROOM_BYTES;
}

static struct piece *piece_of(void *memory)
{
	return (struct piece *)(void *)((unsigned char *)memory - offsetof(struct piece, bytes));
}

/* What a piece takes, with its head; 0: never. */
static size_t whole(size_t size_bytes)
{
	const size_t align = _Alignof(max_align_t);

	return size_bytes > ROOM_BYTES
		       ? 0
		       : (offsetof(struct piece, bytes) + size_bytes + align - 1) & ~(align - 1);
}

static bool is_last(const struct piece *piece)
{
	return (const unsigned char *)piece + whole(piece->size_bytes) == room + used_bytes;
}

void *__wrap_malloc(size_t size_bytes)
{
	size_t bytes = whole(size_bytes);
	struct piece *piece = (struct piece *)(void *)(room + used_bytes);

	if (!bytes || bytes > ROOM_BYTES - used_bytes)
		return __real_malloc(size_bytes);
	used_bytes += bytes;
	piece->size_bytes = size_bytes;
	return piece->bytes;
}

void *__wrap_calloc(size_t count, size_t size_bytes)
{
	size_t bytes;
	void *memory;

	if (__builtin_mul_overflow(count, size_bytes, &bytes) || !whole(bytes) ||
	    whole(bytes) > ROOM_BYTES - used_bytes)
		return __real_calloc(count, size_bytes);
	memory = __wrap_malloc(bytes);
	return memset(memory, 0, bytes); /* it may have been another's before */
}

/* Only the last piece makes room for others again. */
void __wrap_free(void *memory)
{
	if (!is_ours(memory))
		__real_free(memory);
	else if (is_last(piece_of(memory)))
		used_bytes -= whole(piece_of(memory)->size_bytes);
}

void *__wrap_realloc(void *memory, size_t size_bytes)
{
	struct piece *piece;
	void *moved;

	if (!memory)
		return __wrap_malloc(size_bytes);
	if (!is_ours(memory))
		return __real_realloc(memory, size_bytes);
	piece = piece_of(memory);
	if (is_last(piece)) {
		size_t others_bytes = used_bytes - whole(piece->size_bytes);

		if (whole(size_bytes) && whole(size_bytes) <= ROOM_BYTES - others_bytes) {
			used_bytes = others_bytes + whole(size_bytes);
			piece->size_bytes = size_bytes;
			return memory;
		}
	}
	moved = __wrap_malloc(size_bytes);
	if (!moved)
		return NULL;
	memcpy(moved, memory, piece->size_bytes < size_bytes ? piece->size_bytes : size_bytes);
	__wrap_free(memory);
	return moved;
}
