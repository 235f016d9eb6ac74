// SPDX-License-Identifier: Apache-2.0
/* A pattern is a list of elements; a match is found by walking the text once while holding the set
 * of elements that could come next, each with the leftmost place a match through it can start.
 * An automaton of this kind cannot be made to run exponentially, which backtracking can. */
#include "dockerfile/pattern.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "dockerfile/list.h"
#include "dockerfile/unicode.h"

#define ANY_TEXT      0x110000u /* '*': beyond every character */
#define ANY_CHARACTER 0x110001u
#define ANY_BYTE      0x110100u /* plus the value of a byte that is not UTF-8 */

struct pattern {
	uint32_t *element;
	size_t count;
};

#define NO_MATCH SIZE_MAX

struct match {
	size_t start;
	size_t end;
};

static size_t next_element(const char *text, size_t size_bytes, uint32_t *ret_element)
{
	size_t size = unicode_decode(text, size_bytes, ret_element);

	if (*ret_element == UNICODE_REPLACEMENT && size == 1)
		*ret_element = ANY_BYTE + (unsigned char)*text;
	return size;
}

static int parse_escape(const char *text, size_t *at, uint32_t *ret_element, bool *ret_literal,
			struct err *err)
{
	size_t length = strlen(text);

	if (text[*at + 1] == '}' || text[*at + 1] == '/') {
		++*at;
		*ret_literal = false;
		return 0;
	}
	if (*at + 1 >= length)
		return fail_plain(err, EINVAL, "pattern '%s' ends in a backslash", text);
	++*at;
	if (!strchr("*?\\", text[*at]))
		return fail_plain(err, EINVAL,
				  "pattern '%s': a backslash may stand only before * ? \\ / }",
				  text);
	*ret_element = (unsigned char)text[*at];
	++*at;
	*ret_literal = true;
	return 0;
}

int pattern_parse(struct arena *arena, const char *text, const struct pattern **ret_pattern,
		  struct err *err)
{
	struct pattern *pattern = arena_new(arena, struct pattern);
	size_t length = strlen(text);

	for (size_t at = 0; at < length;) {
		uint32_t element = 0;
		bool literal = false;

		if (text[at] == '\\') {
			int r = parse_escape(text, &at, &element, &literal, err);

			if (r < 0)
				return r;
		}
		if (!literal) {
			at += next_element(text + at, length - at, &element);
			if (element == '*')
				element = ANY_TEXT;
			else if (element == '?')
				element = ANY_CHARACTER;
		}
		*list_add(arena, pattern->element, pattern->count) = element;
	}
	*ret_pattern = pattern;
	return 0;
}

/* The state of a walk: for each element (and the end of the pattern), where the leftmost match that
 * waits for it began. */
struct walk {
	const struct pattern *pattern;
	size_t *now;
	size_t *next;
};

static void walk_init(struct walk *walk, const struct pattern *pattern)
{
	size_t count = pattern->count + 1;

	walk->pattern = pattern;
	walk->now = memory_zeroed(count * 2, sizeof(*walk->now));
	walk->next = walk->now + count;
}

static void walk_clear(const struct walk *walk, size_t *states)
{
	for (size_t i = 0; i <= walk->pattern->count; i++)
		states[i] = NO_MATCH;
}

/* Let a match that began at `start` wait for element i; a '*' may also match nothing. */
static void walk_enter(const struct walk *walk, size_t *states, size_t i, size_t start)
{
	for (;; i++) {
		if (states[i] <= start)
			return;
		states[i] = start;
		if (i == walk->pattern->count || walk->pattern->element[i] != ANY_TEXT)
			return;
	}
}

static void walk_step(struct walk *walk, uint32_t character)
{
	size_t *swap;

	walk_clear(walk, walk->next);
	for (size_t i = 0; i < walk->pattern->count; i++) {
		uint32_t element = walk->pattern->element[i];

		if (walk->now[i] == NO_MATCH)
			continue;
		if (element == ANY_TEXT && character != '\n')
			walk_enter(walk, walk->next, i, walk->now[i]);
		else if (element == character || (element == ANY_CHARACTER && character != '\n'))
			walk_enter(walk, walk->next, i + 1, walk->now[i]);
	}
	swap = walk->now;
	walk->now = walk->next;
	walk->next = swap;
}

/* Whether a match that began at or before `start` may still grow. */
static bool walk_is_alive(const struct walk *walk, size_t start)
{
	for (size_t i = 0; i < walk->pattern->count; i++)
		if (walk->now[i] <= start)
			return true;
	return false;
}

static struct match find(const struct pattern *pattern, const char *text, size_t from,
			 size_t size_bytes)
{
	struct match match = { NO_MATCH, NO_MATCH };
	struct walk walk;
	size_t *states;

	walk_init(&walk, pattern);
	states = walk.now;
	walk_clear(&walk, walk.now);
	for (size_t at = from;;) {
		uint32_t character;
		size_t end_start;

		if (match.start == NO_MATCH)
			walk_enter(&walk, walk.now, 0, at);
		end_start = walk.now[pattern->count];
		if (end_start != NO_MATCH && end_start <= match.start)
			match = (struct match){ end_start, at };
		if (at == size_bytes ||
		    (match.start != NO_MATCH && !walk_is_alive(&walk, match.start)))
			break;
		at += next_element(text + at, size_bytes - at, &character);
		walk_step(&walk, character);
	}
	free(states);
	return match;
}

/* Where the shortest or longest match that begins at the start of text ends. */
static size_t prefix_end(const struct pattern *pattern, const uint32_t *character, size_t count,
			 bool longest)
{
	size_t end = NO_MATCH;
	struct walk walk;
	size_t *states;

	walk_init(&walk, pattern);
	states = walk.now;
	walk_clear(&walk, walk.now);
	walk_enter(&walk, walk.now, 0, 0);
	for (size_t at = 0;; at++) {
		if (walk.now[pattern->count] != NO_MATCH)
			end = at;
		if (at == count || (end != NO_MATCH && !longest) || !walk_is_alive(&walk, 0))
			break;
		walk_step(&walk, character[at]);
	}
	free(states);
	return end;
}

/* The characters of a text and where each begins, for walking it from either side. */
struct characters {
	uint32_t *character;
	size_t *offset; /* count + 1 of them */
	size_t count;
};

static struct characters characters_of(struct arena *arena, const char *text)
{
	size_t length = strlen(text);
	struct characters all = {
		.character = arena_array(arena, uint32_t, length + 1),
		.offset = arena_array(arena, size_t, length + 1),
	};

	for (size_t at = 0; at < length;) {
		all.offset[all.count] = at;
		at += next_element(text + at, length - at, &all.character[all.count++]);
	}
	all.offset[all.count] = length;
	return all;
}

static void reverse(uint32_t *character, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		uint32_t swap = character[i];

		character[i] = character[count - 1 - i];
		character[count - 1 - i] = swap;
	}
}

const char *pattern_trim_prefix(struct arena *arena, const struct pattern *pattern,
				const char *text, bool longest)
{
	struct characters all = characters_of(arena, text);
	size_t end = prefix_end(pattern, all.character, all.count, longest);

	return end == NO_MATCH ? text : text + all.offset[end];
}

const char *pattern_trim_suffix(struct arena *arena, const struct pattern *pattern,
				const char *text, bool longest)
{
	struct characters all = characters_of(arena, text);
	struct pattern backwards = { .count = pattern->count };
	size_t end;

	backwards.element = arena_array(arena, uint32_t, pattern->count + 1);
	if (pattern->count)
		memcpy(backwards.element, pattern->element,
		       pattern->count * sizeof(*pattern->element));
	reverse(backwards.element, backwards.count);
	reverse(all.character, all.count);
	end = prefix_end(&backwards, all.character, all.count, longest);
	if (end == NO_MATCH)
		return text;
	return arena_copy_bytes(arena, text, all.offset[all.count - end]);
}

void pattern_replace(const struct pattern *pattern, const char *text, const char *replacement,
		     bool every, struct buf *buf)
{
	size_t length = strlen(text);
	size_t from = 0;
	size_t last_end = NO_MATCH;

	while (from <= length) {
		struct match match = find(pattern, text, from, length);
		uint32_t character;

		if (match.start == NO_MATCH)
			break;
		buf_add(buf, text + from, match.start - from);
		/* an empty match right behind the last match is not one */
		if (match.end != match.start || match.end != last_end)
			buf_add_text(buf, replacement);
		last_end = from = match.end;
		if (!every || buf->size_bytes > PATTERN_RESULT_MAX_BYTES)
			break;
		if (match.end == match.start) {
			if (from == length)
				return;
			from += next_element(text + from, length - from, &character);
			buf_add(buf, text + match.end, from - match.end);
		}
	}
	buf_add(buf, text + from, length - from);
}
