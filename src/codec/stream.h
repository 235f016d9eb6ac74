/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline: reading and decompressing in one thread, SHA-256 of the result in a second, the
 * caller (who unpacks) in a third, with a few chunks between them. Memory is bounded by
 * STREAM_CHUNK_BYTES * STREAM_CHUNKS whatever the size of the data. */
#ifndef CODEC_STREAM_H
#define CODEC_STREAM_H

#include "codec/decoder.h"
#include "codec/sha256.h"

#define STREAM_CHUNK_BYTES ((size_t)512 * 1024) /* a multiple of tar's 512 */
#define STREAM_CHUNKS	   8

struct stream;

/* The source's context must outlive the stream; its read is called from another thread. */
int stream_new(const struct byte_source *source, struct stream **ret_stream,
	       struct err *err) must_check;
void stream_free(struct stream *stream); /* also in the middle: the threads are stopped */
static inline void stream_cleanup(struct stream **stream)
{
	stream_free(*stream);
}
#define auto_stream cleanup(stream_cleanup) struct stream

enum encoding stream_encoding(const struct stream *stream);
/* The next decompressed bytes, valid until the next call; *ret_size_bytes 0 at the end. Every
 * chunk but the last has STREAM_CHUNK_BYTES. */
int stream_next(struct stream *stream, const void **ret_bytes, size_t *ret_size_bytes,
		struct err *err) must_check;
/* Read to the end and tell the digest and size of all decompressed bytes. */
int stream_finish(struct stream *stream, char ret_hex[SHA256_HEX_LENGTH + 1],
		  uint64_t *ret_size_bytes, struct err *err) must_check;

#endif
