/* SPDX-License-Identifier: Apache-2.0 */
/* Variables by name, in order of first use; the last value set counts. */
#ifndef DOCKERFILE_ENVIRONMENT_H
#define DOCKERFILE_ENVIRONMENT_H

#include "base/arena.h"
#include "dockerfile/expand.h"
#include "dockerfile/step.h"

struct environment {
	struct arena *arena;
	struct setting *item; /* name and value only; no name twice */
	size_t count;
};

void environment_set(struct environment *environment, const char *name, const char *value);
const char *environment_get(const struct environment *environment, const char *name);
/* "NAME=VALUE"; what has no '=' is a name with an empty value. */
void environment_set_text(struct environment *environment, const char *text);
/* All of it as NAME=VALUE. */
struct texts environment_texts(struct arena *arena, const struct environment *environment);
/* For expansions; borrows the environment. */
struct variables environment_variables(const struct environment *environment);

void texts_add(struct arena *arena, struct texts *texts, const char *text); /* borrows text */

#endif
