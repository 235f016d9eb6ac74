/* SPDX-License-Identifier: Apache-2.0 */
/* Between decoder.c and the codecs behind it: a buffer of compressed bytes, and the interface a
 * codec implements. Nobody else includes this. */
#ifndef CODEC_DECODER_INPUT_H
#define CODEC_DECODER_INPUT_H

#include <stdbool.h>

#include "codec/byte_source.h"

#define INPUT_ROOM ((size_t)256 * 1024)

struct input {
	struct byte_source source;
	unsigned char *bytes; /* INPUT_ROOM of them */
	size_t start;	      /* of what is not used yet */
	size_t end;
	bool at_end; /* the source has no more */
};

static inline size_t input_left(const struct input *input)
{
	return input->end - input->start;
}

/* Read more when nothing is left; 0 bytes left afterwards means the end. */
int input_fill(struct input *input, struct err *err) must_check;
/* Everything up to the end must be zeros: -EUCLEAN otherwise. */
int input_expect_padding(struct input *input, struct err *err) must_check;

struct codec {
	const char *name;		 /* for messages */
	void *(*start)(struct err *err); /* NULL and err set on failure */
	/* As decoder_read. */
	ssize_t (*read)(void *state, struct input *input, void *bytes, size_t size_bytes,
			struct err *err);
	void (*stop)(void *state);
};

extern const struct codec codec_gzip;
extern const struct codec codec_zstd;
extern const struct codec codec_archive;

#endif
