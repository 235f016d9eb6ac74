/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked of a Dockerfile without building it: its targets, and what one of them takes
 * from whoever builds it. Descriptions are comments right above an instruction that begin with the
 * name they describe ("# build compiles the program" above FROM ... AS build). Source: BuildKit's
 * subrequests frontend.targets and frontend.outline. */
#ifndef DOCKERFILE_OUTLINE_H
#define DOCKERFILE_OUTLINE_H

#include "dockerfile/eval.h"
#include "dockerfile/plan.h"

struct outline_target {
	const char *name;	 /* NULL: it has none */
	const char *description; /* or NULL */
	const char *base;	 /* as written */
	const char *platform;	 /* as written, or NULL */
	bool is_default;
	struct mark at;
};

struct outline_item {
	const char *name;	 /* of an ARG; id of a secret, an ssh agent, a cache mount */
	const char *value;	 /* of an ARG: what it would be; NULL: none */
	const char *description; /* of an ARG; or NULL */
	bool is_required;	 /* secret, ssh */
	struct mark at;
};

struct outline_items { /* each name once, by place */
	struct outline_item *item;
	size_t count;
};

struct outline {
	const char *name; /* of the target, or NULL */
	const char *description;
	struct outline_items args;
	struct outline_items secrets;
	struct outline_items ssh;
	struct outline_items caches;
};

/* All stages, in order; *ret_count is at least 1. */
void outline_targets(struct arena *arena, const struct plan *plan,
		     struct outline_target **ret_targets, size_t *ret_count);

/* What the plan's target and the stages it needs take. `base_config` and `data` as in lint.h: the
 * config of an image, whose variables may be part of what is asked; where it is not at hand, what
 * depends on it is left out. -EINVAL when the Dockerfile would not build; ret_fault says where. */
int outline_make(struct arena *arena, const struct plan *plan,
		 int (*base_config)(void *data, const struct stage *stage,
				    struct config *ret_config),
		 void *data, struct outline *ret_outline, struct fault *ret_fault,
		 struct err *err) must_check;

#endif
