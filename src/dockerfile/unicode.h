/* SPDX-License-Identifier: Apache-2.0 */
/* Characters of a Dockerfile: UTF-8, and the classes its grammar asks for. The classes are those
 * of Unicode (BuildKit uses Go's unicode package), not of a locale. */
#ifndef DOCKERFILE_UNICODE_H
#define DOCKERFILE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNICODE_REPLACEMENT 0xfffdu

/* The character at text, and how many bytes it takes: at least 1, at most size_bytes, which must
 * not be 0. Malformed UTF-8 is one byte long and gives UNICODE_REPLACEMENT. */
size_t unicode_decode(const char *text, size_t size_bytes, uint32_t *ret_character);
/* The bytes of a character (at most 4); a surrogate or a value out of range becomes U+FFFD. */
size_t unicode_encode(uint32_t character, char ret_bytes[4]);

bool unicode_is_space(uint32_t character);
/* Letter or decimal digit: what may follow in a variable's name, besides '_'. */
bool unicode_is_name(uint32_t character);

#endif
