// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/unicode.h"

#include "base/attributes.h"

struct range {
	uint32_t first;
	uint32_t last;
};

static const struct range letters[] = {
#include "dockerfile/unicode_letters.h"
};

static const struct range spaces[] = {
	{ 0x85, 0x85 },	    { 0xa0, 0xa0 },	{ 0x1680, 0x1680 }, { 0x2000, 0x200a },
	{ 0x2028, 0x2029 }, { 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 },
};

/* Shortest forms only, no surrogates, nothing above U+10FFFF (Unicode, table 3-7). */
static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

static size_t decode_long(const unsigned char *byte, size_t size_bytes, uint32_t *ret_character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
	uint32_t character = byte[0] & (0x7fu >> length);

	*ret_character = UNICODE_REPLACEMENT;
	if (byte[0] < 0xc2 || byte[0] > 0xf4 || length > size_bytes)
		return 1;
	for (size_t i = 1; i < length; i++) {
		if (!is_continuation(byte[i]))
			return 1;
		character = character << 6 | (byte[i] & 0x3fu);
	}
	if (character < least[length] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 1;
	*ret_character = character;
	return length;
}

size_t unicode_decode(const char *text, size_t size_bytes, uint32_t *ret_character)
{
	const unsigned char *byte = (const unsigned char *)text;

	if (byte[0] < 0x80) {
		*ret_character = byte[0];
		return 1;
	}
	return decode_long(byte, size_bytes, ret_character);
}

size_t unicode_encode(uint32_t character, char ret_bytes[4])
{
	if (character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
		character = UNICODE_REPLACEMENT;
	if (character < 0x80) {
		ret_bytes[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		ret_bytes[0] = (char)(0xc0 | character >> 6);
		ret_bytes[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		ret_bytes[0] = (char)(0xe0 | character >> 12);
		ret_bytes[1] = (char)(0x80 | (character >> 6 & 0x3f));
		ret_bytes[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	ret_bytes[0] = (char)(0xf0 | character >> 18);
	ret_bytes[1] = (char)(0x80 | (character >> 12 & 0x3f));
	ret_bytes[2] = (char)(0x80 | (character >> 6 & 0x3f));
	ret_bytes[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

static bool in_ranges(const struct range *range, size_t count, uint32_t character)
{
	size_t low = 0;

	while (low < count) {
		size_t middle = low + (count - low) / 2;

		if (character > range[middle].last)
			low = middle + 1;
		else if (character < range[middle].first)
			count = middle;
		else
			return true;
	}
	return false;
}

bool unicode_is_space(uint32_t character)
{
	if (character < 0x80)
		return character == ' ' || (character >= '\t' && character <= '\r');
	return in_ranges(spaces, array_count(spaces), character);
}

bool unicode_is_name(uint32_t character)
{
	if (character < 0x80)
		return (character >= '0' && character <= '9') ||
		       ((character | 0x20) >= 'a' && (character | 0x20) <= 'z');
	return in_ranges(letters, array_count(letters), character);
}
