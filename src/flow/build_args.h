/* SPDX-License-Identifier: Apache-2.0 */
/* Build arguments: what ARG instructions get, and those by which builders are told something.
 *
 *     BUILDKIT_CONTEXT_KEEP_GIT_DIR=1	a repository that is the context keeps its .git
 *     BUILDKIT_INLINE_CACHE=1		as --cache-to type=inline
 *     BUILDKIT_CACHE_MOUNT_NS=NAME	ids of cache mounts are a set of their own
 *     BUILDKIT_MULTI_PLATFORM=1	an index also over one platform's image
 *     BUILDKIT_SANDBOX_HOSTNAME=NAME	the host name in RUN
 *     BUILDKIT_DOCKERFILE_CHECK=...	build_lint.c
 *     SOURCE_DATE_EPOCH=SECONDS	the time that counts as now
 *
 * Source: Dockerfile reference, "BuildKit built-in build args". */
#ifndef FLOW_BUILD_ARGS_H
#define FLOW_BUILD_ARGS_H

#include "flow/build_state.h"

/* Those given, and the time that the caller's environment or --source-date-epoch says. */
void build_args_collect(struct build *build);

/* NULL: it was not given, or is empty. */
const char *build_arg(const struct build *build, const char *name);
/* One that is a truth value; false when it was not given. */
int build_arg_is_set(const struct build *build, const char *name, bool *ret_yes,
		     struct err *err) must_check;

/* Once the context is open and the plan is made: an ARG before the first FROM may say it, too. */
int build_args_choose_epoch(struct build *build, struct err *err) must_check;

#endif
