// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/words.h"

#include <string.h>

#include "base/buf.h"
#include "dockerfile/list.h"
#include "dockerfile/unicode.h"

static size_t decode_at(struct stretch stretch, size_t at, uint32_t *ret_character)
{
	return unicode_decode(stretch.line + at, stretch.end - at, ret_character);
}

static bool is_space_at(struct stretch stretch, size_t at, size_t *ret_size)
{
	uint32_t character;

	*ret_size = decode_at(stretch, at, &character);
	return unicode_is_space(character);
}

struct stretch stretch_trim(struct stretch stretch)
{
	size_t end = stretch.at;
	size_t size;

	while (stretch.at < stretch.end && is_space_at(stretch, stretch.at, &size))
		end = stretch.at += size;
	for (size_t at = stretch.at; at < stretch.end; at += size)
		if (!is_space_at(stretch, at, &size))
			end = at + size;
	stretch.end = end;
	return stretch;
}

struct word word_of(struct arena *arena, struct stretch stretch)
{
	size_t size_bytes = stretch.end - stretch.at;

	return (struct word){
		.text = arena_copy_bytes(arena, stretch.line + stretch.at, size_bytes),
		.size_bytes = size_bytes,
		.offset = stretch.at,
		.width = size_bytes,
	};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

bool words_cut(struct stretch stretch, struct stretch *ret_first, struct stretch *ret_rest)
{
	size_t at = stretch.at;

	while (at < stretch.end && !is_blank(stretch.line[at]))
		at++;
	*ret_first = (struct stretch){ stretch.line, stretch.at, at };
	if (at == stretch.end)
		return false;
	while (at < stretch.end && is_blank(stretch.line[at]))
		at++;
	*ret_rest = (struct stretch){ stretch.line, at, stretch.end };
	return true;
}

struct word_list words_at_blanks(struct arena *arena, struct stretch stretch)
{
	struct word_list words = { 0 };
	struct stretch first;
	bool more = stretch.at < stretch.end;

	while (more) {
		more = words_cut(stretch, &first, &stretch);
		*list_add(arena, words.item, words.count) = word_of(arena, first);
	}
	return words;
}

/* The end of the quoted word that begins at `at`. *ret_dropped: it ends the text with an escape
 * character that has nothing to escape and is not part of the word. */
static size_t quoted_end(struct stretch stretch, size_t at, char escape, bool *ret_dropped)
{
	char quote = '\0';
	size_t size;

	*ret_dropped = false;
	for (; at < stretch.end; at += size) {
		char c = stretch.line[at];

		if (!quote && is_space_at(stretch, at, &size))
			return at;
		size = 1;
		if (c == escape && quote != '\'') {
			if (at + 1 == stretch.end) {
				*ret_dropped = true;
				return at + 1;
			}
			/* the escaped character, whatever it is */
			is_space_at(stretch, at + 1, &size);
			size++;
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
		} else if (quote && c == quote) {
			quote = '\0';
		} else {
			is_space_at(stretch, at, &size);
		}
	}
	return at;
}

struct word_list words_quoted(struct arena *arena, struct stretch stretch, char escape)
{
	struct word_list words = { 0 };
	size_t at = stretch.at;

	while (at < stretch.end) {
		struct stretch word = { stretch.line, at, at };
		bool dropped;
		size_t size;

		if (is_space_at(stretch, at, &size)) {
			at += size;
			continue;
		}
		at = quoted_end(stretch, at, escape, &dropped);
		word.end = at - dropped;
		if (word.end > word.at)
			*list_add(arena, words.item, words.count) = word_of(arena, word);
	}
	return words;
}

/* Read one flag from *at on, without its quotes and escapes (always backslashes here). */
static struct word read_flag(struct arena *arena, struct stretch stretch, size_t *at)
{
	struct word word = { .offset = *at };
	auto_buf text = { 0 };
	char quote = '\0';
	size_t size;

	for (; *at < stretch.end; *at += size) {
		char c = stretch.line[*at];

		if (!quote && is_space_at(stretch, *at, &size))
			break;
		is_space_at(stretch, *at, &size);
		if (!quote && (c == '\'' || c == '"')) {
			quote = c;
			continue;
		}
		if (quote && c == quote) {
			quote = '\0';
			continue;
		}
		if (c == '\\') {
			if (++*at == stretch.end)
				break; /* nothing to escape */
			is_space_at(stretch, *at, &size);
		}
		buf_add(&text, stretch.line + *at, size);
	}
	word.text = arena_copy_bytes(arena, text.bytes, text.size_bytes);
	word.size_bytes = text.size_bytes;
	word.width = *at - word.offset;
	return word;
}

struct word_list words_flags(struct arena *arena, struct stretch *stretch)
{
	struct word_list flags = { 0 };

	while (stretch->at < stretch->end) {
		struct word flag;
		size_t size;

		if (is_space_at(*stretch, stretch->at, &size)) {
			stretch->at += size;
			continue;
		}
		if (stretch->end - stretch->at < 2 ||
		    strncmp(stretch->line + stretch->at, "--", 2) != 0)
			break;
		flag = read_flag(arena, *stretch, &stretch->at);
		if (!strcmp(flag.text, "--"))
			break;
		*list_add(arena, flags.item, flags.count) = flag;
	}
	return flags;
}
