/* SPDX-License-Identifier: Apache-2.0 */
/* Between build_copy.c and build_copy_parents.c: adding what is below a path to an operand. */
#ifndef FLOW_BUILD_COPY_WALK_H
#define FLOW_BUILD_COPY_WALK_H

#include "flow/build_copy.h"

struct walk {
	const struct copy_tree *tree;
	const struct ignore *exclude;
	struct copy_list *list;
	struct copy_operand *operand;
	size_t suffix_at; /* in the path of an entry below the operand */
};

struct copy_operand *copy_new_operand(struct copy_list *list, const struct copy_tree *tree,
				      const char *name);
void copy_drop_operand(struct copy_list *list); /* the last one */

/* The entry at a resolved path, and all below it that is not left out. Nothing there, or all left
 * out: nothing is added. */
int copy_walk(struct walk *walk, const char *path, struct err *err) must_check;
/* The directory alone, whatever leaves it out. */
int copy_walk_directory(struct walk *walk, const char *path, struct err *err) must_check;

/* The hint for a name that is not there. */
void copy_explain_missing(const struct copy_tree *tree, const char *pattern, struct arena *arena,
			  struct err *err);

const char *copy_join(struct arena *arena, const char *directory, const char *name);

#endif
