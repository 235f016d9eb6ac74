/* SPDX-License-Identifier: Apache-2.0 */
/* COPY and ADD of local files: which entries of a source tree a step takes, what they add to the
 * step's cache key, and placing them. */
#ifndef FLOW_BUILD_COPY_H
#define FLOW_BUILD_COPY_H

#include "dockerfile/ignore.h"
#include "flow/build_files.h"
#include "flow/build_key.h"
#include "flow/copy_meta.h"
#include "rootfs/place.h"

/* Where files come from: the context directory, or another stage's or image's root. */
struct copy_tree {
	const struct view *view;
	const struct ignore *ignore; /* NULL: nothing is left out */
	struct build_files *files;   /* digests known from before; NULL: read every time */
};

struct copy_entry {
	const char *path;   /* in the source, resolved */
	const char *suffix; /* below the destination; "" for the operand itself */
	struct view_entry entry;
	const char *link; /* of a symlink */
};

/* One operand after its wildcards were matched. */
struct copy_operand {
	const char *name; /* its last component: the name it gets in a destination directory */
	struct copy_entry *entry;
	size_t count;
	size_t room;
};

struct copy_list {
	struct arena *arena;
	struct copy_operand *operand;
	size_t count;
	size_t room;
};
void copy_list_done(struct copy_list *list);

/* Add what the operand `pattern` (as written, expanded) stands for. -ENOENT when it is nothing;
 * *ret_wildcard tells whether it was a pattern. */
int copy_collect(const struct copy_tree *tree, const char *pattern, const struct ignore *exclude,
		 struct copy_list *list, struct err *err) must_check;

/* Every path, type, mode, owner, link and content goes into the key. */
int copy_key(const struct copy_tree *tree, const struct copy_list *list, struct build_key *key,
	     struct err *err) must_check;

/* `destination` is absolute; it is a directory when `into`, or when one is there. Directories made
 * for it get the time `now`. */
int copy_place(const struct copy_tree *tree, const struct copy_list *list, const char *destination,
	       bool into, const struct copy_meta *meta, struct place *place,
	       struct err *err) must_check;

#endif
