/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as a tree of what people write in settings: mappings, lists and scalars, each with its line.
 * The only caller of libyaml, which is loaded at first use (sys/library.h).
 *
 * Refused, for they make a text mean other than it seems to: anchors and aliases, tags, several
 * documents, a key twice, a key that is no scalar. */
#ifndef CODEC_YAML_TREE_H
#define CODEC_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define YAML_DEPTH_MAX 32

enum yaml_kind { YAML_MAPPING, YAML_LIST, YAML_SCALAR };

/* A node; owned by the arena. Members keep the order of the file. */
struct yaml {
	enum yaml_kind kind;
	unsigned line;	   /* where it begins, from 1 */
	unsigned key_line; /* of its key, within a mapping */
	const char *key;   /* NULL within a list */
	const char *text;  /* of a scalar; no NUL inside */
	bool is_plain;	   /* of a scalar: not in quotes, no block */
	struct yaml *first, *last, *next;
};

#define yaml_each(parent, variable)                                                     \
	for (const struct yaml *variable = (parent) ? (parent)->first : NULL; variable; \
	     variable = variable->next)

/* Parse `text`. *ret_root is NULL for a document without content. Errors begin "NAME:LINE: ". */
int yaml_parse(struct arena *arena, const char *name, const char *text, size_t size_bytes,
	       const struct yaml **ret_root, struct err *err) must_check;

/* Is it a plain true or false? Those of YAML 1.1 (yes, on ..) are not. */
bool yaml_is_bool(const struct yaml *node, bool *ret_value);
/* Plain nothing: "key:" with no value, ~ or null. */
bool yaml_is_null(const struct yaml *node);

#endif
