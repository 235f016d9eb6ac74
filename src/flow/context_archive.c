// SPDX-License-Identifier: Apache-2.0
#include "flow/context_archive.h"

#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/stream.h"
#include "rootfs/unpack.h"

/* Looked at to tell what it is. A compressor's first block may be longer: then it is taken for
 * text, and refused as a Dockerfile that holds a NUL. Those in use are far below. */
#define HEAD_BYTES ((size_t)2 << 20)

struct context_archive {
	struct byte_source rest; /* behind the head */
	char *head;
	size_t head_bytes;
	size_t head_read;
	bool is_tar;
	struct unpacker *unpacker;
};

/* ---- what is it? ---- */

struct memory {
	const char *bytes;
	size_t left_bytes;
};

static ssize_t read_memory(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct memory *memory = context;

	(void)err;
	if (size_bytes > memory->left_bytes)
		size_bytes = memory->left_bytes;
	memcpy(bytes, memory->bytes, size_bytes);
	memory->bytes += size_bytes;
	memory->left_bytes -= size_bytes;
	return (ssize_t)size_bytes;
}

struct decoded {
	struct decoder *decoder;
	char chunk[4096];
};

static int next_decoded(void *context, const void **ret_bytes, size_t *ret_size_bytes,
			struct err *err)
{
	struct decoded *decoded = context;
	ssize_t n = decoder_read(decoded->decoder, decoded->chunk, sizeof(decoded->chunk), err);

	*ret_bytes = decoded->chunk;
	*ret_size_bytes = n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : 0;
}

/* The first entry, or the end mark of an empty archive, must be whole. */
static bool begins_a_tar(const char *head, size_t head_bytes)
{
	struct memory memory = { head, head_bytes };
	const struct byte_source source = { read_memory, &memory };
	struct decoded decoded = { 0 };
	const struct tar_input input = { .next = next_decoded, .context = &decoded };
	auto_tar_reader *reader = NULL;
	struct tar_entry entry;
	bool is;

	if (head_bytes == 0 || decoder_new(&source, &decoded.decoder, NULL) < 0)
		return false;
	reader = tar_reader_new(&input);
	is = tar_reader_next(reader, &entry, NULL) > 0 || tar_reader_saw_end(reader);
	decoder_free(decoded.decoder);
	return is;
}

int context_archive_new(const struct byte_source *source, struct context_archive **ret_archive,
			struct err *err)
{
	struct context_archive *archive = memory_zeroed(1, sizeof(*archive));
	ssize_t n;

	archive->rest = *source;
	archive->head = memory_resize(NULL, HEAD_BYTES, 1);
	n = byte_source_read_full(source, archive->head, HEAD_BYTES, err);
	if (n < 0) {
		context_archive_free(archive);
		return (int)n;
	}
	archive->head_bytes = (size_t)n;
	archive->is_tar = begins_a_tar(archive->head, archive->head_bytes);
	*ret_archive = archive;
	return 0;
}

void context_archive_free(struct context_archive *archive)
{
	if (!archive)
		return;
	unpacker_free(archive->unpacker);
	free(archive->head);
	free(archive);
}

bool context_archive_is_tar(const struct context_archive *archive)
{
	return archive->is_tar;
}

/* ---- all of it ---- */

static ssize_t read_all(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct context_archive *archive = context;
	size_t left = archive->head_bytes - archive->head_read;

	if (left == 0)
		return archive->rest.read(archive->rest.context, bytes, size_bytes, err);
	if (size_bytes > left)
		size_bytes = left;
	memcpy(bytes, archive->head + archive->head_read, size_bytes);
	archive->head_read += size_bytes;
	return (ssize_t)size_bytes;
}

static int next_chunk(void *context, const void **ret_bytes, size_t *ret_size_bytes,
		      struct err *err)
{
	return stream_next(context, ret_bytes, ret_size_bytes, err);
}

static int unpack_entries(struct context_archive *archive, struct tar_reader *reader,
			  struct err *err)
{
	struct tar_entry entry;
	int r;

	while ((r = tar_reader_next(reader, &entry, err)) > 0) {
		entry.uid = entry.gid = 0;
		entry.xattr_count = 0;
		entry.path += strspn(entry.path, "/");
		if (entry.type == TAR_HARD_LINK)
			entry.link += strspn(entry.link, "/");
		if (!*entry.path)
			continue;
		r = unpacker_place(archive->unpacker, &entry, reader, err);
		if (r < 0)
			return r;
	}
	if (r == 0 && !tar_reader_saw_end(reader))
		return fail_plain(err, EUCLEAN, "the archive is cut short (there is no end mark)");
	return r;
}

int context_archive_unpack(struct context_archive *archive, int root_fd, struct owners *ret_owners,
			   struct err *err)
{
	const struct byte_source source = { read_all, archive };
	struct tar_input input = { .next = next_chunk };
	auto_stream *stream = NULL;
	auto_tar_reader *reader = NULL;
	char hex[SHA256_HEX_LENGTH + 1];
	uint64_t size_bytes;
	int r = stream_new(&source, &stream, err);

	if (r < 0)
		return r;
	input.context = stream;
	reader = tar_reader_new(&input);
	archive->unpacker = unpacker_new(root_fd);
	unpacker_be_literal(archive->unpacker);
	r = unpack_entries(archive, reader, err);
	if (r == 0) /* whoever writes into a pipe must not be cut off */
		r = stream_finish(stream, hex, &size_bytes, err);
	return r < 0 ? r : unpacker_finish(archive->unpacker, ret_owners, err);
}

int context_archive_text(struct context_archive *archive, size_t limit_bytes, struct buf *text,
			 struct err *err)
{
	ssize_t n;

	do {
		char *room = buf_reserve(text, 65536);

		n = read_all(archive, room, 65536, err);
		if (n > 0)
			buf_grow_by(text, (size_t)n);
		if (text->size_bytes > limit_bytes)
			return fail_plain(err, EFBIG, "more than %zu bytes of text", limit_bytes);
	} while (n > 0);
	return n < 0 ? (int)n : 0;
}
