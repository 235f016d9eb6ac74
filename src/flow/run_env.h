/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of a run: the image's, defaults, then what was asked for, in docker's order. */
#ifndef FLOW_RUN_ENV_H
#define FLOW_RUN_ENV_H

#include "flow/run.h"
#include "sys/ids.h"

/* box->env holds the image's variables on entry. */
int run_env_fill(const struct run_request *request, const struct user *user, struct box *box,
		 struct err *err) must_check;

#endif
