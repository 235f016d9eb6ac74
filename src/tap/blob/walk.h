/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as somebody who is not root walks them. To the kernel every process is the user who started
 * the session and owns all files; what another may do goes by the owners and modes that are shown.
 * Only processes without root's capabilities pay for it. */
#ifndef TAP_BLOB_WALK_H
#define TAP_BLOB_WALK_H

#include "tap/blob/files.h"

#define MAY_EXECUTE 1u
#define MAY_WRITE   2u
#define MAY_READ    4u

/* Who asks: by his file system ids, or for access(2) by his real ones. */
struct asker {
	const struct creds *creds; /* for the groups */
	uint32_t uid, gid;
	uint64_t caps;
};

struct asker asker_effective(void);
struct asker asker_real(void);
bool asker_can(const struct asker *asker, unsigned capability);

struct node {
	struct shown shown;
	struct lie_row *row;
	uint64_t device;
	uint64_t inode;
	bool is_kernels; /* found through a link of /proc: nobody's but the kernel's to judge */
};

/* Where a path leads. What is not known, because the path is bad, the kernel will say. */
struct walk {
	bool has_parent;
	bool exists;
	bool ends_in_slash;
	bool ends_in_dots;  /* the last component is "." or ".." */
	struct node parent; /* the directory of the last component */
	struct node file;
};

/* -EACCES: a directory on the way may not be searched. `name->path` is the program's. */
long walk_path(const struct asker *asker, const struct where *name, struct walk *ret_walk);
/* access(2)'s three bits. */
bool node_allows(const struct asker *asker, const struct node *node, unsigned wanted);

/* Is it in /proc, /sys, a terminal, a pipe? No owner we show there is one it was given: the kernel
 * decides alone. Asked before somebody is refused. */
bool walk_is_kernels(const struct where *name);

#endif
