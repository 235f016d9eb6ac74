// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/list.h"

#include <string.h>

void *list_room(struct arena *arena, void *array, size_t count, size_t size_bytes)
{
	void *moved;

	if (count & (count - 1)) /* neither 0 nor a power of two: there is room */
		return array;
	moved = arena_alloc_array(arena, count ? count * 2 : 1, size_bytes);
	if (count)
		memcpy(moved, array, count * size_bytes);
	return moved;
}
