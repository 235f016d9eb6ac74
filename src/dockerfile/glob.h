/* SPDX-License-Identifier: Apache-2.0 */
/* Path patterns of COPY, ADD and .dockerignore: '*' and '?' stay within a name, [a-z] and [^a-z]
 * are classes, a backslash takes the next character literally, and where GLOB_STAR_STAR is given
 * "**" crosses directories. Source: Go's path/filepath.Match and moby/patternmatcher.
 *
 * Matching never backtracks: time is at most pattern times path. */
#ifndef DOCKERFILE_GLOB_H
#define DOCKERFILE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define GLOB_MAX_BYTES 4096

enum glob_flags {
	GLOB_STAR_STAR = 1,
};

struct glob;

/* -EINVAL: an unclosed or empty class, a backslash at the end, a pattern that is too long. */
int glob_parse(struct arena *arena, const char *pattern, enum glob_flags flags,
	       const struct glob **ret_glob, struct err *err) must_check;
/* The first size_bytes bytes of path, all of them. */
bool glob_matches(const struct glob *glob, const char *path, size_t size_bytes);

/* Is there anything in the pattern but plain characters? */
bool glob_has_wildcards(const char *pattern);
/* How many bytes the pattern begins with that every match begins with. */
size_t glob_literal_prefix(const char *pattern);

#endif
