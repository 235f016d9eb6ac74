/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow in an arena: an array of `count` elements has room for the next power of two,
 * so no third number has to be carried along. For data that is built once and then only read. */
#ifndef DOCKERFILE_LIST_H
#define DOCKERFILE_LIST_H

#include <stddef.h>

#include "base/arena.h"

/* The array, moved to twice the room when `count` elements fill it. */
void *list_room(struct arena *arena, void *array, size_t count, size_t size_bytes);

/* Add a zeroed element and give a pointer to it: *list_add(arena, names, count) = name; */
#define list_add(arena, array, count) \
	((array) = list_room(arena, array, count, sizeof(*(array))), &(array)[(count)++])

#endif
