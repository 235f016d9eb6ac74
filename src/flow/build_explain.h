/* SPDX-License-Identifier: Apache-2.0 */
/* --why-miss: what is different from the last time, as events. */
#ifndef FLOW_BUILD_EXPLAIN_H
#define FLOW_BUILD_EXPLAIN_H

#include "flow/build_work.h"

/* The step's place among those of its Dockerfile; `label` is room for the stage's name. */
struct trail_step build_trail_step(const struct built_stage *stage, const char *text,
				   const char *key_hex, char label[64]);
/* The step is not in the cache: say why. */
void build_explain(struct work *work, const struct trail_step *step, const struct build_key *key);

#endif
