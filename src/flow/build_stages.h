/* SPDX-License-Identifier: Apache-2.0 */
/* The stages a target needs, each in a thread of its own as soon as those it takes files from are
 * done, at most request->jobs at a time. */
#ifndef FLOW_BUILD_STAGES_H
#define FLOW_BUILD_STAGES_H

#include "flow/build_state.h"

/* On failure err and build->excerpt are those of the stage that failed first. */
int build_stages(struct build *build, struct err *err) must_check;
void build_stages_done(struct build *build);

#endif
