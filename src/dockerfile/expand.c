// SPDX-License-Identifier: Apache-2.0
/* One pass over the text by recursive descent: a sequence of plain characters, quoted parts and
 * variables, ended by the end of text or, inside ${}, by '/' or '}'.
 *
 * Two results are built side by side: the text, and (at the top only) the same divided into words.
 * Blanks divide words when they stand in the text or come from an unquoted variable. */
#include "dockerfile/expand.h"

#include <string.h>

#include "base/buf.h"
#include "dockerfile/list.h"
#include "dockerfile/pattern.h"
#include "dockerfile/unicode.h"

#define TO_THE_END '\0' /* no character to stop at */

/* Words under construction. */
struct words {
	struct arena *arena;
	struct names done;
	struct buf word;
	bool in_word;
};

struct reader {
	struct expansion *expansion;
	const char *text;
	size_t at;
	size_t size_bytes;
	unsigned depth;
	bool keep_escapes; /* also inside patterns, whose escapes are the pattern's own */
	struct err *err;
};

static int sequence(struct reader *reader, char stop, struct buf *result, struct words *words);

static int refuse(struct reader *reader, const char *message)
{
	reader->expansion->fault_offset = reader->at < reader->size_bytes ? reader->at
									  : reader->size_bytes;
	return fail_plain(reader->err, EINVAL, "%s", message);
}

static bool at_end(const struct reader *reader)
{
	return reader->at >= reader->size_bytes;
}

static char peek(const struct reader *reader)
{
	return at_end(reader) ? '\0' : reader->text[reader->at];
}

static size_t peek_character(const struct reader *reader, uint32_t *ret_character)
{
	return unicode_decode(reader->text + reader->at, reader->size_bytes - reader->at,
			      ret_character);
}

/* Copy the character at hand, whole and unchanged even if it is not UTF-8. */
static void take_character(struct reader *reader, struct buf *result)
{
	uint32_t character;
	size_t size = peek_character(reader, &character);

	buf_add(result, reader->text + reader->at, size);
	reader->at += size;
}

static void words_end(struct words *words)
{
	if (!words->word.size_bytes)
		return;
	*list_add(words->arena, words->done.item, words->done.count) =
		arena_copy_bytes(words->arena, words->word.bytes, words->word.size_bytes);
	buf_truncate(&words->word, 0);
	words->in_word = false;
}

static void words_add_raw(struct words *words, const char *text, size_t size_bytes)
{
	if (!words)
		return;
	buf_add(&words->word, text, size_bytes);
	words->in_word = true;
}

/* Text in which blanks end words. */
static void words_add(struct words *words, const char *text, size_t size_bytes)
{
	if (!words)
		return;
	for (size_t at = 0; at < size_bytes;) {
		uint32_t character;
		size_t size = unicode_decode(text + at, size_bytes - at, &character);

		if (!unicode_is_space(character))
			words_add_raw(words, text + at, size);
		else if (words->in_word)
			words_end(words);
		at += size;
	}
}

static void names_add(struct arena *arena, struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->item[i], name))
			return;
	*list_add(arena, names->item, names->count) = arena_copy(arena, name);
}

static const char *get_variable(struct reader *reader, const char *name)
{
	struct expansion *expansion = reader->expansion;
	const struct variables *variables = expansion->variables;
	const char *value = variables ? variables->get(variables->data, name) : NULL;

	names_add(expansion->arena, value ? &expansion->matched : &expansion->unmatched, name);
	return value;
}

/* A name, a positional parameter ($1, $001) or a special one ($@); none of the latter is ever set,
 * but they are read as a shell reads them. */
static void read_name(struct reader *reader, struct buf *name)
{
	char c = peek(reader);

	if (c >= '0' && c <= '9') {
		for (; c >= '0' && c <= '9'; c = peek(reader))
			take_character(reader, name);
		return;
	}
	if (c && strchr("@*#?-$!", c)) {
		take_character(reader, name);
		return;
	}
	while (!at_end(reader)) {
		uint32_t character;

		peek_character(reader, &character);
		if (character != '_' && !unicode_is_name(character))
			return;
		take_character(reader, name);
	}
}

/* A part inside ${}, up to `stop`, which is left behind. */
static int read_part(struct reader *reader, char stop, bool keep_escapes, struct buf *part)
{
	bool before = reader->keep_escapes;
	int r;

	reader->keep_escapes = keep_escapes;
	r = sequence(reader, stop, part, NULL);
	reader->keep_escapes = before;
	return r;
}

static int add_trimmed(struct reader *reader, char operator, const char * value, const char *word,
		       struct buf *result)
{
	struct arena *arena = reader->expansion->arena;
	const struct pattern *pattern;
	bool longest = *word == operator;
	int r;

	r = pattern_parse(arena, word + longest, &pattern, reader->err);
	if (r < 0) {
		reader->expansion->fault_offset = reader->at;
		return r;
	}
	buf_add_text(result, operator== '#' ? pattern_trim_prefix(arena, pattern, value, longest)
					    : pattern_trim_suffix(arena, pattern, value, longest));
	return 0;
}

static int refuse_unset(struct reader *reader, const char *name, const char *value,
			const char *message)
{
	reader->expansion->fault_offset = reader->at;
	if (!*message)
		message = value ? "is not allowed to be empty" : "is not allowed to be unset";
	return fail_plain(reader->err, EINVAL, "%s: %s", name, message);
}

/* ${name:-word} and its kin; the reader stands behind the operator. */
static int modified(struct reader *reader, const char *name, const char *modifier,
		    struct buf *result)
{
	bool empty_is_unset = *modifier == ':';
	char operator= modifier[empty_is_unset];
	auto_buf word = { 0 };
	const char *value;
	bool set;
	int r;

	r = read_part(reader, '}', operator== '#' || operator== '%', &word);
	if (r < 0)
		return r;
	value = get_variable(reader, name);
	if (!value && reader->expansion->keep_unset) {
		buf_printf(result, "${%s%s%s}", name, modifier, buf_text(&word));
		return 0;
	}
	set = value && !(empty_is_unset && !*value);
	switch (operator) {
	case '-':
		buf_add_text(result, set ? value : buf_text(&word));
		return 0;
	case '+':
		buf_add_text(result, set ? buf_text(&word) : "");
		return 0;
	case '?':
		if (!set)
			return refuse_unset(reader, name, value, buf_text(&word));
		buf_add_text(result, value);
		return 0;
	default: /* '#' and '%' */
		return add_trimmed(reader, operator, value ? value : "", buf_text(&word), result);
	}
}

/* ${name/pattern/replacement}; the reader stands behind the first '/'. */
static int replaced(struct reader *reader, const char *name, struct buf *result)
{
	const struct pattern *pattern;
	auto_buf pattern_text = { 0 };
	auto_buf replacement = { 0 };
	const char *value;
	bool every = peek(reader) == '/';
	int r;

	reader->at += every;
	r = read_part(reader, '/', true, &pattern_text);
	if (r < 0)
		return r;
	r = read_part(reader, '}', true, &replacement);
	if (r < 0)
		return r;
	value = get_variable(reader, name);
	if (!value && reader->expansion->keep_unset) {
		buf_printf(result, "${%s/%s%s/%s}", name, every ? "/" : "", buf_text(&pattern_text),
			   buf_text(&replacement));
		return 0;
	}
	r = pattern_parse(reader->expansion->arena, buf_text(&pattern_text), &pattern, reader->err);
	if (r < 0) {
		reader->expansion->fault_offset = reader->at;
		return r;
	}
	pattern_replace(pattern, value ? value : "", buf_text(&replacement), every, result);
	return 0;
}

/* The operator behind ${name: "-", ":+", "/" ... or "}"; 3 bytes of room. */
static int read_modifier(struct reader *reader, char modifier[3])
{
	size_t length = 0;

	if (peek(reader) == ':')
		modifier[length++] = reader->text[reader->at++];
	if (at_end(reader))
		return refuse(reader, "syntax error: missing '}'");
	modifier[length++] = peek(reader);
	modifier[length] = '\0';
	if (!strchr(length == 1 ? "}/-+?#%" : "-+?#%", modifier[length - 1])) {
		auto_buf whole = { 0 };

		reader->expansion->fault_offset = reader->at;
		if (length == 2)
			buf_add_char(&whole, ':');
		take_character(reader, &whole);
		return fail_plain(reader->err, EINVAL, "unsupported modifier (%s) in substitution",
				  buf_text(&whole));
	}
	reader->at++;
	return 0;
}

static int braced(struct reader *reader, struct buf *result)
{
	auto_buf name_buf = { 0 };
	char modifier[3];
	const char *value;
	const char *name;
	int r;

	if (at_end(reader))
		return refuse(reader, "syntax error: missing '}'");
	if (strchr("{}:", peek(reader)))
		return refuse(reader, "syntax error: bad substitution");
	read_name(reader, &name_buf);
	name = buf_text(&name_buf);
	r = read_modifier(reader, modifier);
	if (r < 0)
		return r;
	if (*modifier == '/')
		return replaced(reader, name, result);
	if (*modifier != '}')
		return modified(reader, name, modifier, result);
	value = get_variable(reader, name);
	if (!value && reader->expansion->keep_unset)
		buf_printf(result, "${%s}", name);
	else
		buf_add_text(result, value ? value : "");
	return 0;
}

static int plain(struct reader *reader, struct buf *result)
{
	auto_buf name = { 0 };
	const char *value;

	read_name(reader, &name);
	if (!name.size_bytes) {
		buf_add_char(result, '$');
		return 0;
	}
	value = get_variable(reader, name.bytes);
	if (!value && reader->expansion->keep_unset)
		buf_printf(result, "$%s", name.bytes);
	else
		buf_add_text(result, value ? value : "");
	return 0;
}

static int dollar(struct reader *reader, struct buf *result)
{
	int r;

	reader->at++;
	if (peek(reader) != '{')
		return plain(reader, result);
	reader->at++;
	if (++reader->depth > EXPAND_DEPTH_MAX)
		return refuse(reader, "variables are nested too deeply");
	r = braced(reader, result);
	reader->depth--;
	if (r == 0 && result->size_bytes > EXPAND_RESULT_MAX_BYTES)
		return refuse(reader, "the value becomes too long");
	return r;
}

static int single_quoted(struct reader *reader, struct buf *result)
{
	const char *start = reader->text + reader->at + 1;
	const char *end = memchr(start, '\'', reader->size_bytes - reader->at - 1);

	if (!end)
		return refuse(
			reader,
			"unexpected end of statement while looking for matching single-quote");
	if (reader->expansion->keep_quotes)
		buf_add(result, start - 1, (size_t)(end - start) + 2);
	else
		buf_add(result, start, (size_t)(end - start));
	reader->at = (size_t)(end - reader->text) + 1;
	return 0;
}

/* The reader stands at an escape character within double quotes. */
static void escaped_in_quotes(struct reader *reader, struct buf *result)
{
	char escape = reader->expansion->escape;
	char next;

	reader->at++;
	if (reader->keep_escapes)
		buf_add_char(result, escape);
	if (at_end(reader))
		return;
	next = peek(reader);
	if (next == '"' || next == '$' || next == escape)
		take_character(reader, result);
	else
		buf_add_char(result, escape); /* it has nothing to escape and stands for itself */
}

static int double_quoted(struct reader *reader, struct buf *result)
{
	size_t start = reader->at;

	reader->at++;
	if (reader->expansion->keep_quotes)
		buf_add_char(result, '"');
	while (peek(reader) != '"') {
		int r = 0;

		if (at_end(reader)) {
			reader->at = start;
			return refuse(reader, "unexpected end of statement while looking for "
					      "matching double-quote");
		}
		if (peek(reader) == '$')
			r = dollar(reader, result);
		else if (peek(reader) == reader->expansion->escape)
			escaped_in_quotes(reader, result);
		else
			take_character(reader, result);
		if (r < 0)
			return r;
	}
	reader->at++;
	if (reader->expansion->keep_quotes)
		buf_add_char(result, '"');
	return 0;
}

/* The reader stands at '<': blanks behind "<<" or "<<-" are part of the word. */
static void heredoc_start(struct reader *reader, struct buf *result)
{
	take_character(reader, result);
	if (peek(reader) != '<')
		return;
	take_character(reader, result);
	if (peek(reader) == '-')
		take_character(reader, result);
	while (peek(reader) == ' ' || peek(reader) == '\t' || peek(reader) == '\r')
		take_character(reader, result);
}

/* An escape character outside quotes: what follows is plain, at the end of text nothing. */
static void escaped(struct reader *reader, struct buf *result)
{
	if (reader->keep_escapes)
		take_character(reader, result);
	else
		reader->at++;
	if (!at_end(reader))
		take_character(reader, result);
}

/* The next part of a sequence; *ret_divides when blanks in it end words. */
static int part(struct reader *reader, struct buf *result, bool *ret_divides)
{
	const struct expansion *expansion = reader->expansion;
	char c = peek(reader);

	*ret_divides = false;
	if (c == '$') {
		*ret_divides = true;
		return dollar(reader, result);
	}
	if (c == '\'' && !expansion->ignore_quotes)
		return single_quoted(reader, result);
	if (c == '"' && !expansion->ignore_quotes)
		return double_quoted(reader, result);
	if (c == '<' && expansion->heredoc_words) {
		heredoc_start(reader, result);
	} else if (c == expansion->escape) {
		escaped(reader, result);
	} else {
		*ret_divides = true;
		take_character(reader, result);
	}
	return 0;
}

static int refuse_no_end(struct reader *reader, char stop)
{
	if (stop == '/')
		return refuse(reader, "syntax error: missing '/' in ${}");
	return refuse(reader, "syntax error: missing '}'");
}

static int sequence(struct reader *reader, char stop, struct buf *result, struct words *words)
{
	while (!at_end(reader)) {
		size_t before = result->size_bytes;
		bool divides;
		int r;

		if (stop != TO_THE_END && peek(reader) == stop) {
			reader->at++;
			return 0;
		}
		r = part(reader, result, &divides);
		if (r < 0)
			return r;
		if (result->size_bytes > EXPAND_RESULT_MAX_BYTES)
			return refuse(reader, "the value becomes too long");
		if (divides)
			words_add(words, buf_text(result) + before, result->size_bytes - before);
		else
			words_add_raw(words, buf_text(result) + before,
				      result->size_bytes - before);
	}
	return stop == TO_THE_END ? 0 : refuse_no_end(reader, stop);
}

static struct reader reader_of(struct expansion *expansion, const char *text, struct err *err)
{
	return (struct reader){
		.expansion = expansion,
		.text = text,
		.size_bytes = strlen(text),
		.keep_escapes = expansion->keep_escapes,
		.err = err,
	};
}

int expand_word(struct expansion *expansion, const char *text, const char **ret_text,
		struct err *err)
{
	struct reader reader = reader_of(expansion, text, err);
	auto_buf result = { 0 };
	int r;

	r = sequence(&reader, TO_THE_END, &result, NULL);
	if (r == 0)
		*ret_text = arena_copy_bytes(expansion->arena, result.bytes, result.size_bytes);
	return r;
}

int expand_words(struct expansion *expansion, const char *text, struct names *ret_words,
		 struct err *err)
{
	struct reader reader = reader_of(expansion, text, err);
	struct words words = { .arena = expansion->arena };
	auto_buf result = { 0 };
	int r;

	r = sequence(&reader, TO_THE_END, &result, &words);
	if (r == 0) {
		words_end(&words);
		*ret_words = words.done;
	}
	buf_done(&words.word);
	return r;
}
