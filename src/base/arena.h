/* SPDX-License-Identifier: Apache-2.0 */
/* A region of memory freed as a whole. For data that is built up, used and dropped together: a
 * parsed Dockerfile, a box, a manifest. Running out of memory ends the program (see arena.c). */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/attributes.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
};

void arena_done(struct arena *arena);
#define auto_arena cleanup(arena_done) struct arena

/* Zeroed memory, aligned for any type; never NULL. */
void *arena_alloc(struct arena *arena, size_t size_bytes);
#define arena_new(arena, type)		((type *)arena_alloc(arena, sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_alloc_array(arena, count, sizeof(type)))
void *arena_alloc_array(struct arena *arena, size_t count, size_t size_bytes);

char *arena_copy(struct arena *arena, const char *text);
char *arena_copy_bytes(struct arena *arena, const void *bytes, size_t size_bytes); /* adds a NUL */
char *arena_printf(struct arena *arena, const char *format, ...) printf_like(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args) printf_like(2, 0);

#endif
