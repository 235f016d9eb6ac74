/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parser and its heredocs; everyone else uses parse.h. */
#ifndef DOCKERFILE_HEREDOC_H
#define DOCKERFILE_HEREDOC_H

#include "dockerfile/parse.h"

/* Read the bodies of the heredocs that the instruction's line starts; the lexer stands behind that
 * line. Sets instruction->heredoc and last_line. */
int heredocs_read(struct lexer *lexer, struct instruction *instruction, struct err *err) must_check;

#endif
