/* SPDX-License-Identifier: Apache-2.0 */
/* Writing an environment's layer: its directories, made when something goes into them, and what can
 * be in one. Messages name the path inside. */
#ifndef FLOW_ISOLATE_PLACE_H
#define FLOW_ISOLATE_PLACE_H

#include <limits.h>

#include "policy/visible.h"

struct isolate_place {
	struct isolate_place *above; /* NULL: fd is open */
	const char *path;	     /* inside */
	mode_t mode;
	int fd; /* -1: not made so far */
};

/* Its fd, borrowed; -errno. */
int isolate_place_open(struct isolate_place *place, struct err *err) must_check;
/* Modes last: a directory that nobody may write to takes no entries from its owner either. err may
 * be NULL. */
int isolate_place_close(struct isolate_place *place, struct err *err);

int isolate_place_file(struct isolate_place *in, const struct visible_item *item, const void *bytes,
		       size_t size_bytes, struct err *err) must_check;
int isolate_place_link(struct isolate_place *in, const char *path, const char *target,
		       struct err *err) must_check;
/* The same link as the item's, which is one of the host below root_fd. */
int isolate_place_host_link(struct isolate_place *in, int root_fd, const struct visible_item *item,
			    struct err *err) must_check;

/* Whiteouts are names of few inodes: inodes are counted where there are quotas. */
struct isolate_whiteouts {
	int fd;			 /* directory of the last one made; -1: none */
	char name[NAME_MAX + 1]; /* its name */
	unsigned links;
};
/* -EOPNOTSUPP: the file system takes none. */
int isolate_place_whiteout(struct isolate_place *in, struct isolate_whiteouts *whiteouts,
			   const char *name, struct err *err) must_check;

/* The last component. */
const char *isolate_name_of(const char *path);

#endif
