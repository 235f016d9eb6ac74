/* SPDX-License-Identifier: Apache-2.0 */
/* Text for other readers: quoted for JSON and a POSIX shell, base64, times. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void text_add_json_string(struct buf *buf, const char *text);
/* One word as sh would read it back: plain if harmless, else in single quotes. */
void text_add_shell_word(struct buf *buf, const char *text);

/* For a terminal and for one line: control characters and what is not UTF-8 become \n, \x1b ... */
void text_add_visible(struct buf *buf, const char *text);
/* RFC 4648, section 4, with padding. */
void text_add_base64(struct buf *buf, const void *bytes, size_t size_bytes);
/* Appends what the text says; the padding may be missing. False when it is not base64. */
bool text_read_base64(const char *text, struct buf *bytes) must_check;

/* RFC 3339 in UTC, "2024-05-01T12:00:00Z"; the epoch where the year has no four digits. Returns
 * `text`. */
#define TEXT_TIME_BYTES 32
const char *text_time(int64_t seconds, char text[TEXT_TIME_BYTES]);

#endif
