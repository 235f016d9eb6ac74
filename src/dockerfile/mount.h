/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount=type=...,key=value,...: as far as it can be read without variables. */
#ifndef DOCKERFILE_MOUNT_H
#define DOCKERFILE_MOUNT_H

#include "base/arena.h"
#include "base/err.h"

/* The value of from= in one --mount; NULL when there is none or it has no meaning (tmpfs). A
 * variable in it is -EINVAL: which stages a build needs is decided before any has a value. */
int mount_from(struct arena *arena, const char *text, const char **ret_from,
	       struct err *err) must_check;

#endif
