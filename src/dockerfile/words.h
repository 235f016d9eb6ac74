/* SPDX-License-Identifier: Apache-2.0 */
/* Dividing the rest of an instruction into words and flags, each with its place in the line.
 *
 * There are four ways, which differ in small things that Dockerfiles in the wild depend on:
 * blanks alone (FROM, COPY), quoted words whose quotes stay (ENV, LABEL, ARG), JSON arrays, and the
 * flags before the arguments. */
#ifndef DOCKERFILE_WORDS_H
#define DOCKERFILE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct word {
	const char *text; /* ends in a NUL, and may hold one only when it comes from JSON */
	size_t size_bytes;
	size_t offset; /* in the logical line */
	size_t width;  /* bytes it takes there */
};

struct word_list {
	struct word *item;
	size_t count;
};

/* A stretch of a logical line: from `at` up to `end`. */
struct stretch {
	const char *line;
	size_t at;
	size_t end;
};

struct stretch stretch_trim(struct stretch stretch); /* blanks (Unicode) at both ends */

/* At runs of blanks, of which a newline or a Unicode space is none. */
struct word_list words_at_blanks(struct arena *arena, struct stretch stretch);
/* The first word at blanks and what follows them; false when there is no second part. */
bool words_cut(struct stretch stretch, struct stretch *ret_first, struct stretch *ret_rest);
/* At blanks outside quotes; quotes and escapes stay (but for an escape character at the end). */
struct word_list words_quoted(struct arena *arena, struct stretch stretch, char escape);
/* Words that begin with "--", unquoted and unescaped, up to the first other word or "--" itself;
 * *stretch is moved behind them. */
struct word_list words_flags(struct arena *arena, struct stretch *stretch);

enum json_kind {
	JSON_STRINGS,	  /* an array of strings */
	JSON_OTHER_ARRAY, /* valid, but with other things in it */
	JSON_NONE,	  /* not a JSON array: the shell form */
};
enum json_kind words_json(struct arena *arena, struct stretch stretch, struct word_list *ret_words);

struct word word_of(struct arena *arena, struct stretch stretch);

#endif
