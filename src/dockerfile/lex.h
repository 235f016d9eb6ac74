/* SPDX-License-Identifier: Apache-2.0 */
/* Physical lines -> logical lines: parser directives, comments, continuation.
 *
 * `# syntax=`, `# escape=` and `# check=` count only as the very first lines (before any other
 * comment) and once each. A line whose last character but blanks is an escape character that does
 * not itself follow one is continued: the next line that is neither a comment nor blank is joined
 * without anything between. Heredoc bodies are read raw, on demand of the parser.
 * Source: Dockerfile reference, "Format" and "Parser directives". */
#ifndef DOCKERFILE_LEX_H
#define DOCKERFILE_LEX_H

#include <stdbool.h>

#include "base/arena.h"
#include "dockerfile/source.h"

#define DOCKERFILE_SIZE_MAX_BYTES ((size_t)16 << 20)
#define DOCKERFILE_LINE_MAX_BYTES ((size_t)1 << 20) /* joined from all its parts */

struct directive {
	const char *value; /* NULL: not given */
	struct mark at;	   /* of the value */
};

struct comment {
	const char *text; /* behind '#', without surrounding blanks */
	unsigned line;
};

/* Which place of the source a part of a logical line comes from. */
struct piece {
	size_t offset; /* in the logical line */
	unsigned line;
	unsigned column;
};

struct logical_line {
	const char *text;
	size_t size_bytes;
	struct piece *piece;
	size_t piece_count;
	struct comment *comment; /* directly above it, no blank line between */
	size_t comment_count;
	unsigned first_line;
	unsigned last_line;
	unsigned empty_line; /* the last blank line among its continuation lines; 0: none */
};

struct lexer {
	struct arena *arena;
	const struct source *source;
	struct fault *fault;
	size_t at;	   /* in the source: start of the next line */
	size_t line_start; /* start of the line last read */
	unsigned line;	   /* number of lines read */
	char escape;
	struct directive syntax;
	struct directive escape_directive;
	struct directive check;
	bool directives_over;
};

void lexer_init(struct lexer *lexer, struct arena *arena, const struct source *source,
		struct fault *fault);
/* 1: a line; 0: no more; -EINVAL. */
int lexer_next(struct lexer *lexer, struct logical_line *ret_line, struct err *err) must_check;
/* One physical line with its newline, untouched; false at the end. */
bool lexer_raw_line(struct lexer *lexer, const char **ret_text, size_t *ret_size_bytes);

/* Where a byte of the logical line stands in the source. */
struct mark logical_mark(const struct logical_line *line, size_t offset, size_t width);

/* "name = value" behind the '#' of a comment: is it this directive? The value is without
 * surrounding blanks. */
bool directive_parse(struct arena *arena, const char *comment, const char *name,
		     const char **ret_value);

#endif
