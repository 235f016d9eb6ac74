// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dockerfile/unicode.h"

/* Lines longer than this are cut around the caret: an excerpt is for a terminal. */
#define EXCERPT_BEFORE_BYTES 60
#define EXCERPT_BYTES	     160

static void record(struct fault *fault, const struct source *source, struct mark at)
{
	if (!fault)
		return;
	fault->source = source;
	fault->at = at;
}

int fault_at(struct fault *fault, const struct source *source, struct mark at, struct err *err,
	     const char *format, ...)
{
	char message[ERR_TEXT_MAX];
	va_list args;

	record(fault, source, at);
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return fail_plain(err, EINVAL, "%s:%u: %s", source->name, at.line, message);
}

int fault_wrap(struct fault *fault, const struct source *source, struct mark at, struct err *err,
	       const char *format, ...)
{
	char message[ERR_TEXT_MAX];
	va_list args;

	record(fault, source, at);
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return err_wrap(err, "%s:%u: %s", source->name, at.line, message);
}

static const char *find_line(const struct source *source, unsigned line, size_t *ret_length)
{
	const char *at = source->text;
	const char *end = source->text + source->size_bytes;
	const char *newline;

	for (; line > 1; line--) {
		newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			return NULL;
		at = newline + 1;
	}
	newline = memchr(at, '\n', (size_t)(end - at));
	*ret_length = (size_t)((newline ? newline : end) - at);
	while (*ret_length && at[*ret_length - 1] == '\r')
		--*ret_length;
	return at;
}

/* A Dockerfile may hold anything; a terminal gets neither control characters nor broken UTF-8. */
static void add_visible(struct buf *buf, const char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		uint32_t character;
		size_t size = unicode_decode(text + i, length - i, &character);

		if (character == '\t')
			buf_add_char(buf, '\t');
		else if (character < 0x20 || character == 0x7f ||
			 character == UNICODE_REPLACEMENT ||
			 (character >= 0x80 && character < 0xa0))
			buf_add_char(buf, '?');
		else
			buf_add(buf, text + i, size);
		i += size;
	}
}

/* Blanks as wide as the text before the caret; tabs stay tabs so that both lines agree. */
static void add_indent(struct buf *buf, const char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		uint32_t character;

		i += unicode_decode(text + i, length - i, &character);
		buf_add_char(buf, character == '\t' ? '\t' : ' ');
	}
}

static void add_caret(struct buf *buf, const char *text, size_t length)
{
	buf_add_char(buf, '^');
	for (size_t i = 0, count = 0; i < length; count++) {
		uint32_t character;

		i += unicode_decode(text + i, length - i, &character);
		if (count)
			buf_add_char(buf, '~');
	}
	buf_add_char(buf, '\n');
}

void source_excerpt(const struct fault *fault, struct buf *buf)
{
	const char *line;
	size_t length;
	size_t column;
	size_t start;
	size_t width;

	if (!fault->source || !fault->at.line)
		return;
	line = find_line(fault->source, fault->at.line, &length);
	if (!line)
		return;
	column = fault->at.column ? fault->at.column - 1 : 0;
	if (column > length)
		column = length;
	start = column > EXCERPT_BYTES - EXCERPT_BEFORE_BYTES ? column - EXCERPT_BEFORE_BYTES : 0;
	while (start && ((unsigned char)line[start] & 0xc0) == 0x80)
		start--;
	if (length - start > EXCERPT_BYTES)
		length = start + EXCERPT_BYTES;
	buf_printf(buf, "%6u | ", fault->at.line);
	add_visible(buf, line + start, length - start);
	buf_add_char(buf, '\n');
	if (!fault->at.column)
		return;
	width = fault->at.width < length - column ? fault->at.width : length - column;
	buf_add_text(buf, "       | ");
	add_indent(buf, line + start, column - start);
	add_caret(buf, line + column, width);
}
