/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate: what a registry wants to see before it answers. Pure.
 * Source: RFC 9110 11.6.1 (grammar), RFC 6750 3 (Bearer), distribution's token specification. */
#ifndef REMOTE_CHALLENGE_H
#define REMOTE_CHALLENGE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define CHALLENGES_MAX 8 /* in one header; more is refused */

/* Text lives in the arena; a parameter that is absent is NULL. */
struct challenge {
	const char *scheme; /* lower case: "bearer", "basic" */
	const char *realm;
	const char *service;
	const char *scope;
	const char *error; /* RFC 6750 3.1: "invalid_token", "insufficient_scope" */
};

/* All challenges of one header's value, in order. -EINVAL: not of the grammar. */
int challenge_parse(struct arena *arena, const char *value,
		    struct challenge ret_list[CHALLENGES_MAX], size_t *ret_count,
		    struct err *err) must_check;

#endif
