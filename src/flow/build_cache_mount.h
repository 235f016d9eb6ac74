/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount=type=cache: see store/cache_mount.h. */
#ifndef FLOW_BUILD_CACHE_MOUNT_H
#define FLOW_BUILD_CACHE_MOUNT_H

#include "flow/build_work.h"
#include "store/cache_mount.h"

/* The directory for this mount, made and filled from its `from` when it is new. The lock is held
 * until the step is done. *ret_path is in the step's arena. */
int cache_mount_open(struct work *work, const struct step_mount *mount, const char **ret_path,
		     struct err *err) must_check;

/* The NAME of an id. */
const char *cache_mount_name(struct arena *arena, const char *id, unsigned number);
/* 1: gone, or never there; 0: a build has it. */
int cache_mount_remove(const struct store *store, const char *name, struct err *err) must_check;

#endif
