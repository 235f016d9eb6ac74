// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void buf_done(struct buf *buf)
{
	free(buf->bytes);
	*buf = (struct buf){ 0 };
}

char *buf_reserve(struct buf *buf, size_t extra_bytes)
{
	size_t need;

	if (__builtin_add_overflow(buf->size_bytes, extra_bytes, &need) || need >= SIZE_MAX / 2)
		memory_exhausted(SIZE_MAX);
	need++; /* the NUL */
	if (need > buf->room_bytes) {
		size_t room = buf->room_bytes ? buf->room_bytes : 64;

		while (room < need)
			room *= 2;
		buf->bytes = memory_resize(buf->bytes, room, 1);
		buf->room_bytes = room;
	}
	buf->bytes[buf->size_bytes] = '\0';
	return buf->bytes + buf->size_bytes;
}

void buf_grow_by(struct buf *buf, size_t size_bytes)
{
	assert(buf->size_bytes + size_bytes < buf->room_bytes);
	buf->size_bytes += size_bytes;
	buf->bytes[buf->size_bytes] = '\0';
}

void buf_add(struct buf *buf, const void *bytes, size_t size_bytes)
{
	char *room = buf_reserve(buf, size_bytes);

	if (size_bytes)
		memcpy(room, bytes, size_bytes);
	buf_grow_by(buf, size_bytes);
}

void buf_add_text(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	char first[256]; /* what is short is made once only */
	va_list again;
	int length;

	va_copy(again, args);
	length = vsnprintf(first, sizeof(first), format, again);
	va_end(again);
	if (length < 0)
		memory_exhausted(0);
	if ((size_t)length < sizeof(first)) {
		buf_add(buf, first, (size_t)length);
		return;
	}
	vsnprintf(buf_reserve(buf, (size_t)length), (size_t)length + 1, format, args);
	buf_grow_by(buf, (size_t)length);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

void buf_truncate(struct buf *buf, size_t size_bytes)
{
	assert(size_bytes <= buf->size_bytes);
	buf->size_bytes = size_bytes;
	if (buf->bytes)
		buf->bytes[size_bytes] = '\0';
}

const char *buf_text(const struct buf *buf)
{
	return buf->bytes ? buf->bytes : "";
}

char *buf_take(struct buf *buf)
{
	char *bytes;

	buf_reserve(buf, 0);
	bytes = buf->bytes;
	*buf = (struct buf){ 0 };
	return bytes;
}
