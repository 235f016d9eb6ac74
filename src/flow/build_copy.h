/* SPDX-License-Identifier: Apache-2.0 */
/* COPY and ADD of local files: which entries of a source tree a step takes, what they add to the
 * step's cache key, and placing them. */
#ifndef FLOW_BUILD_COPY_H
#define FLOW_BUILD_COPY_H

#include "base/map.h"
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
	bool only_leads; /* a directory that --parents keeps for what was matched in it */
};

/* One operand after its wildcards were matched. */
struct copy_operand {
	const struct copy_tree *tree; /* where it comes from; borrowed */
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

/* Add what the operand `pattern` (as written, expanded) stands for. What `exclude` (may be NULL)
 * matches, as seen from the operand, is left out; of what wildcards match, the name as well.
 * -ENOENT when it is nothing, with the nearest names, or the pattern of .dockerignore, as the
 * hint; wildcards may match nothing. The tree must live as long as the list. */
int copy_collect(const struct copy_tree *tree, const char *pattern, const struct ignore *exclude,
		 struct copy_list *list, struct err *err) must_check;
/* --parents: what `pattern` matches below the directory `base` keeps the directories that lead to
 * it. "**" stands for any number of directories, symlinks are not followed; `exclude` is seen from
 * `base`, which may have wildcards too. */
int copy_collect_parents(const struct copy_tree *tree, const char *base, const char *pattern,
			 const struct ignore *exclude, struct copy_list *list,
			 struct err *err) must_check;

/* Find the digests of all files; those not known yet are read, on all processors. */
int copy_hash(struct copy_list *list, struct err *err) must_check;

/* After copy_hash. Names of one file within an operand stay names of one file. The first of them;
 * NULL for that one itself, and for a file that has no other name. `files` is of the operand, empty
 * at first. */
const struct copy_entry *copy_first_name(struct map *files, struct copy_entry *entry);

/* After copy_hash. Every path, type, mode, owner, link and content goes into the key. */
void copy_key(const struct copy_list *list, struct build_key *key);

/* Is the file, open at fd, what its digest says? Cheap where its times tell. */
bool copy_is_same(const struct copy_tree *tree, const struct copy_entry *entry, int fd);

struct copy_target {
	struct place *place; /* where it goes */
	const char *path;    /* there; absolute */
	bool into;	     /* it is a directory; without, it is one when one is there */
	struct copy_meta meta;
};

/* The resolved path of a single file `name`: in the target, or the target itself. */
int copy_file_path(const struct copy_target *target, struct arena *arena, const char *name,
		   const char **ret_path, struct err *err) must_check;
/* A file that is no part of a tree: below the target when it is an archive and meta.unpack says so.
 * fd is at its beginning. */
int copy_place_file(const struct copy_target *target, struct arena *arena, const char *name, int fd,
		    const struct place_meta *meta, struct err *err) must_check;

int copy_place(const struct copy_target *target, struct copy_list *list,
	       struct err *err) must_check;

#endif
