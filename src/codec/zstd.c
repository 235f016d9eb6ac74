// SPDX-License-Identifier: Apache-2.0
/* unzstd (RFC 8878): frames in a row, skippable ones (zstd:chunked layers have some) included. */
#include <zstd.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/decoder_input.h"

struct zstd {
	ZSTD_DCtx *context;
	bool in_frame;
};

static void *start(struct err *err)
{
	struct zstd *zstd = memory_zeroed(1, sizeof(*zstd));

	zstd->context = ZSTD_createDCtx();
	if (zstd->context)
		return zstd;
	fail(err, ENOMEM, "decompression context");
	free(zstd);
	return NULL;
}

static void stop(void *state)
{
	struct zstd *zstd = state;

	ZSTD_freeDCtx(zstd->context);
	free(zstd);
}

static ssize_t read_zstd(void *state, struct input *input, void *bytes, size_t size_bytes,
			 struct err *err)
{
	struct zstd *zstd = state;

	for (;;) {
		ZSTD_outBuffer out = { bytes, size_bytes, 0 };
		ZSTD_inBuffer in;
		size_t code;
		int r = input_fill(input, err);

		if (r < 0)
			return r;
		if (!input_left(input) && !zstd->in_frame)
			return 0;
		if (!zstd->in_frame && input->bytes[input->start] == 0)
			return input_expect_padding(input, err);
		in = (ZSTD_inBuffer){ input->bytes, input->end, input->start };
		code = ZSTD_decompressStream(zstd->context, &out, &in);
		if (ZSTD_isError(code))
			return fail_plain(err, EUCLEAN, "%s", ZSTD_getErrorName(code));
		bool stuck = in.pos == input->start && !out.pos;

		input->start = in.pos;
		zstd->in_frame = code != 0;
		if (out.pos)
			return (ssize_t)out.pos;
		if (stuck && zstd->in_frame)
			return fail_plain(err, EUCLEAN, "the data is cut short");
	}
}

const struct codec codec_zstd = { .name = "zstd", .start = start, .read = read_zstd, .stop = stop };
