/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed Dockerfile -> its stages, what each is made from, and which of them a build needs.
 *
 * A plan is read-only once made: stages may be evaluated in parallel (eval.h). Only what stands
 * before the first FROM, and the build arguments, have a say in FROM lines; everything else waits
 * for the base image. Source: Dockerfile reference, "FROM", "ARG" (scope, predefined and platform
 * arguments), "Multi-stage builds". */
#ifndef DOCKERFILE_PLAN_H
#define DOCKERFILE_PLAN_H

#include <stdbool.h>

#include "base/strings.h"
#include "dockerfile/environment.h"
#include "dockerfile/parse.h"
#include "dockerfile/step.h"
#include "image/descriptor.h"

#define PLAN_STAGES_MAX 4096

struct plan_options {
	const struct strings *build_args; /* NAME=VALUE; may be NULL */
	const struct strings *contexts;	  /* the names of --build-context; may be NULL */
	const char *target;		  /* a stage's name or number; NULL: the last */
	struct platform build_platform;	  /* os and architecture at least */
	struct platform target_platform;
};

struct stage {
	size_t number;
	const char *name; /* lower case; NULL when it has none */
	const struct instruction *from;
	struct origin base;			/* never ORIGIN_CONTEXT */
	struct platform platform;		/* --platform of FROM, or the target's */
	bool has_platform;			/* FROM says so itself */
	bool is_replaced;			/* a named context of its name stands in for it */
	struct instruction *const *instruction; /* those below FROM */
	size_t instruction_count;
	size_t *need; /* stages whose files it uses, each once, in ascending order */
	size_t need_count;
	bool is_needed; /* by the target, directly or not; the target itself is */

	/* for lint: variables used in FROM's image and in its --platform */
	struct names base_matched, base_unmatched;
	struct names platform_matched, platform_unmatched;
};

struct plan {
	struct arena *arena;
	const struct dockerfile *dockerfile;
	struct plan_options options;
	struct environment build_args;
	struct environment globals; /* platform arguments and the ARGs before the first FROM */
	struct stage *stage;
	size_t stage_count;
	size_t target;
	struct texts unused_args; /* build arguments that no ARG declares; worth a warning */
	struct fault fault;
};

/* `plan` refers to the dockerfile and to the texts of the options. On failure -EINVAL, and
 * plan->fault says where. */
int plan_make(struct arena *arena, const struct dockerfile *dockerfile,
	      const struct plan_options *options, struct plan *ret_plan,
	      struct err *err) must_check;

/* What `name` in COPY --from or RUN --mount=from= of a stage means. -EINVAL: a number that is no
 * stage. That the stage comes earlier is checked by plan_make, for triggers by evaluation_begin. */
int plan_origin(const struct plan *plan, size_t stage, const char *name, struct origin *ret_origin,
		struct err *err) must_check;

/* The stages that an instruction takes files from (COPY --from, RUN --mount from=), added to
 * origins; other origins are added too. Checks what can be checked of these flags now. */
struct origins {
	struct origin *item;
	size_t count;
};
int plan_instruction_origins(const struct plan *plan, struct arena *arena, size_t stage,
			     const struct instruction *instruction, struct origins *origins,
			     struct err *err) must_check;

/* The base of a stage if no build arguments were given: what the defaults alone make of it. */
int plan_default_base(const struct plan *plan, struct arena *arena, size_t stage,
		      const char **ret_name, struct err *err) must_check;

/* "build" or "stage-2": how messages call it. */
const char *stage_label(const struct stage *stage, char text[64]);

/* HTTP_PROXY and its kin: build arguments that need no ARG. */
bool is_predefined_argument(const char *name);

#endif
