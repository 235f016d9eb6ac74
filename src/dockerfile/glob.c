// SPDX-License-Identifier: Apache-2.0
/* A pattern is a list of elements, and a walk over the path keeps the set of elements that could
 * come next: one byte each, no backtracking. */
#include "dockerfile/glob.h"

#include <string.h>

#include "dockerfile/list.h"
#include "dockerfile/unicode.h"

#define BAD_BYTE 0x110000u /* plus the value of a byte that is not UTF-8: matches only itself */

enum element_kind {
	ELEMENT_CHARACTER,
	ELEMENT_ONE,	  /* ? */
	ELEMENT_NAME,	  /* *: any number of characters but '/' */
	ELEMENT_CLASS,	  /* [...] */
	ELEMENT_PARENTS,  /* "**" followed by something: nothing, or anything up to a '/' */
	ELEMENT_ANYTHING, /* "**" at the end */
};

struct class_range {
	uint32_t first;
	uint32_t last;
};

struct element {
	enum element_kind kind;
	uint32_t character;
	bool negated;
	struct class_range *range;
	size_t range_count;
};

struct glob {
	struct element *element;
	size_t count;
};

struct reader {
	struct arena *arena;
	const char *pattern;
	size_t at;
	size_t size_bytes;
	struct err *err;
};

static size_t decode(const char *text, size_t size_bytes, uint32_t *ret_character)
{
	size_t size = unicode_decode(text, size_bytes, ret_character);

	if (size == 1 && *ret_character == UNICODE_REPLACEMENT)
		*ret_character = BAD_BYTE + (unsigned char)*text;
	return size;
}

static int refuse(struct reader *reader, const char *why)
{
	return fail_plain(reader->err, EINVAL, "pattern '%s': %s", reader->pattern, why);
}

static char peek(const struct reader *reader)
{
	return reader->at < reader->size_bytes ? reader->pattern[reader->at] : '\0';
}

/* A character of the pattern, a backslash before it taken away. */
static int read_character(struct reader *reader, uint32_t *ret_character)
{
	if (peek(reader) == '\\')
		reader->at++;
	if (reader->at == reader->size_bytes)
		return refuse(reader, "nothing follows the backslash");
	reader->at += decode(reader->pattern + reader->at, reader->size_bytes - reader->at,
			     ret_character);
	return 0;
}

static int read_range(struct reader *reader, struct element *element)
{
	struct class_range range;
	int r;

	if (peek(reader) == '-' || peek(reader) == ']')
		return refuse(reader, "a class is empty or begins with '-'");
	r = read_character(reader, &range.first);
	if (r < 0)
		return r;
	range.last = range.first;
	if (peek(reader) == '-') {
		reader->at++;
		if (peek(reader) == ']' || peek(reader) == '-')
			return refuse(reader, "a range in a class has no end");
		if (reader->at == reader->size_bytes)
			return refuse(reader, "a class is not closed");
		r = read_character(reader, &range.last);
		if (r < 0)
			return r;
	}
	if (range.last < range.first)
		return refuse(reader, "a range in a class runs backwards");
	*list_add(reader->arena, element->range, element->range_count) = range;
	return 0;
}

/* Behind '['. */
static int read_class(struct reader *reader, struct element *element)
{
	int r;

	element->kind = ELEMENT_CLASS;
	if (peek(reader) == '^') {
		element->negated = true;
		reader->at++;
	}
	do {
		if (reader->at == reader->size_bytes)
			return refuse(reader, "a class is not closed");
		r = read_range(reader, element);
		if (r < 0)
			return r;
	} while (peek(reader) != ']');
	reader->at++;
	return 0;
}

/* Behind the first '*'. */
static void read_star(struct reader *reader, enum glob_flags flags, struct element *element)
{
	element->kind = ELEMENT_NAME;
	if (!(flags & GLOB_STAR_STAR) || peek(reader) != '*')
		return;
	reader->at++;
	if (peek(reader) == '/')
		reader->at++;
	element->kind = reader->at == reader->size_bytes ? ELEMENT_ANYTHING : ELEMENT_PARENTS;
}

static int read_element(struct reader *reader, enum glob_flags flags, struct element *element)
{
	switch (peek(reader)) {
	case '*':
		reader->at++;
		read_star(reader, flags, element);
		return 0;
	case '?':
		reader->at++;
		element->kind = ELEMENT_ONE;
		return 0;
	case '[':
		reader->at++;
		return read_class(reader, element);
	default:
		return read_character(reader, &element->character);
	}
}

int glob_parse(struct arena *arena, const char *pattern, enum glob_flags flags,
	       const struct glob **ret_glob, struct err *err)
{
	struct glob *glob = arena_new(arena, struct glob);
	struct reader reader = {
		.arena = arena, .pattern = pattern, .size_bytes = strlen(pattern), .err = err
	};

	if (reader.size_bytes > GLOB_MAX_BYTES)
		return fail_plain(err, EINVAL, "a pattern is longer than %d bytes", GLOB_MAX_BYTES);
	while (reader.at < reader.size_bytes) {
		struct element element = { 0 };
		int r = read_element(&reader, flags, &element);

		if (r < 0)
			return r;
		*list_add(arena, glob->element, glob->count) = element;
	}
	*ret_glob = glob;
	return 0;
}

static bool in_class(const struct element *element, uint32_t character)
{
	for (size_t i = 0; i < element->range_count; i++)
		if (character >= element->range[i].first && character <= element->range[i].last)
			return !element->negated;
	return element->negated;
}

static bool may_be_nothing(enum element_kind kind)
{
	return kind == ELEMENT_NAME || kind == ELEMENT_PARENTS || kind == ELEMENT_ANYTHING;
}

/* Element i could come next, and so could what follows it when it can match nothing. */
static void enter(const struct glob *glob, bool *states, size_t i)
{
	while (!states[i]) {
		states[i] = true;
		if (i == glob->count || !may_be_nothing(glob->element[i].kind))
			return;
		i++;
	}
}

/* What the character makes of element i being next. */
static void step_element(const struct glob *glob, size_t i, uint32_t character, bool *next)
{
	const struct element *element = &glob->element[i];

	switch (element->kind) {
	case ELEMENT_CHARACTER:
		if (character == element->character)
			enter(glob, next, i + 1);
		break;
	case ELEMENT_ONE:
		if (character != '/')
			enter(glob, next, i + 1);
		break;
	case ELEMENT_NAME:
		if (character != '/')
			enter(glob, next, i);
		break;
	case ELEMENT_CLASS:
		if (in_class(element, character))
			enter(glob, next, i + 1);
		break;
	case ELEMENT_PARENTS:
		/* Not entered: it must end in a '/' now that it has begun. (Entering it afresh can
		 * only have happened before, by an element in front of it.) */
		next[i] = true;
		if (character == '/')
			enter(glob, next, i + 1);
		break;
	case ELEMENT_ANYTHING:
		enter(glob, next, i);
		break;
	}
}

bool glob_matches(const struct glob *glob, const char *path, size_t size_bytes)
{
	bool states[2][GLOB_MAX_BYTES + 1];
	bool *now = states[0];
	bool *next = states[1];

	memset(now, 0, glob->count + 1);
	enter(glob, now, 0);
	for (size_t at = 0; at < size_bytes;) {
		bool alive = false;
		uint32_t character;
		bool *swap;

		at += decode(path + at, size_bytes - at, &character);
		memset(next, 0, glob->count + 1);
		for (size_t i = 0; i < glob->count; i++) {
			if (!now[i])
				continue;
			alive = true;
			step_element(glob, i, character, next);
		}
		if (!alive)
			return false;
		swap = now;
		now = next;
		next = swap;
	}
	return now[glob->count];
}

size_t glob_literal_prefix(const char *pattern)
{
	return strcspn(pattern, "*?[\\");
}

bool glob_has_wildcards(const char *pattern)
{
	for (; *pattern; pattern++) {
		if (strchr("*?[", *pattern))
			return true;
		if (*pattern == '\\' && pattern[1])
			pattern++;
	}
	return false;
}
