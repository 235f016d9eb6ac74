/* SPDX-License-Identifier: Apache-2.0 */
/* What is allowed of each instruction before any variable has a value: its flags, how many
 * arguments it takes, and values that cannot hold variables. Every instruction of a file is checked
 * before anything is built, as BuildKit does it. */
#ifndef DOCKERFILE_CHECK_H
#define DOCKERFILE_CHECK_H

#include "dockerfile/parse.h"

/* -EINVAL; the fault says where. */
int instruction_check(const struct instruction *instruction, const struct source *source,
		      struct fault *fault, struct err *err) must_check;

/* The value of a flag, or NULL; for flags that instruction_check has let pass. */
const struct flag *flag_find(const struct instruction *instruction, const char *name);
const char *flag_text(const struct instruction *instruction, const char *name);
/* "--name", "--name=true" and "--name=false" (any case). */
bool flag_is_set(const struct instruction *instruction, const char *name, bool otherwise);

/* Lower case, and whether a stage may be called that. */
bool stage_name_is_valid(const char *name);

#endif
