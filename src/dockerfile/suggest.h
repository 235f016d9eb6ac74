/* SPDX-License-Identifier: Apache-2.0 */
/* "did you mean ...": the nearest of some names, when one is near. */
#ifndef DOCKERFILE_SUGGEST_H
#define DOCKERFILE_SUGGEST_H

#include <stddef.h>

/* NULL when none is within a third of its length, or when the name itself is among them. Upper and
 * lower case count as the same letter. */
const char *suggest(const char *name, const char *const *names, size_t count);

#endif
