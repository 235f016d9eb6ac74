/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a header block. For tar_reader.c; pure. */
#ifndef CODEC_TAR_HEADER_H
#define CODEC_TAR_HEADER_H

#include "codec/tar.h"
#include "codec/tar_format.h"
#include "codec/tar_pax.h"

/* What a device number of Linux has room for (include/linux/kdev_t.h: 12 and 20 bits). */
#define TAR_MAJOR_MAX 4095
#define TAR_MINOR_MAX 1048575

/* Octal between optional blanks and NUL, or base 256 (GNU) when the first bit is set. */
bool tar_number(const char *field, size_t length, int64_t *ret_number) must_check;
#define TAR_NUMBER(field, ret) tar_number(field, sizeof(field), ret)

/* Both sums are in use: old writers added signed chars. */
bool tar_checksum_is_right(const struct tar_header *header) must_check;
bool tar_block_is_zero(const void *block) must_check;
/* false: no letter that is known. */
bool tar_type_of(char letter, enum tar_type *ret_type) must_check;
/* GNU's own sparse headers: the part of the map in one of them. */
bool tar_segments_add_gnu(struct tar_segments *segments, const struct tar_gnu_segment *segment,
			  size_t count) must_check;
/* Segments in order, inside the file, and as long together as the data. */
bool tar_segments_fit(const struct tar_segments *segments, uint64_t file_bytes,
		      uint64_t data_bytes) must_check;

#endif
