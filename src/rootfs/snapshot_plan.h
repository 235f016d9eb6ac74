/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass of a snapshot, for snapshot.c. */
#ifndef ROOTFS_SNAPSHOT_PLAN_H
#define ROOTFS_SNAPSHOT_PLAN_H

#include "rootfs/snapshot.h"
#include "rootfs/tree.h"

/* Fill `tree` with what changed and remove the rest from the disk; or leave it there, with
 * request->keeps, as it is below. */
int snapshot_plan(const struct snapshot_request *request, int upper_fd, struct tree *tree,
		  struct err *err) must_check;

#endif
