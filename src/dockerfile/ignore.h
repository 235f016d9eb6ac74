/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of a build context are left out: .dockerignore, COPY --exclude.
 *
 * Patterns are asked in order and the last one that matches a path or one of its parent directories
 * decides; '!' before a pattern lets in again. "**" stands for any number of directories. Results
 * are those of moby/patternmatcher. Source: docs.docker.com/build/concepts/context, "Syntax". */
#ifndef DOCKERFILE_IGNORE_H
#define DOCKERFILE_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "dockerfile/source.h"

#define IGNORE_PATTERNS_MAX 10000

struct ignore_pattern;

struct ignore {
	struct arena *arena;
	struct ignore_pattern *pattern;
	size_t count;
	bool has_exceptions;
};

/* Read a .dockerignore file: a pattern a line, '#' in the first column starts a comment. `name` is
 * for errors, `fault` (may be NULL) gets their place. */
int ignore_parse(struct arena *arena, const struct source *source, struct ignore *ret_ignore,
		 struct fault *fault, struct err *err) must_check;
/* Add one pattern, '!' and all; a blank one is nothing. ignore->arena must be set. */
int ignore_add(struct ignore *ignore, const char *pattern, struct err *err) must_check;

/* Is the path (relative, slashes) left out? Looks at all its parents: for single questions. */
bool ignore_matches(const struct ignore *ignore, const char *path);
/* The pattern that leaves it out; NULL when none does. */
const char *ignore_reason(const struct ignore *ignore, const char *path);

/* Walking a tree from the top down, each directory's answers serve what is in it.
 *
 *	struct ignore_dir top = { 0 };
 *	verdict = ignore_check(ignore, &top, "src", &dir);	// a directory
 *	if (!verdict.ignored || verdict.descend) { ... ignore_check(ignore, &dir, "src/a.c", NULL)
 *	ignore_dir_done(&dir);
 *
 * An ignored directory must still be entered when `descend`: something in it may be let in again,
 * and then the directory itself is part of the context after all. */
struct ignore_dir {
	bool *matched; /* for each pattern; NULL: the top, no parent matched anything */
};

struct ignore_verdict {
	bool ignored;
	bool descend; /* only for an ignored directory */
};

/* `parent` is that of the directory that holds `path`; ret_dir (to be freed with ignore_dir_done)
 * is NULL for anything but a directory. */
struct ignore_verdict ignore_check(const struct ignore *ignore, const struct ignore_dir *parent,
				   const char *path, struct ignore_dir *ret_dir);
void ignore_dir_done(struct ignore_dir *dir);

#endif
