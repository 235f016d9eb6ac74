/* SPDX-License-Identifier: Apache-2.0 */
/* run, in a squashfs file that is mounted and not unpacked. */
#ifndef FLOW_RUN_SQUASH_H
#define FLOW_RUN_SQUASH_H

#include "flow/run.h"

bool run_is_squashfs(const char *path);

/* Fill in the root of the box: the file mounted by a process that all runs of it share, whose mount
 * namespace this process enters. What cannot be had so is -EOPNOTSUPP, and err says why: the file
 * can still be unpacked. */
int run_mount_squashfs(const struct run_request *request, const char *path, struct box *box,
		       struct run_root *root, struct err *err) must_check;

#endif
