/* SPDX-License-Identifier: Apache-2.0 */
/* The build checks as a part of a build. A Dockerfile that makes a finding an error is checked
 * before anything is built; any other one afterwards, when its base images are there. */
#ifndef FLOW_BUILD_LINT_H
#define FLOW_BUILD_LINT_H

#include "flow/build_state.h"

/* See build_check: with the images of the store. */
int build_lint(struct build *build, const struct plan_options *options,
	       struct build_findings *ret_findings, struct err *err) must_check;

/* See build_describe. */
int build_describe_plan(struct build *build, const struct plan_options *options,
			struct build_description *ret_description, struct err *err) must_check;

/* Before the stages are built: -EINVAL for a finding that is an error; base images are fetched to
 * know. -EINVAL also for a `# check=` that makes no sense. */
int build_lint_first(struct build *build, struct err *err) must_check;
/* When the stages are built, or one of them failed: tell what was found. */
void build_lint_last(struct build *build);

#endif
