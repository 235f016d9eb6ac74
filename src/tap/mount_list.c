// SPDX-License-Identifier: Apache-2.0
#include "tap/mount_list.h"

#include <string.h>

#define FIRST_ID 100u

static void add_text(const struct tap_mount_list *list, const char *text)
{
	list->add(list->context, text, strlen(text));
}

static void add_number(const struct tap_mount_list *list, uint64_t number)
{
	char digits[24];
	char *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	list->add(list->context, at, (size_t)(digits + sizeof(digits) - at));
}

/* proc(5): blanks and backslashes in octal. */
static void add_escaped(const struct tap_mount_list *list, const char *path)
{
	if (!*path)
		path = "/";
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;
		const char octal[] = { '\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)),
				       (char)('0' + (c & 7)) };

		if (c == ' ' || c == '\t' || c == '\n' || c == '\\')
			list->add(list->context, octal, sizeof(octal));
		else
			list->add(list->context, path, 1);
	}
}

static void add_info(const struct tap_mount_list *list, uint32_t index, const char *path)
{
	const struct pathmap_entry *entry = &list->map->entry[index];
	const char *host = pathmap_host(list->map, index);
	uint64_t device = list->device_of(*host ? host : "/");
	uint32_t last = list->map->count - 1;

	add_number(list, FIRST_ID + index);
	add_text(list, " ");
	add_number(list, index == last ? FIRST_ID - 1 : FIRST_ID + last);
	add_text(list, " ");
	add_number(list, device >> 32);
	add_text(list, ":");
	add_number(list, (uint32_t)device);
	add_text(list, " / ");
	add_escaped(list, path);
	add_text(list, entry->flags & PATHMAP_READ_ONLY ? " ro - " : " rw - ");
	add_text(list, entry->flags & PATHMAP_PROC ? "proc proc rw\n" : "rootlet rootlet rw\n");
}

static void add_mount(const struct tap_mount_list *list, uint32_t index, const char *path)
{
	const struct pathmap_entry *entry = &list->map->entry[index];
	const char *kind = entry->flags & PATHMAP_PROC ? "proc" : "rootlet";

	add_text(list, kind);
	add_text(list, " ");
	add_escaped(list, path);
	add_text(list, " ");
	add_text(list, kind);
	add_text(list, entry->flags & PATHMAP_READ_ONLY ? " ro 0 0\n" : " rw 0 0\n");
}

bool tap_mount_list_is(const char *guest, bool *ret_is_info)
{
	const char *name = guest;

	for (const char *at = guest; *at; at++)
		if (*at == '/')
			name = at + 1;
	*ret_is_info = strcmp(name, "mountinfo") == 0;
	return *ret_is_info || strcmp(name, "mounts") == 0;
}

void tap_mount_list_print(const struct tap_mount_list *list)
{
	size_t root_length = strlen(list->root);

	for (uint32_t i = list->map->count; i-- > 0;) {
		const char *guest = pathmap_guest(list->map, i);
		const char *path = guest + root_length;

		if ((list->map->entry[i].flags & PATHMAP_HIDDEN) ||
		    !pathmap_is_in(guest, list->root, root_length))
			continue;
		if (list->is_info)
			add_info(list, i, path);
		else
			add_mount(list, i, path);
	}
}
