/* SPDX-License-Identifier: Apache-2.0 */
/* Dockerfile text -> instructions, in the language of BuildKit's dockerfile/1.x (stable).
 *
 * The parser knows how each instruction divides its arguments, nothing of what they mean: unknown
 * instructions and flags are kept (INSTRUCTION_UNKNOWN), so that one pass shows the whole file.
 * What is allowed is checked by instruction_check; what the arguments become, by eval.h.
 *
 * Everything lives in the arena and refers to the source's text, which must outlive it. No I/O.
 * Source: Dockerfile reference (docs.docker.com/reference/dockerfile); trees are those of
 * BuildKit's parser, see tests/conformance/parser. */
#ifndef DOCKERFILE_PARSE_H
#define DOCKERFILE_PARSE_H

#include <stdbool.h>

#include "dockerfile/lex.h"
#include "dockerfile/source.h"
#include "dockerfile/words.h"

enum instruction_kind {
	INSTRUCTION_UNKNOWN,
	INSTRUCTION_ADD,
	INSTRUCTION_ARG,
	INSTRUCTION_CMD,
	INSTRUCTION_COPY,
	INSTRUCTION_ENTRYPOINT,
	INSTRUCTION_ENV,
	INSTRUCTION_EXPOSE,
	INSTRUCTION_FROM,
	INSTRUCTION_HEALTHCHECK,
	INSTRUCTION_LABEL,
	INSTRUCTION_MAINTAINER,
	INSTRUCTION_ONBUILD,
	INSTRUCTION_RUN,
	INSTRUCTION_SHELL,
	INSTRUCTION_STOPSIGNAL,
	INSTRUCTION_USER,
	INSTRUCTION_VOLUME,
	INSTRUCTION_WORKDIR,
	INSTRUCTION_KINDS,
};

struct flag {
	const char *name;  /* without "--" */
	const char *value; /* NULL: "--name" alone */
	struct word word;  /* the whole of it, without quotes */
};

struct heredoc {
	const char *name; /* without quotes */
	const char *text; /* the lines as they stand, tabs and all */
	size_t size_bytes;
	bool expands;	     /* no part of the name was quoted */
	bool strips_tabs;    /* <<- */
	unsigned descriptor; /* 3<<EOF; 0 when not given */
	unsigned first_line; /* of the text */
};

struct instruction {
	enum instruction_kind kind;
	const char *name; /* as written */
	size_t name_offset;
	struct flag *flag;
	size_t flag_count;
	/* ENV and LABEL: name, value, "=" (or "" for the old form), and again.
	 * HEALTHCHECK: its type, then the command. ONBUILD: none, see trigger. */
	struct word *arg;
	size_t arg_count;
	bool is_json;		  /* the arguments came as a JSON array */
	bool has_args;		  /* there was text behind the flags (a JSON array may be empty) */
	struct logical_line line; /* its text (joined), its places, the comments above */
	unsigned last_line;	  /* with its heredocs */
	struct heredoc *heredoc;
	size_t heredoc_count;
	struct instruction *trigger; /* ONBUILD's instruction, NULL when there is none */
	bool is_trigger;	     /* this is one: its line is that of the ONBUILD */
};

struct dockerfile {
	struct arena *arena;
	struct source source;
	char escape;
	struct directive syntax;
	struct directive check;
	struct instruction **instruction;
	size_t instruction_count;
	struct fault fault; /* where parsing failed */
};

/* Parse text (size_bytes of it, no NUL needed); `name` is how errors call the file. On failure
 * -EINVAL, and dockerfile->fault says where; the instructions parsed so far are there too. The
 * dockerfile is filled in place because its source is pointed to. */
int dockerfile_parse(struct arena *arena, const char *name, const char *text, size_t size_bytes,
		     struct dockerfile *ret_dockerfile, struct err *err) must_check;

const char *instruction_name(enum instruction_kind kind); /* upper case */
enum instruction_kind instruction_kind_of(const char *name);

/* Places for messages and carets. */
struct mark instruction_mark(const struct instruction *instruction); /* its name */
struct mark word_mark(const struct instruction *instruction, const struct word *word);

/* "<<EOF", "3<<-'EOF'" ...: 1 when the word is a heredoc's start (name, descriptor, expands and
 * strips_tabs are set), 0 when not, -EINVAL when it is a broken one. */
int heredoc_parse(struct arena *arena, const char *word, struct heredoc *ret_heredoc,
		  struct err *err) must_check;
/* Its contents without the tabs that <<- takes away. */
const char *heredoc_contents(struct arena *arena, const struct heredoc *heredoc);

#endif
