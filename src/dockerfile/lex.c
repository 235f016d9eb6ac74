// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/lex.h"

#include <string.h>
#include <strings.h>

#include "base/strings.h"
#include "dockerfile/list.h"
#include "dockerfile/unicode.h"

/* A stretch of the source. */
struct span {
	const char *text;
	size_t size_bytes;
};

void lexer_init(struct lexer *lexer, struct arena *arena, const struct source *source,
		struct fault *fault)
{
	*lexer = (struct lexer){
		.arena = arena,
		.source = source,
		.fault = fault,
		.escape = '\\',
	};
	if (text_starts(source->text, "\xef\xbb\xbf"))
		lexer->at = 3; /* a byte order mark */
}

bool lexer_raw_line(struct lexer *lexer, const char **ret_text, size_t *ret_size_bytes)
{
	const char *start = lexer->source->text + lexer->at;
	size_t left = lexer->source->size_bytes - lexer->at;
	const char *newline;

	if (!left)
		return false;
	newline = memchr(start, '\n', left);
	lexer->line_start = lexer->at;
	*ret_text = start;
	*ret_size_bytes = newline ? (size_t)(newline - start) + 1 : left;
	lexer->at += *ret_size_bytes;
	lexer->line++;
	return true;
}

static struct span trim_newline(struct span span)
{
	while (span.size_bytes && strchr("\r\n", span.text[span.size_bytes - 1]))
		span.size_bytes--;
	return span;
}

static struct span trim_left(struct span span)
{
	while (span.size_bytes) {
		uint32_t character;
		size_t size = unicode_decode(span.text, span.size_bytes, &character);

		if (!unicode_is_space(character))
			break;
		span.text += size;
		span.size_bytes -= size;
	}
	return span;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trim_right(struct span span)
{
	while (span.size_bytes && is_blank(span.text[span.size_bytes - 1]))
		span.size_bytes--;
	return span;
}

static bool next_line(struct lexer *lexer, struct span *ret_line)
{
	if (!lexer_raw_line(lexer, &ret_line->text, &ret_line->size_bytes))
		return false;
	*ret_line = trim_newline(*ret_line);
	return true;
}

static bool is_comment(struct span line)
{
	line = trim_left(line);
	return line.size_bytes && *line.text == '#';
}

/* Split "name = value"; both without surrounding blanks, neither empty. */
static bool split_directive(struct span text, struct span *ret_name, struct span *ret_value)
{
	const char *equals = memchr(text.text, '=', text.size_bytes);
	struct span name;
	struct span value;

	if (!equals)
		return false;
	name = trim_right((struct span){ text.text, (size_t)(equals - text.text) });
	value.text = equals + 1;
	value.size_bytes = text.size_bytes - (size_t)(equals + 1 - text.text);
	value = trim_right(value);
	while (value.size_bytes && is_blank(*value.text))
		value = (struct span){ value.text + 1, value.size_bytes - 1 };
	for (size_t i = 0; i < name.size_bytes; i++) {
		uint32_t c = (unsigned char)name.text[i];

		if (c >= 0x80 || !unicode_is_name(c) || (i == 0 && c <= '9'))
			return false;
	}
	*ret_name = name;
	*ret_value = value;
	return name.size_bytes && value.size_bytes;
}

static bool span_is(struct span span, const char *text)
{
	return strlen(text) == span.size_bytes && !strncasecmp(span.text, text, span.size_bytes);
}

bool directive_parse(struct arena *arena, const char *comment, const char *name,
		     const char **ret_value)
{
	struct span text = trim_left((struct span){ comment, strlen(comment) });
	struct span found;
	struct span value;

	if (!split_directive(text, &found, &value) || !span_is(found, name))
		return false;
	*ret_value = arena_copy_bytes(arena, value.text, value.size_bytes);
	return true;
}

/* Where a span of the line last read stands. */
static struct mark mark_of(const struct lexer *lexer, struct span span)
{
	const char *start = lexer->source->text + lexer->line_start;

	return (struct mark){ lexer->line, (unsigned)(span.text - start) + 1,
			      (unsigned)span.size_bytes };
}

static int set_escape(struct lexer *lexer, struct span value, struct err *err)
{
	if (value.size_bytes != 1 || !strchr("`\\", *value.text))
		return fault_at(lexer->fault, lexer->source, mark_of(lexer, value), err,
				"invalid escape token '%.*s' does not match ` or \\",
				(int)value.size_bytes, value.text);
	lexer->escape = *value.text;
	return 0;
}

/* Take a parser directive; *ret_taken says whether the line was one. */
static int take_directive(struct lexer *lexer, struct span line, bool *ret_taken, struct err *err)
{
	struct span name;
	struct span value;
	struct directive *directive;

	*ret_taken = false;
	if (lexer->directives_over)
		return 0;
	lexer->directives_over = true;
	if (!line.size_bytes || *line.text != '#')
		return 0;
	line = trim_left((struct span){ line.text + 1, line.size_bytes - 1 });
	if (!split_directive(line, &name, &value))
		return 0;
	if (span_is(name, "syntax"))
		directive = &lexer->syntax;
	else if (span_is(name, "escape"))
		directive = &lexer->escape_directive;
	else if (span_is(name, "check"))
		directive = &lexer->check;
	else
		return 0;
	lexer->directives_over = false;
	*ret_taken = true;
	if (directive->value)
		return fault_at(lexer->fault, lexer->source, mark_of(lexer, name), err,
				"only one %.*s parser directive can be used", (int)name.size_bytes,
				name.text);
	directive->value = arena_copy_bytes(lexer->arena, value.text, value.size_bytes);
	directive->at = mark_of(lexer, value);
	return directive == &lexer->escape_directive ? set_escape(lexer, value, err) : 0;
}

/* Cut the escape character that continues a line; false when there is none. */
static bool cut_continuation(struct lexer *lexer, struct span *line)
{
	size_t size = line->size_bytes;

	while (size && (line->text[size - 1] == ' ' || line->text[size - 1] == '\t'))
		size--;
	if (!size || line->text[size - 1] != lexer->escape)
		return false;
	if (size >= 2 && line->text[size - 2] == lexer->escape)
		return false;
	line->size_bytes = size - 1;
	return true;
}

static void add_comment(struct lexer *lexer, struct logical_line *logical, struct span line)
{
	struct span text =
		trim_right(trim_left((struct span){ line.text + 1, line.size_bytes - 1 }));

	if (!text.size_bytes) {
		logical->comment_count = 0;
		return;
	}
	*list_add(lexer->arena, logical->comment, logical->comment_count) = (struct comment){
		.text = arena_copy_bytes(lexer->arena, text.text, text.size_bytes),
		.line = lexer->line,
	};
}

static int add_piece(struct lexer *lexer, struct logical_line *logical, struct span line,
		     struct buf *joined, struct err *err)
{
	struct mark at = mark_of(lexer, line);

	if (joined->size_bytes + line.size_bytes > DOCKERFILE_LINE_MAX_BYTES)
		return fault_at(lexer->fault, lexer->source, (struct mark){ at.line, 0, 0 }, err,
				"line greater than the allowed %zu bytes",
				DOCKERFILE_LINE_MAX_BYTES);
	*list_add(lexer->arena, logical->piece, logical->piece_count) = (struct piece){
		.offset = joined->size_bytes,
		.line = at.line,
		.column = at.column,
	};
	buf_add(joined, line.text, line.size_bytes);
	return 0;
}

/* The lines that continue the one at hand. */
static int read_continuation(struct lexer *lexer, struct logical_line *logical, struct buf *joined,
			     struct err *err)
{
	struct span line;
	bool continued = true;

	while (continued && next_line(lexer, &line)) {
		int r;

		if (is_comment(line))
			continue;
		if (!trim_left(line).size_bytes) {
			logical->empty_line = lexer->line;
			continue;
		}
		continued = cut_continuation(lexer, &line);
		r = add_piece(lexer, logical, line, joined, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The first line of an instruction, comments and directives above it taken in; 1, 0 or -EINVAL. */
static int find_start(struct lexer *lexer, struct logical_line *logical, struct span *ret_line,
		      struct err *err)
{
	while (next_line(lexer, ret_line)) {
		bool taken;
		int r;

		*ret_line = trim_left(*ret_line);
		r = take_directive(lexer, *ret_line, &taken, err);
		if (r < 0)
			return r;
		if (!ret_line->size_bytes)
			logical->comment_count = 0;
		else if (*ret_line->text != '#')
			return 1;
		else if (!taken)
			add_comment(lexer, logical, *ret_line);
	}
	return 0;
}

int lexer_next(struct lexer *lexer, struct logical_line *ret_line, struct err *err)
{
	struct logical_line logical = { 0 };
	auto_buf joined = { 0 };
	struct span line;
	bool continued;
	int r;

	r = find_start(lexer, &logical, &line, err);
	if (r <= 0)
		return r;
	logical.first_line = lexer->line;
	continued = cut_continuation(lexer, &line);
	r = add_piece(lexer, &logical, line, &joined, err);
	if (r == 0 && continued)
		r = read_continuation(lexer, &logical, &joined, err);
	if (r < 0)
		return r;
	logical.last_line = lexer->line;
	logical.text = arena_copy_bytes(lexer->arena, joined.bytes, joined.size_bytes);
	logical.size_bytes = joined.size_bytes;
	*ret_line = logical;
	return 1;
}

struct mark logical_mark(const struct logical_line *line, size_t offset, size_t width)
{
	const struct piece *piece;
	size_t i = line->piece_count;

	if (!i)
		return (struct mark){ line->first_line, 0, 0 };
	while (i > 1 && line->piece[i - 1].offset > offset)
		i--;
	piece = &line->piece[i - 1];
	return (struct mark){ piece->line, piece->column + (unsigned)(offset - piece->offset),
			      (unsigned)width };
}
