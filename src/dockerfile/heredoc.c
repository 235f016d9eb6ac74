// SPDX-License-Identifier: Apache-2.0
/* Heredocs: RUN <<EOF, COPY <<a <<-b /dest. Which words of a line start one is a question of its
 * quoting, so the line is divided as a shell would, with everything kept as written; the bodies
 * follow in the order of the words. */
#include "dockerfile/heredoc.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/number.h"
#include "dockerfile/expand.h"
#include "dockerfile/list.h"

static int name_of(struct arena *arena, const char *text, struct heredoc *heredoc, struct err *err)
{
	struct expansion plain = { .arena = arena, .escape = '\\', .keep_unset = true };
	struct expansion quoted = plain;
	struct names words;
	struct names words_quoted;
	int r;

	r = expand_words(&plain, text, &words, err);
	if (r < 0)
		return r;
	if (words.count != 1)
		return 0;
	quoted.keep_quotes = true;
	r = expand_words(&quoted, text, &words_quoted, err);
	if (r < 0)
		return r;
	heredoc->name = words.item[0];
	/* keeping quotes changes nothing exactly when there are none */
	heredoc->expands = words_quoted.count == 1 && !strcmp(words.item[0], words_quoted.item[0]);
	return 1;
}

int heredoc_parse(struct arena *arena, const char *word, struct heredoc *ret_heredoc,
		  struct err *err)
{
	size_t digits = strspn(word, "0123456789");
	const char *text = word + digits;
	struct heredoc heredoc = { 0 };
	int r;

	if (strncmp(text, "<<", 2) != 0)
		return 0;
	text += 2;
	if (digits) {
		uint32_t descriptor;

		if (number_parse_u32(arena_copy_bytes(arena, word, digits), &descriptor) == 0)
			heredoc.descriptor = descriptor;
	}
	if (*text == '-') {
		heredoc.strips_tabs = true;
		text++;
	}
	text += strspn(text, " \t\r\n\f");
	if (!*text || strchr(text, '<'))
		return 0;
	r = name_of(arena, text, &heredoc, err);
	if (r == 1)
		*ret_heredoc = heredoc;
	return r;
}

static bool is_end(const struct heredoc *heredoc, const char *line, size_t size_bytes)
{
	while (size_bytes && (line[size_bytes - 1] == '\n' || line[size_bytes - 1] == '\r'))
		size_bytes--;
	while (heredoc->strips_tabs && size_bytes && *line == '\t') {
		line++;
		size_bytes--;
	}
	return strlen(heredoc->name) == size_bytes && !memcmp(line, heredoc->name, size_bytes);
}

/* Does a place of the line stand within $(( ))? */
static bool in_arithmetic(const char *line, size_t offset)
{
	int depth = 0;

	for (size_t i = 0; i + 1 < offset; i++) {
		bool open = line[i] == '(' && line[i + 1] == '(';
		bool close = line[i] == ')' && line[i + 1] == ')';

		depth += open - close;
		i += open || close;
	}
	return depth > 0;
}

/* Read up to the end; 1 when there is one, 0 when this is no heredoc after all. */
static int read_body(struct lexer *lexer, const struct instruction *instruction,
		     const struct word *word, struct heredoc *heredoc, struct err *err)
{
	const struct lexer before = *lexer;
	const char *start = lexer->source->text + lexer->at;
	const char *line;
	size_t size_bytes;

	heredoc->first_line = lexer->line + 1;
	while (lexer_raw_line(lexer, &line, &size_bytes)) {
		if (!is_end(heredoc, line, size_bytes))
			continue;
		heredoc->size_bytes = (size_t)(line - start);
		heredoc->text = arena_copy_bytes(lexer->arena, start, heredoc->size_bytes);
		return 1;
	}
	/* $(( 1<<2 )) is a shift, which only its missing end tells from a heredoc */
	if (in_arithmetic(instruction->line.text, word->offset)) {
		*lexer = before;
		return 0;
	}
	return fault_at(lexer->fault, lexer->source, word_mark(instruction, word), err,
			"unterminated heredoc: no line '%s' follows", heredoc->name);
}

/* Where the words of the division stand in the line: they are substrings of it, in order. */
static struct word locate(const char *line, size_t *from, const char *text)
{
	const char *found = strstr(line + *from, text);
	struct word word = { .text = text, .size_bytes = strlen(text), .offset = *from };

	if (found) {
		word.offset = (size_t)(found - line);
		*from = word.offset + word.size_bytes;
	}
	word.width = word.size_bytes;
	return word;
}

static bool may_hold(const struct instruction *instruction)
{
	if (instruction->kind == INSTRUCTION_ONBUILD && instruction->trigger)
		instruction = instruction->trigger;
	return !instruction->is_json &&
	       (instruction->kind == INSTRUCTION_RUN || instruction->kind == INSTRUCTION_COPY ||
		instruction->kind == INSTRUCTION_ADD);
}

int heredocs_read(struct lexer *lexer, struct instruction *instruction, struct err *err)
{
	struct expansion division = {
		.arena = lexer->arena,
		.escape = '\\',
		.keep_quotes = true,
		.keep_escapes = true,
		.keep_unset = true,
		.heredoc_words = true,
	};
	struct names words;
	size_t from = 0;

	if (!may_hold(instruction) || !strstr(instruction->line.text, "<<"))
		return 0;
	/* a line the division cannot make sense of (an odd quote) has no heredocs */
	if (expand_words(&division, instruction->line.text, &words, NULL) < 0)
		return 0;
	for (size_t i = 0; i < words.count; i++) {
		struct word word = locate(instruction->line.text, &from, words.item[i]);
		struct heredoc heredoc;
		int r;

		r = heredoc_parse(lexer->arena, words.item[i], &heredoc, err);
		if (r < 0)
			return fault_wrap(lexer->fault, lexer->source,
					  word_mark(instruction, &word), err, "heredoc %s",
					  words.item[i]);
		if (r == 0)
			continue;
		r = read_body(lexer, instruction, &word, &heredoc, err);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		*list_add(lexer->arena, instruction->heredoc, instruction->heredoc_count) = heredoc;
	}
	instruction->last_line = lexer->line;
	return 0;
}

const char *heredoc_contents(struct arena *arena, const struct heredoc *heredoc)
{
	auto_buf contents = { 0 };
	bool at_start = true;

	if (!heredoc->strips_tabs)
		return heredoc->text;
	for (size_t i = 0; i < heredoc->size_bytes; i++) {
		char c = heredoc->text[i];

		if (at_start && c == '\t')
			continue;
		at_start = c == '\n';
		buf_add_char(&contents, c);
	}
	return arena_copy_bytes(arena, contents.bytes, contents.size_bytes);
}
