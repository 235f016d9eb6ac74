// SPDX-License-Identifier: Apache-2.0
#include "codec/decoder.h"

#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/decoder_input.h"

struct decoder {
	struct input input;
	enum encoding encoding;
	const struct codec *codec; /* NULL: plain bytes */
	void *state;
};

static const struct {
	enum encoding encoding;
	size_t length;
	unsigned char bytes[6];
} magics[] = {
	{ ENCODING_GZIP, 3, { 0x1f, 0x8b, 0x08 } },
	{ ENCODING_ZSTD, 4, { 0x28, 0xb5, 0x2f, 0xfd } },
	{ ENCODING_OTHER, 3, { 'B', 'Z', 'h' } },
	{ ENCODING_OTHER, 6, { 0xfd, '7', 'z', 'X', 'Z', 0 } },
	{ ENCODING_OTHER, 5, { 0x5d, 0, 0, 0x80, 0 } },	   /* lzma, 8 MiB dictionary */
	{ ENCODING_OTHER, 4, { 0x04, 0x22, 0x4d, 0x18 } }, /* lz4 */
	{ ENCODING_OTHER, 2, { 0x1f, 0x9d } },		   /* compress */
};

enum encoding encoding_detect(const void *bytes, size_t size_bytes)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < array_count(magics); i++)
		if (size_bytes >= magics[i].length &&
		    memcmp(bytes, magics[i].bytes, magics[i].length) == 0)
			return magics[i].encoding;
	/* a skippable frame of zstd (RFC 8878, section 3.1.2) may come first */
	if (size_bytes >= 4 && (at[0] & 0xf0) == 0x50 && at[1] == 0x2a && at[2] == 0x4d &&
	    at[3] == 0x18)
		return ENCODING_ZSTD;
	return ENCODING_NONE;
}

int input_fill(struct input *input, struct err *err)
{
	ssize_t n;

	if (input_left(input) || input->at_end)
		return 0;
	n = input->source.read(input->source.context, input->bytes, INPUT_ROOM, err);
	if (n < 0)
		return (int)n;
	input->start = 0;
	input->end = (size_t)n;
	input->at_end = n == 0;
	return 0;
}

int input_expect_padding(struct input *input, struct err *err)
{
	for (;;) {
		int r = input_fill(input, err);

		if (r < 0)
			return r;
		if (!input_left(input))
			return 0;
		while (input->start < input->end)
			if (input->bytes[input->start++])
				return fail_plain(err, EUCLEAN,
						  "garbage after the compressed data");
	}
}

static const struct codec *codec_of(enum encoding encoding)
{
	switch (encoding) {
	case ENCODING_GZIP:
		return &codec_gzip;
	case ENCODING_ZSTD:
		return &codec_zstd;
	case ENCODING_OTHER:
		return &codec_archive;
	case ENCODING_NONE:
		break;
	}
	return NULL;
}

/* A source may give its first bytes one at a time. */
static int read_magic(struct input *input, struct err *err)
{
	while (input->end < 16) {
		ssize_t n = input->source.read(input->source.context, input->bytes + input->end,
					       INPUT_ROOM - input->end, err);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		input->end += (size_t)n;
	}
	return 0;
}

int decoder_new(const struct byte_source *source, struct decoder **ret_decoder, struct err *err)
{
	auto_decoder *decoder = memory_zeroed(1, sizeof(*decoder));
	int r;

	decoder->input.source = *source;
	decoder->input.bytes = memory_resize(NULL, INPUT_ROOM, 1);
	r = read_magic(&decoder->input, err);
	if (r < 0)
		return r;
	decoder->encoding = encoding_detect(decoder->input.bytes, decoder->input.end);
	decoder->codec = codec_of(decoder->encoding);
	if (decoder->codec) {
		decoder->state = decoder->codec->start(err);
		if (!decoder->state)
			return err_wrap(err, "%s", decoder->codec->name);
	}
	*ret_decoder = take_ptr(decoder);
	return 0;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	if (decoder->state)
		decoder->codec->stop(decoder->state);
	free(decoder->input.bytes);
	free(decoder);
}

enum encoding decoder_encoding(const struct decoder *decoder)
{
	return decoder->encoding;
}

static ssize_t read_plain(struct input *input, void *bytes, size_t size_bytes, struct err *err)
{
	size_t left = input_left(input);

	if (!left)
		return input->source.read(input->source.context, bytes, size_bytes, err);
	if (size_bytes > left)
		size_bytes = left;
	memcpy(bytes, input->bytes + input->start, size_bytes);
	input->start += size_bytes;
	return (ssize_t)size_bytes;
}

ssize_t decoder_read(struct decoder *decoder, void *bytes, size_t size_bytes, struct err *err)
{
	ssize_t n;

	if (!decoder->codec)
		return read_plain(&decoder->input, bytes, size_bytes, err);
	n = decoder->codec->read(decoder->state, &decoder->input, bytes, size_bytes, err);
	return n < 0 ? err_wrap(err, "%s", decoder->codec->name) : n;
}
