// SPDX-License-Identifier: Apache-2.0
/* A tar archive, given to the reader in pieces whose size the first byte says. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

#include "base/buf.h"
#include "base/strings.h"
#include "codec/tar.h"
#include "image/whiteout.h"

struct pieces {
	const uint8_t *data;
	size_t left;
	size_t piece;
};

static int next_piece(void *context, const void **ret_bytes, size_t *ret_size, struct err *err)
{
	struct pieces *pieces = context;
	size_t size = pieces->left < pieces->piece ? pieces->left : pieces->piece;

	(void)err;
	*ret_bytes = pieces->data;
	*ret_size = size;
	pieces->data += size;
	pieces->left -= size;
	return 0;
}

/* Data comes in order and within the file; what a hole leaves out is not in the sum. */
static void check_data(struct tar_reader *reader, const struct tar_entry *entry, size_t size)
{
	uint64_t end = 0;
	uint64_t total = 0;
	uint64_t offset;
	const void *bytes;
	size_t count;

	while (tar_reader_data(reader, &bytes, &count, &offset, NULL) > 0) {
		assert(count > 0 && offset >= end);
		assert(entry->sparse || offset == end);
		end = offset + count;
		total += count;
		assert(end <= entry->size_bytes && total <= size);
	}
}

static void check_path(const char *path)
{
	auto_buf normal = { 0 };

	if (layer_path_normalize(path, &normal, NULL) < 0)
		return;
	assert(normal.size_bytes <= LAYER_PATH_MAX && buf_text(&normal)[0] != '/');
	assert(!strstr(buf_text(&normal), "//") && !text_starts(buf_text(&normal), "../"));
	assert(!strstr(buf_text(&normal), "/../") && !text_ends(buf_text(&normal), "/.."));
}

/* A changed byte makes the checksum wrong and everything behind it unreachable: make each right. */
static void mend(uint8_t *data, size_t size)
{
	for (; size >= TAR_BLOCK_BYTES; data += TAR_BLOCK_BYTES, size -= TAR_BLOCK_BYTES) {
		unsigned sum = 0;
		char text[8];

		memset(data + 148, ' ', 8);
		for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
			sum += data[i];
		snprintf(text, sizeof(text), "%06o", sum);
		memcpy(data + 148, text, 7);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf copy = { 0 };
	struct pieces pieces = { 0 };
	struct tar_input input = { .next = next_piece, .context = &pieces };
	auto_tar_reader *reader = NULL;
	struct tar_entry entry;

	if (size < 2)
		return 0;
	buf_add(&copy, data + 1, size - 1);
	if (data[0] & 2)
		mend((uint8_t *)copy.bytes, copy.size_bytes);
	pieces.data = (const uint8_t *)copy.bytes;
	pieces.left = copy.size_bytes;
	pieces.piece = data[0] ? (size_t)data[0] * 37 : 512;
	reader = tar_reader_new(&input);
	while (tar_reader_next(reader, &entry, NULL) > 0) {
		assert(entry.path && (entry.mode & ~07777U) == 0);
		assert(!entry.link == (entry.type != TAR_HARD_LINK && entry.type != TAR_SYMLINK));
		for (size_t i = 0; i < entry.xattr_count; i++)
			assert(entry.xattrs[i].name[0]);
		check_path(entry.path);
		if (data[0] & 1)
			check_data(reader, &entry, size);
	}
	return 0;
}
