// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void memory_exhausted(size_t size_bytes)
{
	fprintf(stderr, "rootlet: out of memory (asked for %zu bytes)\n", size_bytes);
	abort();
}

void *memory_zeroed(size_t count, size_t size_bytes)
{
	void *memory = calloc(count ? count : 1, size_bytes ? size_bytes : 1);

	if (!memory)
		memory_exhausted(count * size_bytes);
	return memory;
}

void *memory_resize(void *memory, size_t count, size_t size_bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, size_bytes, &total))
		memory_exhausted(SIZE_MAX);
	memory = realloc(memory, total ? total : 1);
	if (!memory)
		memory_exhausted(total);
	return memory;
}

char *memory_copy_text(const char *text)
{
	size_t length = strlen(text) + 1;

	return memcpy(memory_zeroed(1, length), text, length);
}
