/* SPDX-License-Identifier: Apache-2.0 */
/* A reader for TOML 1.0, the language of containers' registries.conf.
 *
 * Debian has no C library for TOML, hence this one. Everything is read and checked: tables, arrays
 * of tables, dotted keys, inline tables, the four kinds of strings, integers, booleans. Fractions
 * and dates are kept as written (TOML_OTHER): no reader here computes with them.
 * Source: toml.io/en/v1.0.0. */
#ifndef CODEC_TOML_H
#define CODEC_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define TOML_DEPTH_MAX 32 /* nested arrays and inline tables; parts of a dotted key */

enum toml_kind { TOML_TABLE, TOML_ARRAY, TOML_STRING, TOML_INTEGER, TOML_BOOL, TOML_OTHER };

/* A node; owned by the arena. Members of a table and of an array keep the order of the file. */
struct toml {
	enum toml_kind kind;
	unsigned line;		   /* where it began, from 1 */
	const char *key;	   /* name within its table; NULL within an array */
	const char *text;	   /* TOML_STRING (no NUL inside), TOML_OTHER */
	int64_t integer;	   /* TOML_INTEGER */
	bool truth;		   /* TOML_BOOL */
	struct toml *first, *last; /* TOML_TABLE, TOML_ARRAY */
	struct toml *next;	   /* sibling */
	uint8_t origin;		   /* for the parser: how the table came to be */
};

#define toml_each(parent, variable)                                                     \
	for (const struct toml *variable = (parent) ? (parent)->first : NULL; variable; \
	     variable = variable->next)

/* Parse `text` (size_bytes long, need not end in NUL). Errors begin with "line N: ". */
int toml_parse(struct arena *arena, const char *text, size_t size_bytes,
	       const struct toml **ret_root, struct err *err) must_check;

const struct toml *toml_get(const struct toml *table, const char *key); /* NULL: absent */

/* Typed look-ups: an absent key leaves the output alone and is no error; a value of another kind
 * is -EINVAL naming line and key. */
int toml_get_text(const struct toml *table, const char *key, const char **ret_text,
		  struct err *err) must_check;
int toml_get_bool(const struct toml *table, const char *key, bool *ret_truth,
		  struct err *err) must_check;
/* An array whose members are all of `kind`; *ret_array stays NULL when absent. */
int toml_get_array(const struct toml *table, const char *key, enum toml_kind kind,
		   const struct toml **ret_array, struct err *err) must_check;

#endif
