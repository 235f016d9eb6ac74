/* SPDX-License-Identifier: Apache-2.0 */
/* Between eval.c and the files that make one kind of step each. */
#ifndef DOCKERFILE_EVAL_WORD_H
#define DOCKERFILE_EVAL_WORD_H

#include "dockerfile/eval.h"

/* A step being made. */
struct making {
	struct evaluation *evaluation;
	struct step *step;
	struct arena *arena;
	const struct instruction *instruction;
	struct err *err;
};

/* Replace variables and remove quotes; errors name the place. */
int make_text(struct making *making, const struct word *word, const char **ret_text) must_check;
/* The same, divided at blanks; added to texts. */
int make_texts(struct making *making, const struct word *word, struct texts *texts) must_check;
/* The value of a flag; NULL when it is not given. */
int make_flag(struct making *making, const char *name, const char **ret_text) must_check;
/* A heredoc's contents: variables only, quotes are ordinary characters. */
int make_contents(struct making *making, const struct heredoc *heredoc,
		  const char **ret_text) must_check;

/* An error at a word, or at the instruction's name when it is NULL; err_wrap's form. */
int make_refuse(struct making *making, const struct word *word, const char *format, ...)
	printf_like(3, 4);
int make_wrap(struct making *making, const struct word *word);

/* The words in front of a command in shell form: SHELL, or what the platform has. */
void make_shell_words(struct making *making, struct texts *texts);

int make_run(struct making *making) must_check;
int make_copy(struct making *making) must_check;
int make_mount(struct making *making, const struct flag *flag,
	       struct step_mount *ret_mount) must_check;
int make_expose(struct making *making) must_check;
int make_health(struct making *making) must_check;

/* "CMD ["a" "b"]" and the like for the history. */
const char *make_quoted(struct arena *arena, const char *name, const struct texts *texts);
const char *make_joined(struct arena *arena, const char *name, const struct texts *texts);

#endif
