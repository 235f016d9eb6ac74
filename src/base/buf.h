/* SPDX-License-Identifier: Apache-2.0 */
/* A growable byte buffer that always ends in a NUL, so `bytes` can be used as text. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/attributes.h"

struct buf {
	char *bytes; /* NULL until something was added; use buf_text for never NULL */
	size_t size_bytes;
	size_t room_bytes;
};

void buf_done(struct buf *buf);
#define auto_buf cleanup(buf_done) struct buf

void buf_add(struct buf *buf, const void *bytes, size_t size_bytes);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) printf_like(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) printf_like(2, 0);
/* Make room for at least `extra_bytes` more and return where they go; see buf_grow_by. */
char *buf_reserve(struct buf *buf, size_t extra_bytes);
/* Count `size_bytes` written into reserved room as content. */
void buf_grow_by(struct buf *buf, size_t size_bytes);
void buf_truncate(struct buf *buf, size_t size_bytes);
const char *buf_text(const struct buf *buf);
/* Give the bytes away (the caller frees them); the buffer is empty afterwards. */
char *buf_take(struct buf *buf);

#endif
