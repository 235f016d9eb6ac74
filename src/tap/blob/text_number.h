/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in the texts of /proc. */
#ifndef TAP_BLOB_TEXT_NUMBER_H
#define TAP_BLOB_TEXT_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Writes digits and a NUL; returns where the NUL is. */
static inline char *text_number(char *at, uint64_t number)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (count)
		*at++ = digits[--count];
	*at = '\0';
	return at;
}

/* The digits at the start of `text`; false: there are none. */
static inline bool text_parse_number(const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	*ret_number = number;
	return at != text;
}

#endif
