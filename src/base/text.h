/* SPDX-License-Identifier: Apache-2.0 */
/* Quoting text for other readers: JSON, a POSIX shell, a terminal. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void text_add_json_string(struct buf *buf, const char *text);
/* One word as sh would read it back: plain if harmless, else in single quotes. */
void text_add_shell_word(struct buf *buf, const char *text);

#endif
