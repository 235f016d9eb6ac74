/* SPDX-License-Identifier: Apache-2.0 */
/* --chmod of COPY and ADD: an octal number, or changes as chmod(1) takes them ("u=rwX,go-w").
 * Source: chmod(1p); of an octal number the lower twelve bits count, as in BuildKit. */
#ifndef DOCKERFILE_CHMOD_H
#define DOCKERFILE_CHMOD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct chmod_clause;

struct chmod_change {
	bool is_octal;
	uint32_t mode; /* when octal */
	const struct chmod_clause *clause;
	size_t clause_count;
};

int chmod_parse(struct arena *arena, const char *text, struct chmod_change *ret_change,
		struct err *err) must_check;
/* The permission bits (07777) that a file of these permission bits gets. */
uint32_t chmod_apply(const struct chmod_change *change, uint32_t mode, bool is_dir);

#endif
