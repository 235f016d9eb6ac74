/* SPDX-License-Identifier: Apache-2.0 */
/* The shell patterns of ${v#p} ${v%p} ${v/p/r}: '*' is any text, '?' one character, both within a
 * line; a backslash takes *, ? or \ literally (before } and / it is dropped). No bracket
 * expressions. Source: Dockerfile reference, "Environment replacement".
 *
 * Matching never backtracks: time is at most pattern times text. */
#ifndef DOCKERFILE_PATTERN_H
#define DOCKERFILE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define PATTERN_RESULT_MAX_BYTES ((size_t)1 << 20)

struct pattern;

/* -EINVAL for a backslash before anything else. */
int pattern_parse(struct arena *arena, const char *text, const struct pattern **ret_pattern,
		  struct err *err) must_check;

/* What is left of text without its shortest or longest matching beginning or end. */
const char *pattern_trim_prefix(struct arena *arena, const struct pattern *pattern,
				const char *text, bool longest);
const char *pattern_trim_suffix(struct arena *arena, const struct pattern *pattern,
				const char *text, bool longest);

/* Add text with the first or every match (leftmost, longest) replaced. Stops soon after
 * PATTERN_RESULT_MAX_BYTES were added: the caller must look at the size. */
void pattern_replace(const struct pattern *pattern, const char *text, const char *replacement,
		     bool every, struct buf *buf);

#endif
