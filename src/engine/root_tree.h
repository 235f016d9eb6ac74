/* SPDX-License-Identifier: Apache-2.0 */
/* The box's root as a mount, with everything the box mounts in it. For engines with a mount
 * namespace of their own; runs in the child and allocates nothing. */
#ifndef ENGINE_ROOT_TREE_H
#define ENGINE_ROOT_TREE_H

#include "engine/engine.h"

struct root_plan {
	const struct box *box;
	struct engine_made *made; /* may be NULL */
};

/* By the caller, before the fork: is it possible at all? */
int root_tree_plan(const struct engine_job *job, struct root_plan *ret_plan,
		   struct err *err) must_check;

/* Mount everything and make it this process's root. The host's tree is still over it: mount_uncover
 * is next, or spawn_plan.is_covered. */
int root_tree_enter(const struct root_plan *plan, struct err *err) must_check;

#endif
