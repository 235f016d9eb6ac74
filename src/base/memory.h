/* SPDX-License-Identifier: Apache-2.0 */
/* Heap memory that is never NULL: running out aborts with a message (why: arena.c). */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

void *memory_zeroed(size_t count, size_t size_bytes);
void *memory_resize(void *memory, size_t count, size_t size_bytes);
char *memory_copy_text(const char *text);
_Noreturn void memory_exhausted(size_t size_bytes);

#endif
