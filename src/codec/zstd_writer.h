/* SPDX-License-Identifier: Apache-2.0 */
/* One zstd frame by all processors: the same bytes whatever their number, for libzstd cuts the
 * input at places that depend on it alone. */
#ifndef CODEC_ZSTD_WRITER_H
#define CODEC_ZSTD_WRITER_H

#include <stddef.h>

#include "base/err.h"

struct zstd_writer;

struct zstd_sink {
	/* Called in the thread that adds, in order. */
	int (*write)(void *context, const void *bytes, size_t size_bytes, struct err *err);
	void *context;
};

#define ZSTD_WRITER_LEVEL 3

int zstd_writer_new(const struct zstd_sink *sink, struct zstd_writer **ret_writer,
		    struct err *err) must_check;
int zstd_writer_add(struct zstd_writer *writer, const void *bytes, size_t size_bytes,
		    struct err *err) must_check;
/* Everything added has gone to the sink afterwards. */
int zstd_writer_finish(struct zstd_writer *writer, struct err *err) must_check;
void zstd_writer_free(struct zstd_writer *writer);
static inline void zstd_writer_cleanup(struct zstd_writer **writer)
{
	zstd_writer_free(*writer);
}
#define auto_zstd_writer cleanup(zstd_writer_cleanup) struct zstd_writer

/* Of the library, as "1.5.4": it decides about the bytes. */
const char *zstd_writer_version(void);

#endif
