// SPDX-License-Identifier: Apache-2.0
/* TOML's strings, numbers and words. */
#include "base/banned.h"
#include "base/buf.h"
#include "base/strings.h"
#include "codec/toml_scan.h"

int scan_wrong(const struct toml_scan *scan, const char *what)
{
	return fail_plain(scan->err, EINVAL, "line %u: %s", scan->line, what);
}

int scan_wrong_key(const struct toml_scan *scan, const char *what, const char *key)
{
	return fail_plain(scan->err, EINVAL, "line %u: %s '%s'", scan->line, what, key);
}

/* ---- strings ---- */

static void add_utf8(struct buf *buf, uint32_t code)
{
	if (code < 0x80) {
		buf_add_char(buf, (char)code);
	} else if (code < 0x800) {
		buf_add_char(buf, (char)(0xc0 | code >> 6));
		buf_add_char(buf, (char)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		buf_add_char(buf, (char)(0xe0 | code >> 12));
		buf_add_char(buf, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_add_char(buf, (char)(0x80 | (code & 0x3f)));
	} else {
		buf_add_char(buf, (char)(0xf0 | code >> 18));
		buf_add_char(buf, (char)(0x80 | (code >> 12 & 0x3f)));
		buf_add_char(buf, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_add_char(buf, (char)(0x80 | (code & 0x3f)));
	}
}

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int unicode_escape(struct toml_scan *scan, unsigned digits, struct buf *buf)
{
	uint32_t code = 0;

	for (unsigned i = 0; i < digits; i++) {
		int value = hex_value(scan_peek(scan));

		if (value < 0)
			return scan_wrong(scan, "bad \\u escape");
		code = code << 4 | (uint32_t)value;
		scan->at++;
	}
	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return scan_wrong(scan, "\\u escape is no usable character");
	add_utf8(buf, code);
	return 0;
}

/* A backslash at the end of a line of a """ string swallows all blanks up to the next text. */
static bool line_continuation(struct toml_scan *scan)
{
	const char *before = scan->at;

	scan_skip_blanks(scan);
	if (!scan_take_newline(scan)) {
		scan->at = before;
		return false;
	}
	do
		scan_skip_blanks(scan);
	while (scan_take_newline(scan));
	return true;
}

static int escape(struct toml_scan *scan, bool many_lines, struct buf *buf)
{
	static const char names[] = "btnfr\"\\";
	static const char values[] = "\b\t\n\f\r\"\\";
	const char *at;
	int c;

	if (many_lines && line_continuation(scan))
		return 0;
	c = scan_peek(scan);
	if (c >= 0)
		scan->at++;
	if (c == 'u')
		return unicode_escape(scan, 4, buf);
	if (c == 'U')
		return unicode_escape(scan, 8, buf);
	at = c > 0 ? strchr(names, c) : NULL;
	if (!at)
		return scan_wrong(scan, "unknown escape in a string");
	buf_add_char(buf, values[at - names]);
	return 0;
}

/* Up to two quotes may directly precede the closing three. */
static bool close_many_lines(struct toml_scan *scan, char quote, struct buf *buf)
{
	char three[] = { quote, quote, quote, '\0' };

	if (!scan_take(scan, three))
		return false;
	for (int extra = 0; extra < 2 && scan_peek(scan) == quote; extra++) {
		buf_add_char(buf, quote);
		scan->at++;
	}
	return true;
}

static int string_body(struct toml_scan *scan, char quote, bool many_lines, struct buf *buf)
{
	for (;;) {
		int c = scan_peek(scan);
		int r;

		if (c < 0 || (!many_lines && (c == '\n' || scan_looking_at(scan, "\r\n"))))
			return scan_wrong(scan, "string without end");
		if (many_lines && close_many_lines(scan, quote, buf))
			return 0;
		if (many_lines && scan_take_newline(scan)) {
			buf_add_char(buf, '\n');
			continue;
		}
		if (scan_is_control(c))
			return scan_wrong(scan, "control character in a string");
		scan->at++;
		if (!many_lines && c == quote)
			return 0;
		if (c == '\\' && quote == '"') {
			r = escape(scan, many_lines, buf);
			if (r < 0)
				return r;
			continue;
		}
		buf_add_char(buf, (char)c);
	}
}

int scan_string(struct toml_scan *scan, bool is_key, const char **ret_text)
{
	char quote = *scan->at;
	bool many_lines = scan_looking_at(scan, quote == '"' ? "\"\"\"" : "'''");
	auto_buf buf = { 0 };
	int r;

	if (many_lines && is_key)
		return scan_wrong(scan, "a key cannot be a string of several lines");
	scan->at += many_lines ? 3 : 1;
	if (many_lines)
		(void)scan_take_newline(scan); /* the first newline is not part of the text */
	r = string_body(scan, quote, many_lines, &buf);
	if (r < 0)
		return r;
	*ret_text = arena_copy(scan->arena, buf_text(&buf));
	return 0;
}

/* Underscores may stand between two digits. */
static int strip_underscores(struct toml_scan *scan, char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from != '_') {
			*to++ = *from;
			continue;
		}
		if (from == text || hex_value((unsigned char)from[-1]) < 0 ||
		    hex_value((unsigned char)from[1]) < 0)
			return scan_wrong(scan, "misplaced '_' in a number");
	}
	*to = '\0';
	return 0;
}

static int parse_based(struct toml_scan *scan, const char *digits, unsigned base, int64_t *ret)
{
	uint64_t number = 0;

	for (const char *at = digits; *at; at++) {
		int value = hex_value((unsigned char)*at);

		if (value < 0 || (unsigned)value >= base)
			return scan_wrong(scan, "bad digit in a number");
		if (__builtin_mul_overflow(number, (uint64_t)base, &number) ||
		    __builtin_add_overflow(number, (uint64_t)value, &number) || number > INT64_MAX)
			return scan_wrong(scan, "number out of range");
	}
	if (!*digits)
		return scan_wrong(scan, "number without digits");
	*ret = (int64_t)number;
	return 0;
}

static int parse_integer(struct toml_scan *scan, const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	int64_t number;
	int r;

	if (text_starts(text, "0x"))
		return parse_based(scan, text + 2, 16, ret);
	if (text_starts(text, "0o"))
		return parse_based(scan, text + 2, 8, ret);
	if (text_starts(text, "0b"))
		return parse_based(scan, text + 2, 2, ret);
	if (*text == '-' || *text == '+')
		text++;
	if (text[0] == '0' && text[1])
		return scan_wrong(scan, "number with a leading zero");
	r = parse_based(scan, text, 10, &number);
	if (r < 0)
		return r;
	*ret = negative ? -number : number;
	return 0;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* Dates hold '-' or ':' after a digit, fractions '.', 'e', "inf" or "nan". */
static bool is_fraction_or_date(const char *text)
{
	const char *body = *text == '-' || *text == '+' ? text + 1 : text;

	if (strcmp(body, "inf") == 0 || strcmp(body, "nan") == 0)
		return true;
	if (!is_digit(*body) || text_starts(body, "0x"))
		return false;
	return strpbrk(body, ".:-eE") != NULL;
}

static void skip_word(struct toml_scan *scan)
{
	while (scan_is_bare(scan_peek(scan)) ||
	       (scan_peek(scan) > 0 && strchr("+.:", scan_peek(scan))))
		scan->at++;
}

int scan_word(struct toml_scan *scan, struct toml *node)
{
	const char *start = scan->at;
	char *text;
	int r;

	skip_word(scan);
	/* a date and its time may be parted by one blank: 1979-05-27 07:32:00 */
	if (scan->at - start == 10 && is_digit(*start) && start[4] == '-' &&
	    scan_peek(scan) == ' ' && scan->end - scan->at > 1 && is_digit(scan->at[1])) {
		scan->at++;
		skip_word(scan);
	}
	text = arena_copy_bytes(scan->arena, start, (size_t)(scan->at - start));
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		node->kind = TOML_BOOL;
		node->truth = *text == 't';
		return 0;
	}
	if (!*text || !strchr("+-0123456789in", *text))
		return scan_wrong_key(scan, "a value is expected, not", text);
	r = strip_underscores(scan, text);
	if (r < 0)
		return r;
	if (is_fraction_or_date(text)) {
		node->kind = TOML_OTHER;
		node->text = text;
		return 0;
	}
	node->kind = TOML_INTEGER;
	return parse_integer(scan, text, &node->integer);
}
