/* SPDX-License-Identifier: Apache-2.0 */
/* Limits on a command's resources, written as docker's --ulimit. Pure. */
#ifndef BOX_LIMITS_H
#define BOX_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define LIMITS_MAX	16 /* kinds of limits the kernel has */
#define LIMIT_UNLIMITED UINT64_MAX

struct limit {
	int resource; /* RLIMIT_... of setrlimit(2) */
	uint64_t soft;
	uint64_t hard;
};

struct limits {
	struct limit item[LIMITS_MAX]; /* each resource once */
	size_t count;
};

/* Add "NAME=SOFT[:HARD]"; a limit alone is both, -1 and "unlimited" are none; the last one of a
 * name counts. -EINVAL: no such name, no number, or soft above hard. */
int limits_add(struct limits *limits, const char *text, struct err *err) must_check;

/* "nofile", ... of one that limits_add made. */
const char *limit_name(const struct limit *limit);
/* As limits_add reads it. */
void limit_to_text(const struct limit *limit, struct buf *text);

#endif
