/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression chosen by the first bytes of the stream, whatever a media type or a file's name
 * says (layers are mislabelled often enough): gzip by isa-l or zlib, zstd, by libarchive whatever
 * else it knows (xz, bzip2, lz4, ...), or none. One thread; stream.h puts it on its own. */
#ifndef CODEC_DECODER_H
#define CODEC_DECODER_H

#include "codec/byte_source.h"

enum encoding { ENCODING_NONE, ENCODING_GZIP, ENCODING_ZSTD, ENCODING_OTHER };

struct decoder;

/* Reads the first bytes. *source is copied; its context must outlive the decoder. */
int decoder_new(const struct byte_source *source, struct decoder **ret_decoder,
		struct err *err) must_check;
void decoder_free(struct decoder *decoder);
static inline void decoder_cleanup(struct decoder **decoder)
{
	decoder_free(*decoder);
}
#define auto_decoder cleanup(decoder_cleanup) struct decoder

enum encoding decoder_encoding(const struct decoder *decoder);
/* As struct byte_source's read: at least one byte, 0 at the end, -errno. -EUCLEAN: damaged or cut
 * short. Bytes after the end of gzip or zstd data must be zeros (tape padding) or another
 * member. */
ssize_t decoder_read(struct decoder *decoder, void *bytes, size_t size_bytes,
		     struct err *err) must_check;

/* What these first bytes (16 suffice) begin. */
enum encoding encoding_detect(const void *bytes, size_t size_bytes);

#endif
