// SPDX-License-Identifier: Apache-2.0
/* Decoders, the pipeline around them, and the gzip writer. */
#include "unit.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "codec/gzip_writer.h"
#include "codec/stream.h"

struct memory {
	struct buf bytes;
	size_t at;
	size_t piece;
	int fails_with; /* once everything was given */
};

static ssize_t read_memory(void *context, void *bytes, size_t size, struct err *err)
{
	struct memory *memory = context;
	size_t left = memory->bytes.size_bytes - memory->at;

	if (!left && memory->fails_with)
		return fail(err, memory->fails_with, "source");
	if (size > left)
		size = left;
	if (size > memory->piece)
		size = memory->piece;
	if (size)
		memcpy(bytes, memory->bytes.bytes + memory->at, size);
	memory->at += size;
	return (ssize_t)size;
}

static struct byte_source source_of(struct memory *memory, size_t piece)
{
	memory->at = 0;
	memory->piece = piece;
	return (struct byte_source){ .read = read_memory, .context = memory };
}

/* Something that compresses a little and has no period. */
static void fill(struct buf *buf, size_t size)
{
	uint64_t state = 88172645463325252U;

	while (buf->size_bytes < size) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		buf_printf(buf, "%llu text ", (unsigned long long)state % 100000);
	}
	buf_truncate(buf, size);
}

static int to_buf(void *context, const void *bytes, size_t size, struct err *err)
{
	(void)err;
	buf_add(context, bytes, size);
	return 0;
}

static void gzip(const struct buf *plain, size_t piece, struct buf *out)
{
	struct gzip_sink sink = { .write = to_buf, .context = out };
	auto_gzip_writer *writer = NULL;

	assert_int_equal(gzip_writer_new(&sink, GZIP_SMALL, &writer, NULL), 0);
	for (size_t at = 0; at < plain->size_bytes; at += piece)
		assert_int_equal(gzip_writer_add(writer, plain->bytes + at,
						 plain->size_bytes - at < piece
							 ? plain->size_bytes - at
							 : piece,
						 NULL),
				 0);
	assert_int_equal(gzip_writer_finish(writer, NULL), 0);
}

static int decode(struct memory *memory, size_t piece, size_t step, struct buf *out)
{
	struct err ignored = { 0 };
	struct err *err = &ignored;
	struct byte_source source = source_of(memory, piece);
	auto_decoder *decoder = NULL;
	int r = decoder_new(&source, &decoder, err);

	while (r == 0) {
		ssize_t n = decoder_read(decoder, buf_reserve(out, step), step, err);

		if (n <= 0)
			return (int)n;
		buf_grow_by(out, (size_t)n);
	}
	return r;
}

static void assert_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->size_bytes, b->size_bytes);
	assert_memory_equal(buf_text(a), buf_text(b), a->size_bytes);
}

test(gzip_of_several_members_is_decoded_in_steps_of_any_size)
{
	static const size_t pieces[] = { 1, 3, 17, 4096, 1000000 };
	auto_buf plain = { 0 };
	struct memory memory = { 0 };

	fill(&plain, 50000);
	for (int i = 0; i < 5; i++) { /* many members, an empty one and a tiny one among them */
		struct buf part = { plain.bytes + 10000 * i, i == 2 ? 0 : i == 3 ? 1 : 10000, 0 };

		gzip(&part, 10000, &memory.bytes);
	}
	struct buf expected = { 0 };

	buf_add(&expected, plain.bytes, 20000);
	buf_add(&expected, plain.bytes + 30000, 1);
	buf_add(&expected, plain.bytes + 40000, 10000);
	for (size_t i = 0; i < array_count(pieces); i++) {
		auto_buf out = { 0 };

		assert_int_equal(decode(&memory, pieces[i], pieces[i] + 6, &out), 0);
		assert_same(&out, &expected);
	}
	buf_done(&expected);
	buf_done(&memory.bytes);
}

test(every_way_of_cutting_gzip_is_noticed)
{
	auto_buf plain = { 0 };
	struct memory memory = { 0 };
	size_t complete;

	fill(&plain, 3000);
	gzip(&plain, 3000, &memory.bytes);
	complete = memory.bytes.size_bytes;
	for (size_t size = 16; size < complete; size++) {
		auto_buf out = { 0 };

		memory.bytes.size_bytes = size;
		assert_int_equal(decode(&memory, 100000, 100000, &out), -EUCLEAN);
	}
	buf_done(&memory.bytes);
}

test(padding_after_gzip_is_fine_and_garbage_is_not)
{
	static const char zeros[5000];
	auto_buf plain = { 0 };
	auto_buf out = { 0 };
	struct memory memory = { 0 };

	fill(&plain, 3000);
	gzip(&plain, 3000, &memory.bytes);
	buf_add(&memory.bytes, zeros, sizeof(zeros));
	assert_int_equal(decode(&memory, 1000, 1000, &out), 0);
	assert_same(&out, &plain);
	buf_add(&memory.bytes, "x", 1);
	assert_int_equal(decode(&memory, 1000, 1000, &out), -EUCLEAN);
	buf_done(&memory.bytes);
}

test(the_gzip_written_depends_on_the_input_alone)
{
	auto_buf plain = { 0 };
	auto_buf at_once = { 0 };
	auto_buf in_pieces = { 0 };
	auto_buf empty = { 0 };
	auto_buf nothing = { 0 };

	fill(&plain, 3 * GZIP_MEMBER_BYTES + 12345);
	gzip(&plain, plain.size_bytes, &at_once);
	gzip(&plain, 4999, &in_pieces);
	assert_same(&at_once, &in_pieces);
	gzip(&nothing, 1, &empty);
	assert_in_range(empty.size_bytes, 18, 40);
}

static void add_frame(struct memory *memory, const struct buf *plain)
{
	size_t room = ZSTD_compressBound(plain->size_bytes);
	size_t size = ZSTD_compress(buf_reserve(&memory->bytes, room), room, plain->bytes,
				    plain->size_bytes, 3);

	buf_grow_by(&memory->bytes, size);
}

test(zstd_frames_in_a_row_and_skippable_ones_are_decoded)
{
	static const char skippable[] = "\x5a\x2a\x4d\x18\x03\x00\x00\x00"
					"xyz";
	auto_buf plain = { 0 };
	auto_buf out = { 0 };
	auto_buf twice = { 0 };
	struct memory memory = { 0 };

	fill(&plain, 100000);
	buf_add(&memory.bytes, skippable, sizeof(skippable) - 1);
	add_frame(&memory, &plain);
	add_frame(&memory, &plain);
	buf_add(&memory.bytes, skippable, sizeof(skippable) - 1);
	assert_int_equal(decode(&memory, 333, 777, &out), 0);
	buf_add(&twice, plain.bytes, plain.size_bytes);
	buf_add(&twice, plain.bytes, plain.size_bytes);
	assert_same(&out, &twice);
	memory.bytes.size_bytes -= 400;
	assert_int_equal(decode(&memory, 333, 777, &out), -EUCLEAN);
	buf_done(&memory.bytes);
}

test(what_is_not_compressed_passes_through)
{
	static const char *const texts[] = { "", "x", "a tar would be longer than this" };

	for (size_t i = 0; i < array_count(texts); i++) {
		struct memory memory = { 0 };
		auto_buf out = { 0 };

		buf_add_text(&memory.bytes, texts[i]);
		assert_int_equal(decode(&memory, 1, 5, &out), 0);
		assert_string_equal(buf_text(&out), texts[i]);
		buf_done(&memory.bytes);
	}
}

test(a_stream_gives_whole_chunks_and_the_digest_of_all)
{
	struct memory memory = { 0 };
	auto_buf plain = { 0 };
	auto_buf out = { 0 };
	auto_stream *stream = NULL;
	struct byte_source source;
	char expected[SHA256_HEX_LENGTH + 1];
	char hex[SHA256_HEX_LENGTH + 1];
	auto_sha256 sha = { 0 };
	uint64_t total;
	const void *bytes;
	size_t size;

	fill(&plain, 5 * STREAM_CHUNK_BYTES + 99);
	gzip(&plain, 65536, &memory.bytes);
	source = source_of(&memory, 10000);
	assert_int_equal(stream_new(&source, &stream, NULL), 0);
	assert_int_equal(stream_encoding(stream), ENCODING_GZIP);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(stream_next(stream, &bytes, &size, NULL), 0);
		assert_int_equal(size, i < 5 ? STREAM_CHUNK_BYTES : 99);
		buf_add(&out, bytes, size);
	}
	assert_same(&out, &plain);
	assert_int_equal(stream_finish(stream, hex, &total, NULL), 0);
	sha256_init(&sha);
	sha256_add(&sha, plain.bytes, plain.size_bytes);
	sha256_finish(&sha, expected);
	assert_string_equal(hex, expected);
	assert_true(total == plain.size_bytes);
	buf_done(&memory.bytes);
}

test(a_stream_can_be_left_in_the_middle)
{
	struct memory memory = { 0 };
	struct stream *stream;
	struct byte_source source;
	const void *bytes;
	size_t size;

	fill(&memory.bytes, (STREAM_CHUNKS + 5) * STREAM_CHUNK_BYTES);
	source = source_of(&memory, 100000);
	assert_int_equal(stream_new(&source, &stream, NULL), 0);
	assert_int_equal(stream_next(stream, &bytes, &size, NULL), 0);
	stream_free(stream);
	assert_int_equal(stream_new(&source, &stream, NULL), 0);
	stream_free(stream);
	buf_done(&memory.bytes);
}

test(a_failing_source_is_reported_after_what_came_before)
{
	struct memory memory = { .fails_with = EIO };
	auto_stream *stream = NULL;
	struct byte_source source;
	struct err err = { 0 };
	const void *bytes;
	size_t size;
	int r;

	fill(&memory.bytes, 2 * STREAM_CHUNK_BYTES);
	source = source_of(&memory, 100000);
	assert_int_equal(stream_new(&source, &stream, NULL), 0);
	do
		r = stream_next(stream, &bytes, &size, &err);
	while (r == 0 && size > 0);
	assert_int_equal(r, -EIO);
	assert_non_null(strstr(err.text, "source"));
	buf_done(&memory.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(gzip_of_several_members_is_decoded_in_steps_of_any_size),
		RUN(every_way_of_cutting_gzip_is_noticed),
		RUN(padding_after_gzip_is_fine_and_garbage_is_not),
		RUN(the_gzip_written_depends_on_the_input_alone),
		RUN(zstd_frames_in_a_row_and_skippable_ones_are_decoded),
		RUN(what_is_not_compressed_passes_through),
		RUN(a_stream_gives_whole_chunks_and_the_digest_of_all),
		RUN(a_stream_can_be_left_in_the_middle),
		RUN(a_failing_source_is_reported_after_what_came_before),
	};

	return RUN_ALL(tests);
}
