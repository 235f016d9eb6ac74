// SPDX-License-Identifier: Apache-2.0
/* Is the rest of an instruction a JSON array of strings? What is not valid JSON is not an error but
 * the shell form, so the answer must be exact: RFC 8259 to the letter, and malformed UTF-8 or lone
 * surrogates become U+FFFD as in Go's encoding/json, whose answer BuildKit goes by. */
#include <string.h>

#include "base/buf.h"
#include "dockerfile/list.h"
#include "dockerfile/unicode.h"
#include "dockerfile/words.h"

#define JSON_DEPTH_MAX 1000

struct json {
	const char *line;
	size_t at;
	size_t end;
	unsigned depth;
};

static bool value(struct json *json);

static void skip_blanks(struct json *json)
{
	while (json->at < json->end && strchr(" \t\r\n", json->line[json->at]))
		json->at++;
}

static bool take(struct json *json, char c)
{
	if (json->at == json->end || json->line[json->at] != c)
		return false;
	json->at++;
	return true;
}

static bool take_text(struct json *json, const char *text)
{
	size_t length = strlen(text);

	if (json->end - json->at < length || memcmp(json->line + json->at, text, length) != 0)
		return false;
	json->at += length;
	return true;
}

static bool digits(struct json *json)
{
	size_t start = json->at;

	while (json->at < json->end && json->line[json->at] >= '0' && json->line[json->at] <= '9')
		json->at++;
	return json->at > start;
}

static bool number(struct json *json)
{
	take(json, '-');
	if (!take(json, '0') && !digits(json))
		return false;
	if (take(json, '.') && !digits(json))
		return false;
	if (take(json, 'e') || take(json, 'E')) {
		if (!take(json, '+'))
			take(json, '-');
		return digits(json);
	}
	return true;
}

static bool hex4(struct json *json, uint32_t *ret_unit)
{
	uint32_t unit = 0;

	if (json->end - json->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = json->line[json->at++];
		char lower = (char)(c | 0x20);

		if (c >= '0' && c <= '9')
			unit = unit << 4 | (uint32_t)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			unit = unit << 4 | (uint32_t)(lower - 'a' + 10);
		else
			return false;
	}
	*ret_unit = unit;
	return true;
}

static void add_character(struct buf *text, uint32_t character)
{
	char bytes[4];

	buf_add(text, bytes, unicode_encode(character, bytes));
}

/* Behind "\u": a character, or the first half of one. */
static bool unicode_escape(struct json *json, struct buf *text)
{
	uint32_t high;
	uint32_t low;
	size_t back;

	if (!hex4(json, &high))
		return false;
	back = json->at;
	if (high >= 0xd800 && high <= 0xdbff && take_text(json, "\\u")) {
		if (!hex4(json, &low))
			return false;
		if (low >= 0xdc00 && low <= 0xdfff)
			high = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
		else
			json->at = back; /* a lone half; the second stands for itself */
	}
	add_character(text, high);
	return true;
}

static bool escape(struct json *json, struct buf *text)
{
	static const char names[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *name;
	char c;

	if (json->at == json->end)
		return false;
	c = json->line[json->at++];
	if (c == 'u')
		return unicode_escape(json, text);
	name = memchr(names, c, sizeof(names) - 1);
	if (!name)
		return false;
	buf_add_char(text, meanings[name - names]);
	return true;
}

static bool string(struct json *json, struct buf *text)
{
	if (!take(json, '"'))
		return false;
	while (!take(json, '"')) {
		uint32_t character;

		if (json->at == json->end || (unsigned char)json->line[json->at] < 0x20)
			return false;
		if (take(json, '\\')) {
			if (!escape(json, text))
				return false;
			continue;
		}
		json->at += unicode_decode(json->line + json->at, json->end - json->at, &character);
		add_character(text, character);
	}
	return true;
}

static bool skip_string(struct json *json)
{
	auto_buf text = { 0 };

	return string(json, &text);
}

static bool member(struct json *json)
{
	if (!skip_string(json))
		return false;
	skip_blanks(json);
	return take(json, ':') && value(json);
}

/* The inside of [] or {} behind its opening. */
static bool elements(struct json *json, char close, bool (*element)(struct json *json))
{
	bool valid;

	if (++json->depth > JSON_DEPTH_MAX)
		return false;
	skip_blanks(json);
	if (take(json, close)) {
		json->depth--;
		return true;
	}
	do {
		skip_blanks(json);
		valid = element(json);
		skip_blanks(json);
	} while (valid && take(json, ','));
	json->depth--;
	return valid && take(json, close);
}

static bool value(struct json *json)
{
	skip_blanks(json);
	if (json->at == json->end)
		return false;
	switch (json->line[json->at]) {
	case '"':
		return skip_string(json);
	case '[':
		json->at++;
		return elements(json, ']', value);
	case '{':
		json->at++;
		return elements(json, '}', member);
	case 't':
		return take_text(json, "true");
	case 'f':
		return take_text(json, "false");
	case 'n':
		return take_text(json, "null");
	default:
		return number(json);
	}
}

/* One element of the outer array: a word, or something that makes it another array. */
static bool word(struct json *json, struct arena *arena, struct word_list *words, bool *ret_other)
{
	auto_buf text = { 0 };
	size_t start;

	skip_blanks(json);
	start = json->at;
	if (json->at < json->end && json->line[json->at] != '"') {
		*ret_other = true;
		return value(json);
	}
	if (!string(json, &text))
		return false;
	*list_add(arena, words->item, words->count) = (struct word){
		.text = arena_copy_bytes(arena, text.bytes, text.size_bytes),
		.size_bytes = text.size_bytes,
		.offset = start,
		.width = json->at - start,
	};
	return true;
}

enum json_kind words_json(struct arena *arena, struct stretch stretch, struct word_list *ret_words)
{
	struct json json = { .line = stretch.line, .end = stretch.end };
	struct word_list words = { 0 };
	bool other = false;

	json.at = stretch_trim(stretch).at;
	if (!take(&json, '['))
		return JSON_NONE;
	skip_blanks(&json);
	if (!take(&json, ']')) {
		do {
			if (!word(&json, arena, &words, &other))
				return JSON_NONE;
			skip_blanks(&json);
		} while (take(&json, ','));
		if (!take(&json, ']'))
			return JSON_NONE;
	}
	skip_blanks(&json);
	if (json.at != json.end)
		return JSON_NONE;
	*ret_words = words;
	return other ? JSON_OTHER_ARRAY : JSON_STRINGS;
}
