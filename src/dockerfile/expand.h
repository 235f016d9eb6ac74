/* SPDX-License-Identifier: Apache-2.0 */
/* Variables, quotes and escapes in the words of a Dockerfile.
 *
 *	$v ${v}			the value, or nothing
 *	${v:-w} ${v-w}		w when v is unset (with ':' also when empty)
 *	${v:+w} ${v+w}		w when v is set (with ':' and not empty)
 *	${v:?w} ${v?w}		an error that says w when v is unset (with ':' or empty)
 *	${v#p} ${v##p}		the value without the shortest or longest beginning that matches p
 *	${v%p} ${v%%p}		the same at its end
 *	${v/p/r} ${v//p/r}	the value with the first or every match of p replaced by r
 *	'...'			as it stands
 *	"..."			variables are replaced; the escape character takes " $ and itself
 *	\c			c (the escape character is \ unless `# escape=` says `)
 *
 * Where it happens at all depends on the instruction (eval.c). Source: Dockerfile reference,
 * "Environment replacement"; results are those of BuildKit. */
#ifndef DOCKERFILE_EXPAND_H
#define DOCKERFILE_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define EXPAND_DEPTH_MAX 32 /* ${a:-${b:-...}} */
#define EXPAND_RESULT_MAX_BYTES                                          \
	((size_t)1 << 20) /* values that hold each other twice grow fast \
			   */

/* Where values come from. */
struct variables {
	const char *(*get)(const void *data, const char *name); /* NULL: not set */
	const void *data;
};

struct names {
	const char **item; /* each once, in order of first use */
	size_t count;
};

struct expansion {
	struct arena *arena; /* results live here */
	char escape;
	const struct variables *variables; /* NULL: nothing is set */
	bool keep_quotes;		   /* quotes stay in the result */
	bool keep_escapes;		   /* so do escape characters */
	bool ignore_quotes;		   /* quotes mean nothing: the contents of a heredoc */
	bool keep_unset;		   /* a variable that is not set stays as written */
	bool heredoc_words;		   /* blanks after << belong to the word: "<< EOF" is one */

	/* results, added to by each call */
	struct names matched;	/* variables asked for that are set */
	struct names unmatched; /* and those that are not */
	size_t fault_offset;	/* after an error: where in the text */
};

/* One word for one word: blanks are kept. -EINVAL with a message that names no place. */
int expand_word(struct expansion *expansion, const char *text, const char **ret_text,
		struct err *err) must_check;

/* The result divided at blanks that are not quoted; empty words are never produced. */
int expand_words(struct expansion *expansion, const char *text, struct names *ret_words,
		 struct err *err) must_check;

#endif
