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
	bool is_constant;	     /* layers: nobody ever writes there */
};

struct copy_entry {
	const char *path;   /* in the source, resolved */
	const char *suffix; /* below the destination; "" for the operand itself */
	struct view_entry entry;
	const char *link; /* of a symlink */
	char hex[SHA256_HEX_LENGTH +
		 1];	 /* of a regular file's content, once copy_hash was called */
	bool is_settled; /* hex holds as long as entry.st does */
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
	/* A file was placed that is not what its digest says: somebody writes into the context. The
	 * result is not to be cached. */
	bool has_changed;
};
void copy_list_done(struct copy_list *list);

/* Add what the operand `pattern` (as written, expanded) stands for. -ENOENT when it is nothing;
 * *ret_wildcard tells whether it was a pattern. */
int copy_collect(const struct copy_tree *tree, const char *pattern, const struct ignore *exclude,
		 struct copy_list *list, struct err *err) must_check;

/* Find the digests of all files; those not known yet are read, on all processors. */
int copy_hash(const struct copy_tree *tree, struct copy_list *list, struct err *err) must_check;

/* After copy_hash. Every path, type, mode, owner, link and content goes into the key. */
void copy_key(const struct copy_list *list, struct build_key *key);

/* Is the file, open at fd, what its digest says? Cheap where its times tell. */
bool copy_is_same(const struct copy_tree *tree, const struct copy_entry *entry, int fd);

struct copy_target {
	const struct copy_tree *tree; /* where it comes from */
	struct place *place;	      /* where it goes */
	const char *path;	      /* there; absolute */
	bool into; /* it is a directory; without, it is one when one is there or more than one
		    * operand goes there */
	struct copy_meta meta;
};

int copy_place(const struct copy_target *target, struct copy_list *list,
	       struct err *err) must_check;

#endif
