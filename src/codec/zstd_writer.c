// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_writer.h"

#include <unistd.h>
#include <zstd.h>

#include "base/banned.h"
#include "base/memory.h"

#define WORKERS_MAX 64

struct zstd_writer {
	struct zstd_sink sink;
	ZSTD_CCtx *context;
	char *output;
	size_t output_room;
};

/* At least one, for without workers the library cuts at other places. Two for each processor: where
 * one ends, another is at work before the caller has been woken to feed it; what comes out is the
 * same. */
static int worker_count(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 ? 2 : count > WORKERS_MAX / 2 ? WORKERS_MAX : 2 * (int)count;
}

static int set(struct zstd_writer *writer, ZSTD_cParameter parameter, int value, struct err *err)
{
	size_t code = ZSTD_CCtx_setParameter(writer->context, parameter, value);

	return ZSTD_isError(code) ? fail_plain(err, EINVAL, "zstd: %s", ZSTD_getErrorName(code))
				  : 0;
}

int zstd_writer_new(const struct zstd_sink *sink, struct zstd_writer **ret_writer, struct err *err)
{
	auto_zstd_writer *writer = memory_zeroed(1, sizeof(*writer));
	int r;

	writer->sink = *sink;
	writer->context = ZSTD_createCCtx();
	if (!writer->context)
		return fail(err, ENOMEM, "compression context");
	writer->output_room = ZSTD_CStreamOutSize();
	writer->output = memory_resize(NULL, writer->output_room, 1);
	r = set(writer, ZSTD_c_compressionLevel, ZSTD_WRITER_LEVEL, err);
	if (r == 0)
		r = set(writer, ZSTD_c_checksumFlag, 1, err);
	if (r == 0)
		r = set(writer, ZSTD_c_nbWorkers, worker_count(), err);
	if (r == 0)
		*ret_writer = take_ptr(writer);
	return r;
}

/* *ret_left: what the library still holds back. */
static int compress(struct zstd_writer *writer, ZSTD_inBuffer *in, ZSTD_EndDirective how,
		    size_t *ret_left, struct err *err)
{
	ZSTD_outBuffer out = { writer->output, writer->output_room, 0 };
	size_t left = ZSTD_compressStream2(writer->context, &out, in, how);

	if (ZSTD_isError(left))
		return fail_plain(err, EIO, "zstd: %s", ZSTD_getErrorName(left));
	*ret_left = left;
	return out.pos ? writer->sink.write(writer->sink.context, out.dst, out.pos, err) : 0;
}

int zstd_writer_add(struct zstd_writer *writer, const void *bytes, size_t size_bytes,
		    struct err *err)
{
	ZSTD_inBuffer in = { bytes, size_bytes, 0 };
	size_t left;
	int r = 0;

	while (r == 0 && in.pos < in.size)
		r = compress(writer, &in, ZSTD_e_continue, &left, err);
	return r;
}

int zstd_writer_finish(struct zstd_writer *writer, struct err *err)
{
	ZSTD_inBuffer in = { NULL, 0, 0 };
	size_t left;
	int r;

	do
		r = compress(writer, &in, ZSTD_e_end, &left, err);
	while (r == 0 && left > 0);
	return r;
}

void zstd_writer_free(struct zstd_writer *writer)
{
	if (!writer)
		return;
	ZSTD_freeCCtx(writer->context);
	free(writer->output);
	free(writer);
}

const char *zstd_writer_version(void)
{
	return ZSTD_versionString();
}
