// SPDX-License-Identifier: Apache-2.0
#include "flow/pack_diff.h"

#include <string.h>

#include "base/banned.h"
#include "base/strings.h"
#include "flow/pack_list.h"
#include "rootfs/tree.h"

static const char *const type_names[] = {
	[TAR_FILE] = "file",
	[TAR_HARD_LINK] = "hard link",
	[TAR_SYMLINK] = "symlink",
	[TAR_CHAR_DEVICE] = "character device",
	[TAR_BLOCK_DEVICE] = "block device",
	[TAR_DIRECTORY] = "directory",
	[TAR_FIFO] = "fifo",
};

static void add_reason(struct buf *line)
{
	buf_add_text(line, line->size_bytes ? "; " : "");
}

static void compare_content(const struct pack_item *a, const struct pack_item *b, struct buf *line)
{
	if (strcmp(a->content, b->content) != 0) {
		add_reason(line);
		buf_printf(line, "content %.12s, %.12s (%llu, %llu bytes)", a->content, b->content,
			   (unsigned long long)a->size_bytes, (unsigned long long)b->size_bytes);
	}
	if (!text_equal(a->link, b->link)) {
		add_reason(line);
		buf_printf(line, "link to '%s', '%s'", a->link ?: "", b->link ?: "");
	}
	if (a->rdev_major != b->rdev_major || a->rdev_minor != b->rdev_minor) {
		add_reason(line);
		buf_printf(line, "device %u:%u, %u:%u", a->rdev_major, a->rdev_minor, b->rdev_major,
			   b->rdev_minor);
	}
	if (strcmp(a->xattrs, b->xattrs) != 0) {
		add_reason(line);
		buf_add_text(line, "extended attributes");
	}
}

static void compare_items(const struct pack_item *a, const struct pack_item *b, struct buf *line)
{
	if (a->type != b->type) {
		buf_printf(line, "%s, %s", type_names[a->type], type_names[b->type]);
		return;
	}
	compare_content(a, b, line);
	if (a->mode != b->mode) {
		add_reason(line);
		buf_printf(line, "mode %04o, %04o", a->mode, b->mode);
	}
	if (a->uid != b->uid || a->gid != b->gid) {
		add_reason(line);
		buf_printf(line, "owner %u:%u, %u:%u", a->uid, a->gid, b->uid, b->gid);
	}
	if (a->mtime_s != b->mtime_s) {
		add_reason(line);
		buf_printf(line, "time %lld, %lld", (long long)a->mtime_s, (long long)b->mtime_s);
	}
}

/* Where the same names come in another order: the first that does. */
static void compare_order(const struct pack_list *a, const struct pack_list *b, struct buf *text)
{
	for (size_t i = 0; a->count == b->count && i < a->count; i++)
		if (a->item[i].place != b->item[i].place) {
			buf_printf(text, "/%s: order: number %zu, %zu in the archive\n",
				   a->item[i].path, a->item[i].place + 1, b->item[i].place + 1);
			return;
		}
}

static void compare_lists(const struct pack_list *a, const struct pack_list *b, struct buf *text)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a->count || j < b->count) {
		int order = i == a->count   ? 1
			    : j == b->count ? -1
					    : tree_compare_paths(a->item[i].path, b->item[j].path);
		auto_buf line = { 0 };

		if (order < 0)
			buf_printf(text, "only in the first: /%s\n", a->item[i].path);
		else if (order > 0)
			buf_printf(text, "only in the second: /%s\n", b->item[j].path);
		else
			compare_items(&a->item[i], &b->item[j], &line);
		if (line.size_bytes)
			buf_printf(text, "/%s: %s\n", a->item[i].path, line.bytes);
		i += order <= 0;
		j += order >= 0;
	}
}

int pack_diff(const char *a, const char *b, bool *ret_same, struct buf *ret_text, struct err *err)
{
	auto_pack_list first = { 0 };
	auto_pack_list second = { 0 };
	size_t before = ret_text->size_bytes;
	int r = pack_list_read(a, &first, err);

	if (r == 0)
		r = pack_list_read(b, &second, err);
	if (r < 0)
		return r;
	compare_lists(&first, &second, ret_text);
	if (ret_text->size_bytes == before)
		compare_order(&first, &second, ret_text);
	if (ret_text->size_bytes == before && first.digest[0] && second.digest[0] &&
	    strcmp(first.digest, second.digest) != 0)
		buf_add_text(ret_text, "all files are the same; the bytes around them differ "
				       "(format, compression, padding)\n");
	*ret_same = ret_text->size_bytes == before;
	return 0;
}
