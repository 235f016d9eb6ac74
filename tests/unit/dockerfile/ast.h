/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed Dockerfile as S-expressions, one instruction a line, in the form of the results under
 * tests/conformance/parser/ast. For tests only. */
#ifndef UNIT_DOCKERFILE_AST_H
#define UNIT_DOCKERFILE_AST_H

#include "base/buf.h"
#include "dockerfile/parse.h"

void ast_add(struct buf *buf, const struct dockerfile *dockerfile);
void ast_add_instruction(struct buf *buf, const struct instruction *instruction);

#endif
