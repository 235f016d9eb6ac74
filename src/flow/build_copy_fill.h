/* SPDX-License-Identifier: Apache-2.0 */
/* COPY of many files: one thread gives them their places, others their contents meanwhile. */
#ifndef FLOW_BUILD_COPY_FILL_H
#define FLOW_BUILD_COPY_FILL_H

#include "flow/build_copy.h"

struct copy_filler;

struct copy_file {
	const struct copy_tree *tree;
	const struct copy_entry *entry;
	struct place_file to; /* of place_create */
};

/* Threads are started when the first files come. */
struct copy_filler *copy_filler_new(void);

/* The file `entry` of the tree becomes the content of file->to, whose fd is taken over, also on
 * failure. Tree and entry must stay until copy_filler_end. An error may be that of a file given
 * before. */
int copy_filler_add(struct copy_filler *filler, const struct copy_file *file,
		    struct err *err) must_check;

/* Wait for all of them and free it. *changed becomes true when a file was not what its digest says.
 * The first failure is the result. */
int copy_filler_end(struct copy_filler *filler, bool *changed, struct err *err) must_check;

#endif
