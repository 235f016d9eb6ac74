// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/path.h"

#include <string.h>

#include "base/buf.h"

/* Take the last name of the path being built; false when there is none to take. */
static bool drop_last(struct buf *clean, size_t root_bytes)
{
	size_t size = clean->size_bytes;

	if (size == root_bytes)
		return false;
	while (size > root_bytes && clean->bytes[size - 1] != '/')
		size--;
	if (!strcmp(clean->bytes + size, ".."))
		return false;
	buf_truncate(clean, size > root_bytes ? size - 1 : size);
	return true;
}

static void add_name(struct buf *clean, size_t root_bytes, const char *name, size_t length)
{
	if (clean->size_bytes > root_bytes)
		buf_add_char(clean, '/');
	buf_add(clean, name, length);
}

const char *path_clean(struct arena *arena, const char *path)
{
	auto_buf clean = { 0 };
	size_t root_bytes = *path == '/';

	if (root_bytes)
		buf_add_char(&clean, '/');
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 2 && !strncmp(path, "..", 2)) {
			if (!drop_last(&clean, root_bytes) && !root_bytes)
				add_name(&clean, root_bytes, "..", 2);
		} else if (length && !(length == 1 && *path == '.')) {
			add_name(&clean, root_bytes, path, length);
		}
		path += length;
		path += strspn(path, "/");
	}
	return clean.size_bytes ? arena_copy_bytes(arena, clean.bytes, clean.size_bytes) : ".";
}

const char *path_resolve(struct arena *arena, const char *base, const char *path)
{
	if (*path == '/')
		return path_clean(arena, path);
	return path_clean(arena, arena_printf(arena, "/%s/%s", base, path));
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
