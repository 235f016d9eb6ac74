/* SPDX-License-Identifier: Apache-2.0 */
/* run, in an environment made by `isolate`. */
#ifndef FLOW_RUN_ENVIRONMENT_H
#define FLOW_RUN_ENVIRONMENT_H

#include "flow/environment.h"
#include "flow/run.h"
#include "sys/ids.h"

/* Read what is in the environment's folder; made again first where the host has changed. */
int run_environment_load(const char *store, const char *path, struct environment *ret_environment,
			 struct err *err) must_check;

/* The root of the box is the environment at `path`. */
int run_use_environment(const struct run_request *request, const char *path, struct box *box,
			struct run_root *root, struct err *err) must_check;

/* Its mounts, after those of the kernel: places to write, a home, files of the host, and the
 * caller's working directory at the same path. */
void run_environment_add_mounts(const struct run_request *request, const struct user *user,
				const struct run_root *root, struct box *box);
/* Where a run begins when nobody says: the caller's working directory, if it is seen inside. */
const char *run_environment_cwd(const struct run_request *request, struct box *box);
/* Those of the host's variables that do no harm; what is left out and would matter is told. */
void run_environment_add_variables(struct run_root *root, struct box *box);

/* Once the box is complete, for an engine with mounts: where the root has all mount points, it need
 * not be stacked under memory that takes them. */
void run_environment_use_directory(const struct run_root *root, struct box *box);

/* For an engine without mounts, or a host without overlayfs: a copy of the files, made once. */
int run_environment_use_copy(struct run_root *root, struct box *box, struct err *err) must_check;

#endif
