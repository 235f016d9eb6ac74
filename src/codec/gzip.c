// SPDX-License-Identifier: Apache-2.0
/* gunzip (RFC 1952), several members in a row included. isa-l's igzip is two to three times as fast
 * as zlib; zlib where isa-l is not there. Both are used through the same three functions. */
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/decoder_input.h"

enum member { MEMBER_ENDED, MEMBER_GOES_ON };

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>

struct gzip {
	bool in_member;
	struct inflate_state inflate;
};

static int member_start(struct gzip *gzip, struct err *err)
{
	(void)err;
	isal_inflate_init(&gzip->inflate);
	gzip->inflate.crc_flag = ISAL_GZIP;
	return 0;
}

static const char *reason(int code)
{
	switch (code) {
	case ISAL_INVALID_WRAPPER:
		return "bad header";
	case ISAL_UNSUPPORTED_METHOD:
		return "unknown compression method";
	case ISAL_INCORRECT_CHECKSUM:
		return "checksum mismatch";
	default:
		return "damaged data";
	}
}

/* Decode from input into bytes; *ret_size is what came out. */
static int member_step(struct gzip *gzip, struct input *input, void *bytes, size_t size_bytes,
		       size_t *ret_size, struct err *err)
{
	struct inflate_state *inflate = &gzip->inflate;
	int code;

	inflate->next_in = input->bytes + input->start;
	inflate->avail_in = (uint32_t)input_left(input);
	inflate->next_out = bytes;
	inflate->avail_out = (uint32_t)size_bytes;
	code = isal_inflate(inflate);
	/* igzip reads ahead up to 8 bytes and gives back what belongs to the next member */
	input->start = input->end - inflate->avail_in;
	*ret_size = size_bytes - inflate->avail_out;
	if (code < 0)
		return fail_plain(err, EUCLEAN, "%s", reason(code));
	return inflate->block_state == ISAL_BLOCK_FINISH ? MEMBER_ENDED : MEMBER_GOES_ON;
}

static void member_free(struct gzip *gzip)
{
	(void)gzip;
}
#else
#include <zlib.h>

struct gzip {
	bool in_member;
	bool started;
	z_stream inflate;
};

static int member_start(struct gzip *gzip, struct err *err)
{
	int code = gzip->started ? inflateReset(&gzip->inflate)
				 : inflateInit2(&gzip->inflate, 15 + 16);

	gzip->started |= code == Z_OK;
	return code == Z_OK ? 0 : fail_plain(err, ENOMEM, "zlib error %d", code);
}

static int member_step(struct gzip *gzip, struct input *input, void *bytes, size_t size_bytes,
		       size_t *ret_size, struct err *err)
{
	z_stream *inflate_state = &gzip->inflate;
	int code;

	inflate_state->next_in = input->bytes + input->start;
	inflate_state->avail_in = (uInt)input_left(input);
	inflate_state->next_out = bytes;
	inflate_state->avail_out = (uInt)size_bytes;
	code = inflate(inflate_state, Z_NO_FLUSH);
	input->start = input->end - inflate_state->avail_in;
	*ret_size = size_bytes - inflate_state->avail_out;
	if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
		return fail_plain(err, EUCLEAN, "%s",
				  inflate_state->msg ? inflate_state->msg : "damaged data");
	return code == Z_STREAM_END ? MEMBER_ENDED : MEMBER_GOES_ON;
}

static void member_free(struct gzip *gzip)
{
	if (gzip->started)
		inflateEnd(&gzip->inflate);
}
#endif

static void *start(struct err *err)
{
	(void)err;
	return memory_zeroed(1, sizeof(struct gzip));
}

static void stop(void *state)
{
	member_free(state);
	free(state);
}

/* Between members: another one, padding, or the end. Returns 1 when a member begins. */
static int next_member(struct gzip *gzip, struct input *input, struct err *err)
{
	int r = input_fill(input, err);

	if (r < 0 || !input_left(input))
		return r;
	if (input->bytes[input->start] != 0x1f)
		return input_expect_padding(input, err);
	r = member_start(gzip, err);
	if (r < 0)
		return r;
	gzip->in_member = true;
	return 1;
}

static ssize_t read_gzip(void *state, struct input *input, void *bytes, size_t size_bytes,
			 struct err *err)
{
	struct gzip *gzip = state;

	if (size_bytes > UINT32_MAX / 2)
		size_bytes = UINT32_MAX / 2;
	for (;;) {
		size_t came = 0;
		int r = gzip->in_member ? 1 : next_member(gzip, input, err);

		if (r <= 0)
			return r;
		r = input_fill(input, err);
		if (r < 0)
			return r;
		bool no_input = !input_left(input);

		r = member_step(gzip, input, bytes, size_bytes, &came, err);
		if (r < 0)
			return r;
		gzip->in_member = r == MEMBER_GOES_ON;
		if (came)
			return (ssize_t)came;
		if (gzip->in_member && no_input)
			return fail_plain(err, EUCLEAN, "the data is cut short");
	}
}

const struct codec codec_gzip = { .name = "gzip", .start = start, .read = read_gzip, .stop = stop };
