// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Length of the valid UTF-8 sequence at `s`, 0 if there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead, low, high;
	} forms[] = { { 0xe0, 0xc0, 0x80, 0xbf },
		      { 0xf0, 0xe0, 0x80, 0xbf },
		      { 0xf8, 0xf0, 0x80, 0xbf } };

	for (size_t form = 0; form < array_count(forms); form++) {
		unsigned char low = forms[form].low;
		unsigned char high = forms[form].high;

		if ((s[0] & forms[form].mask) != forms[form].lead)
			continue;
		if (s[0] < 0xc2 || s[0] > 0xf4)
			return 0;
		if (s[0] == 0xe0)
			low = 0xa0;
		else if (s[0] == 0xed)
			high = 0x9f;
		else if (s[0] == 0xf0)
			low = 0x90;
		else if (s[0] == 0xf4)
			high = 0x8f;
		if (s[1] < low || s[1] > high)
			return 0;
		for (size_t i = 2; i <= form + 1; i++)
			if ((s[i] & 0xc0) != 0x80)
				return 0;
		return form + 2;
	}
	return 0;
}

static size_t add_json_char(struct buf *buf, const unsigned char *s)
{
	static const char plain[] = "\"\\\b\f\n\r\t";
	static const char named[] = "\"\\bfnrt";
	const char *at = strchr(plain, *s);
	size_t length;

	if (at) {
		buf_add_char(buf, '\\');
		buf_add_char(buf, named[at - plain]);
		return 1;
	}
	if (*s < 0x20 || *s == 0x7f) {
		buf_printf(buf, "\\u%04x", *s);
		return 1;
	}
	if (*s < 0x80) {
		buf_add_char(buf, (char)*s);
		return 1;
	}
	length = utf8_length(s);
	if (length == 0) {
		buf_add_text(buf, "\xef\xbf\xbd");
		return 1;
	}
	buf_add(buf, s, length);
	return length;
}

void text_add_json_string(struct buf *buf, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	buf_add_char(buf, '"');
	while (*s) {
		size_t plain = 0;

		while (s[plain] >= 0x20 && s[plain] < 0x7f && s[plain] != '"' && s[plain] != '\\')
			plain++;
		buf_add(buf, s, plain);
		s += plain;
		if (*s)
			s += add_json_char(buf, s);
	}
	buf_add_char(buf, '"');
}

/* U+0080 to U+009F: some terminals take U+009B for ESC [. */
static bool is_control(const unsigned char *s)
{
	return *s < 0x20 || *s == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

static size_t add_visible_char(struct buf *buf, const unsigned char *s)
{
	static const char plain[] = "\n\r\t";
	static const char named[] = "nrt";
	const char *at = strchr(plain, *s);
	size_t length = *s < 0x80 ? 1 : utf8_length(s);

	if (length && !is_control(s)) {
		buf_add(buf, s, length);
		return length;
	}
	if (at)
		buf_printf(buf, "\\%c", named[at - plain]);
	else
		buf_printf(buf, "\\x%02x", *s);
	return 1;
}

void text_add_visible(struct buf *buf, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s)
		s += add_visible_char(buf, s);
}

void text_add_shell_word(struct buf *buf, const char *text)
{
	static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789_-+=:,./@%";

	if (*text && strspn(text, harmless) == strlen(text)) {
		buf_add_text(buf, text);
		return;
	}
	buf_add_char(buf, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_add_text(buf, "'\\''");
		else
			buf_add_char(buf, *text);
	}
	buf_add_char(buf, '\'');
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_add_base64(struct buf *buf, const void *bytes, size_t size_bytes)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < size_bytes; i += 3) {
		unsigned word = (unsigned)from[i] << 16;

		if (i + 1 < size_bytes)
			word |= (unsigned)from[i + 1] << 8;
		if (i + 2 < size_bytes)
			word |= from[i + 2];
		buf_add_char(buf, base64[word >> 18]);
		buf_add_char(buf, base64[word >> 12 & 63]);
		buf_add_char(buf, i + 1 < size_bytes ? base64[word >> 6 & 63] : '=');
		buf_add_char(buf, i + 2 < size_bytes ? base64[word & 63] : '=');
	}
}

bool text_read_base64(const char *text, struct buf *bytes)
{
	size_t length = strcspn(text, "=");
	size_t padding = strspn(text + length, "=");
	unsigned word = 0;
	int bits = 0;

	if (text[length + padding] || padding > 2 || length % 4 == 1 ||
	    (padding && (length + padding) % 4))
		return false;
	for (size_t i = 0; i < length; i++) {
		const char *digit = strchr(base64, text[i]);

		if (!digit)
			return false;
		word = word << 6 | (unsigned)(digit - base64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_add_char(bytes, (char)(word >> bits));
		}
	}
	return true;
}

const char *text_time(int64_t seconds, char text[TEXT_TIME_BYTES])
{
	time_t time = (time_t)seconds;
	struct tm parts;

	if (!gmtime_r(&time, &parts) || parts.tm_year > 9999 - 1900 || parts.tm_year < -1900 ||
	    strftime(text, TEXT_TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		snprintf(text, TEXT_TIME_BYTES, "1970-01-01T00:00:00Z");
	return text;
}
