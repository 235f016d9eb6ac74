/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in user input are parsed here and nowhere else: whole string, no sign tricks, no
 * leading blanks, overflow refused. All return 0 or -EINVAL / -ERANGE; outputs untouched then. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdint.h>

#include "base/attributes.h"

int number_parse_u64(const char *text, uint64_t *ret_number) must_check;
int number_parse_u32(const char *text, uint32_t *ret_number) must_check;
int number_parse_octal(const char *text, uint32_t *ret_number) must_check;
/* "64m", "1.5G", "512": bytes; suffixes b k m g t (any case, optional "b" or "ib"), powers of 1024.
 */
int number_parse_size(const char *text, uint64_t *ret_bytes) must_check;

/* "1.5 MB" style for people; buffer of at least 16 bytes is returned. */
const char *number_format_size(uint64_t bytes, char text[16]);

#endif
