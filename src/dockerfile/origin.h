/* SPDX-License-Identifier: Apache-2.0 */
/* Between plan.c and origin.c; everyone else uses plan.h. */
#ifndef DOCKERFILE_ORIGIN_H
#define DOCKERFILE_ORIGIN_H

#include "dockerfile/plan.h"

/* The last stage of that name (any case) before `limit`; stage_count when there is none. */
size_t plan_find_stage(const struct plan *plan, const char *name, size_t limit);
/* The named context that a name means, as it was given; NULL when there is none. */
const char *plan_find_context(const struct plan *plan, const char *name);
/* What a name that is no stage's means. */
struct origin plan_origin_of_name(const struct plan *plan, const char *name);
int plan_check_image(const char *name, struct err *err) must_check;

#endif
