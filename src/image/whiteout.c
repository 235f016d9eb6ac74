// SPDX-License-Identifier: Apache-2.0
#include "image/whiteout.h"

#include <string.h>

#include "base/banned.h"
#include "base/strings.h"

enum whiteout whiteout_parse(const char *name, const char **ret_hidden)
{
	const char *hidden;

	if (!text_starts(name, WHITEOUT_PREFIX))
		return WHITEOUT_NONE;
	if (strcmp(name, WHITEOUT_OPAQUE_NAME) == 0)
		return WHITEOUT_OPAQUE;
	hidden = name + strlen(WHITEOUT_PREFIX);
	if (text_starts(hidden, WHITEOUT_PREFIX))
		return WHITEOUT_IGNORED;
	if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
		return WHITEOUT_BAD;
	*ret_hidden = hidden;
	return WHITEOUT_ENTRY;
}

static int add_component(struct buf *path, size_t start, const char *name, size_t length,
			 const char *whole, struct err *err)
{
	if (length == 0 || (length == 1 && name[0] == '.'))
		return 0;
	if (length == 2 && name[0] == '.' && name[1] == '.')
		return fail_plain(err, EINVAL, "path '%.400s' contains '..'", whole);
	if (length > LAYER_NAME_MAX)
		return fail_plain(err, ENAMETOOLONG, "path '%.400s': a name longer than %d bytes",
				  whole, LAYER_NAME_MAX);
	if (path->size_bytes > start)
		buf_add_char(path, '/');
	buf_add(path, name, length);
	return 0;
}

int layer_path_normalize(const char *path, struct buf *ret_path, struct err *err)
{
	size_t start = ret_path->size_bytes;
	int depth = 0;

	if (!*path)
		return fail_plain(err, EINVAL, "an entry without a name");
	/* umoci calls the root itself so */
	if (*path == '/' && path[1])
		return fail_plain(err, EINVAL, "path '%.400s' is absolute", path);
	for (const char *at = path;; at++) {
		const char *end = strchrnul(at, '/');
		int r = add_component(ret_path, start, at, (size_t)(end - at), path, err);

		if (r < 0)
			return r;
		if (!*end)
			break;
		at = end;
		depth++;
	}
	if (ret_path->size_bytes - start > LAYER_PATH_MAX || depth > LAYER_DEPTH_MAX)
		return fail_plain(err, ENAMETOOLONG,
				  "path '%.200s...' is longer than %d bytes or deeper than %d",
				  path, LAYER_PATH_MAX, LAYER_DEPTH_MAX);
	return 0;
}

int layer_name_check(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');

	if (!text_starts(slash ? slash + 1 : path, WHITEOUT_PREFIX))
		return 0;
	fail_plain(err, EINVAL, "'%s%s' cannot be in a layer", path[0] == '/' ? "" : "/", path);
	err_hint(err, "names that begin with " WHITEOUT_PREFIX
		      " say there what is deleted: rename it, or remove it");
	return -EINVAL;
}
