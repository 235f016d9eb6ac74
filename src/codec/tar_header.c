// SPDX-License-Identifier: Apache-2.0
#include "codec/tar_header.h"

#include <stddef.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"

bool tar_number(const char *field, size_t length, int64_t *ret_number)
{
	const unsigned char *at = (const unsigned char *)field;
	const unsigned char *end = at + length;
	uint64_t number = 0;

	if (*at & 0x80) {
		bool negative = *at & 0x40;

		number = negative ? UINT64_MAX << 6 | (*at & 0x3f) : *at & 0x3f;
		for (at++; at < end; at++) {
			if ((negative ? ~number : number) >> 55)
				return false;
			number = number << 8 | *at;
		}
		*ret_number = (int64_t)number;
		return true;
	}
	while (at < end && *at == ' ')
		at++;
	for (; at < end && *at >= '0' && *at <= '7'; at++) {
		if (number >> 60)
			return false;
		number = number << 3 | (*at - '0');
	}
	while (at < end && (*at == ' ' || *at == '\0'))
		at++;
	*ret_number = (int64_t)number;
	return at == end;
}

bool tar_checksum_is_right(const struct tar_header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	const size_t from = offsetof(struct tar_header, checksum);
	const size_t to = from + sizeof(header->checksum);
	int64_t wanted;
	int64_t sum = 0;
	int64_t signed_sum = 0;

	for (size_t i = 0; i < sizeof(*header); i++) {
		unsigned char byte = i >= from && i < to ? ' ' : bytes[i];

		sum += byte;
		signed_sum += (signed char)byte;
	}
	return TAR_NUMBER(header->checksum, &wanted) && (wanted == sum || wanted == signed_sum);
}

bool tar_block_is_zero(const void *block)
{
	static const char zeros[TAR_BLOCK_BYTES];

	return memcmp(block, zeros, sizeof(zeros)) == 0;
}

bool tar_type_of(char letter, enum tar_type *ret_type)
{
	static const struct {
		char letter;
		enum tar_type type;
	} types[] = {
		{ '0', TAR_FILE },	  { '\0', TAR_FILE },	     { '7', TAR_FILE },
		{ 'S', TAR_FILE },	  { '1', TAR_HARD_LINK },    { '2', TAR_SYMLINK },
		{ '3', TAR_CHAR_DEVICE }, { '4', TAR_BLOCK_DEVICE }, { '5', TAR_DIRECTORY },
		{ 'D', TAR_DIRECTORY },	  { '6', TAR_FIFO },
	};

	for (size_t i = 0; i < array_count(types); i++) {
		if (types[i].letter == letter) {
			*ret_type = types[i].type;
			return true;
		}
	}
	return false;
}

bool tar_segments_add_gnu(struct tar_segments *segments, const struct tar_gnu_segment *segment,
			  size_t count)
{
	for (; count > 0 && segment->offset[0]; count--, segment++) {
		int64_t offset;
		int64_t size;

		if (!TAR_NUMBER(segment->offset, &offset) || !TAR_NUMBER(segment->size, &size) ||
		    offset < 0 || size < 0 ||
		    !tar_segments_add(segments, (uint64_t)offset, (uint64_t)size))
			return false;
	}
	return true;
}

bool tar_segments_fit(const struct tar_segments *segments, uint64_t file_bytes, uint64_t data_bytes)
{
	uint64_t end = 0;
	uint64_t total = 0;

	for (size_t i = 0; i < segments->count; i++) {
		const struct tar_segment *segment = &segments->item[i];

		if (segment->offset < end ||
		    __builtin_add_overflow(segment->offset, segment->size_bytes, &end))
			return false;
		total += segment->size_bytes;
	}
	return end <= file_bytes && total == data_bytes;
}
