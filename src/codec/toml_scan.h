/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of toml.h: the place in the text, and what toml.c (structure) and toml_scalar.c (strings,
 * numbers, words) both need of it. */
#ifndef CODEC_TOML_SCAN_H
#define CODEC_TOML_SCAN_H

#include <string.h>

#include "codec/toml.h"

struct toml_scan {
	struct arena *arena;
	const char *at;
	const char *end;
	unsigned line;
	unsigned depth;
	struct err *err;
};

/* Record "line N: what"; returns -EINVAL. */
int scan_wrong(const struct toml_scan *scan, const char *what);
int scan_wrong_key(const struct toml_scan *scan, const char *what, const char *key);

static inline int scan_peek(const struct toml_scan *scan)
{
	return scan->at < scan->end ? (unsigned char)*scan->at : -1;
}

static inline bool scan_looking_at(const struct toml_scan *scan, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(scan->end - scan->at) >= length && memcmp(scan->at, text, length) == 0;
}

static inline bool scan_take(struct toml_scan *scan, const char *text)
{
	if (!scan_looking_at(scan, text))
		return false;
	scan->at += strlen(text);
	return true;
}

static inline void scan_skip_blanks(struct toml_scan *scan)
{
	while (scan_peek(scan) == ' ' || scan_peek(scan) == '\t')
		scan->at++;
}

static inline bool scan_take_newline(struct toml_scan *scan)
{
	if (!scan_take(scan, "\n") && !scan_take(scan, "\r\n"))
		return false;
	scan->line++;
	return true;
}

static inline bool scan_is_control(int c)
{
	return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
}

static inline bool scan_is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* The string that begins here, in any of its four forms; a key may not be of several lines. */
int scan_string(struct toml_scan *scan, bool is_key, const char **ret_text);
/* true, false, a number, or what is kept as written. */
int scan_word(struct toml_scan *scan, struct toml *node);

#endif
