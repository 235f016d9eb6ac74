// SPDX-License-Identifier: Apache-2.0
#include "base/number.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int parse(const char *text, unsigned base, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned digit = (unsigned char)*text - (unsigned)'0';

		if (digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(number, (uint64_t)base, &number) ||
		    __builtin_add_overflow(number, (uint64_t)digit, &number) || number > max)
			return -ERANGE;
	}
	*ret_number = number;
	return 0;
}

int number_parse_u64(const char *text, uint64_t *ret_number)
{
	return parse(text, 10, UINT64_MAX, ret_number);
}

static int parse_u32(const char *text, unsigned base, uint32_t *ret_number)
{
	uint64_t number;
	int r = parse(text, base, UINT32_MAX, &number);

	if (r == 0)
		*ret_number = (uint32_t)number;
	return r;
}

int number_parse_u32(const char *text, uint32_t *ret_number)
{
	return parse_u32(text, 10, ret_number);
}

int number_parse_octal(const char *text, uint32_t *ret_number)
{
	return parse_u32(text, 8, ret_number);
}

static int suffix_shift(const char *suffix, unsigned *ret_shift)
{
	static const char letters[] = "bkmgtp";
	const char *at;

	if (!*suffix) {
		*ret_shift = 0;
		return 0;
	}
	at = strchr(letters, tolower((unsigned char)*suffix));
	if (!at)
		return -EINVAL;
	suffix++;
	if (at != letters && tolower((unsigned char)*suffix) == 'i')
		suffix++;
	if (at != letters && tolower((unsigned char)*suffix) == 'b')
		suffix++;
	if (*suffix)
		return -EINVAL;
	*ret_shift = (unsigned)(at - letters) * 10;
	return 0;
}

int number_parse_size(const char *text, uint64_t *ret_bytes)
{
	size_t digits = strspn(text, "0123456789");
	char whole_text[24];
	uint64_t thousandths = 0;
	uint64_t whole;
	uint64_t bytes;
	unsigned shift;
	int r;

	if (digits == 0 || digits >= sizeof(whole_text))
		return -EINVAL;
	memcpy(whole_text, text, digits);
	whole_text[digits] = '\0';
	r = number_parse_u64(whole_text, &whole);
	if (r < 0)
		return r;
	text += digits;
	if (*text == '.') {
		uint64_t weight = 100;

		for (text++; isdigit((unsigned char)*text); text++, weight /= 10)
			thousandths += weight * (uint64_t)(*text - '0');
	}
	r = suffix_shift(text, &shift);
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(whole, (uint64_t)1 << shift, &bytes) ||
	    __builtin_add_overflow(bytes, (thousandths << shift) / 1000, &bytes))
		return -ERANGE;
	*ret_bytes = bytes;
	return 0;
}

const char *number_format_size(uint64_t bytes, char text[16])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < array_count(units)) {
		value /= 1000;
		unit++;
	}
	snprintf(text, 16, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}
