/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by all processors: every GZIP_MEMBER_BYTES of input become one member (RFC 1952 section 2.2:
 * a file is a series of members), compressed by libdeflate in worker threads. The result
 * depends on the input and the effort alone, not on the number of threads. */
#ifndef CODEC_GZIP_WRITER_H
#define CODEC_GZIP_WRITER_H

#include <stddef.h>

#include "base/err.h"

#define GZIP_MEMBER_BYTES ((size_t)1024 * 1024)

struct gzip_writer;

struct gzip_sink {
	/* Called in the thread that adds, in order. */
	int (*write)(void *context, const void *bytes, size_t size_bytes, struct err *err);
	void *context;
};

/* Source trees come out an eighth larger with the former, in a third of the time. */
enum gzip_effort { GZIP_FAST, GZIP_SMALL };

int gzip_writer_new(const struct gzip_sink *sink, enum gzip_effort effort,
		    struct gzip_writer **ret_writer, struct err *err) must_check;
int gzip_writer_add(struct gzip_writer *writer, const void *bytes, size_t size_bytes,
		    struct err *err) must_check;
/* Everything added has gone to the sink afterwards; no input at all gives one empty member. */
int gzip_writer_finish(struct gzip_writer *writer, struct err *err) must_check;
void gzip_writer_free(struct gzip_writer *writer);
static inline void gzip_writer_cleanup(struct gzip_writer **writer)
{
	gzip_writer_free(*writer);
}
#define auto_gzip_writer cleanup(gzip_writer_cleanup) struct gzip_writer

#endif
