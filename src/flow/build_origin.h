/* SPDX-License-Identifier: Apache-2.0 */
/* Where FROM, COPY --from and RUN --mount from= find things: the context, a stage, an image, or one
 * of --build-context. Each is opened once per build and looked at as a tree. */
#ifndef FLOW_BUILD_ORIGIN_H
#define FLOW_BUILD_ORIGIN_H

#include "dockerfile/step.h"
#include "flow/build_copy.h"
#include "flow/build_state.h"

struct work; /* build_work.h */

/* Understand --build-context; *ret_names are their names for the plan. */
int build_origins_parse(struct build *build, struct strings *ret_names, struct err *err) must_check;
void build_origins_done(struct build *build);

/* The files of an origin; borrowed from the build. Safe from several threads. */
int build_origin_tree(struct built_stage *asking, const struct origin *origin,
		      struct copy_tree *ret_tree, struct err *err) must_check;

/* The same as host directories to be stacked, topmost first, for a bind mount. What .dockerignore
 * leaves out is not there: such a context is copied into the step's work folder first. */
int build_origin_layers(struct work *work, const struct origin *origin, struct strings *layers,
			struct err *err) must_check;

/* The same as one host directory, where nothing can be stacked: a private copy, and who owns what
 * in it (real owners, where the build has those). What is read-only may be the context itself. */
int build_origin_merge(struct work *work, const struct origin *origin, bool read_only,
		       const char **ret_path, struct owners *ret_owners,
		       struct err *err) must_check;

/* Copy what is in the directory `source` of an origin into an empty host directory. */
int build_origin_copy(struct work *work, const struct origin *origin, const char *source,
		      const char *host_path, struct err *err) must_check;

/* The image that a reference, or a named context which is an image, means; borrowed. It is pulled
 * when the store has none, or --pull asks for it. `asking` is who is told. */
int build_origin_image(struct built_stage *asking, const struct origin *origin,
		       const struct platform *platform, const struct image **ret_image,
		       struct err *err) must_check;

/* Is it a named context that has files, but is no image? */
bool build_origin_is_files(const struct build *build, const struct origin *origin);

/* Copy the config of an image of which nothing needs to be fetched: it is in the store, or open
 * already. -ENOENT when that is not so, or when the origin has none. */
int build_origin_config(struct build *build, const struct origin *origin,
			const struct platform *platform, struct config *ret_config) must_check;

#endif
