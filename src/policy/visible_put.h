/* SPDX-License-Identifier: Apache-2.0 */
/* For visible.c and visible_finish.c only. */
#ifndef POLICY_VISIBLE_PUT_H
#define POLICY_VISIBLE_PUT_H

#include <sys/stat.h>

#include "policy/visible.h"

/* The path relative to root_fd. */
static inline const char *visible_below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

/* What the host has at `source` (NULL: at `path`) is shown at `path`, which has no links in it. A
 * directory that is shown already stays as it is: with its content, maybe. */
void visible_put_host(struct visible *visible, const char *path, const char *source,
		      enum visible_kind kind, const struct stat *st);

#endif
