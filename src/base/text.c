// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <string.h>

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
	while (*s)
		s += add_json_char(buf, s);
	buf_add_char(buf, '"');
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
