/* SPDX-License-Identifier: Apache-2.0 */
/* The build context: a directory seen without what .dockerignore leaves out. */
#ifndef FLOW_BUILD_CONTEXT_H
#define FLOW_BUILD_CONTEXT_H

#include "dockerfile/ignore.h"
#include "flow/build_files.h"
#include "rootfs/view.h"

struct build_context {
	struct arena arena;
	struct view view;
	struct ignore ignore;
	struct build_files files;
	const char *path; /* absolute */
};

/* `dockerfile_path` is where the Dockerfile was read from: PATH.dockerignore beside it wins over
 * .dockerignore in the context. NULL for a context without one. */
int build_context_open(struct build_context *context, const struct store *store, const char *path,
		       const char *dockerfile_path, struct err *err) must_check;
void build_context_close(struct build_context *context);

#endif
