/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount=type=cache: directories that outlive builds, as objects of the store:
 *
 *     cache/mounts/NAME/tree    what the build sees
 *     cache/mounts/NAME/id      the id, for listings
 *     cache/mounts/NAME/lock    flock(2): shared, or exclusive for sharing=locked and private;
 *                               its time of modification is that of the last use
 *
 * NAME is the SHA-256 of the id, then -1, -2 ... for further copies of a private one. */
#ifndef FLOW_BUILD_CACHE_MOUNT_H
#define FLOW_BUILD_CACHE_MOUNT_H

#include "flow/build_work.h"

#define CACHE_MOUNT_FOLDER "cache/mounts"

/* The directory for this mount, made and filled from its `from` when it is new. The lock is held
 * until the step is done. *ret_path is in the step's arena. */
int cache_mount_open(struct work *work, const struct step_mount *mount, const char **ret_path,
		     struct err *err) must_check;

/* Hold the mount NAME alone, or with others; 1 and a lock that ends when *ret_fd is closed, 0 when
 * a build has it and `wait` is false. Its directory is made when there is none. */
enum cache_mount_hold { CACHE_MOUNT_SHARED, CACHE_MOUNT_ALONE };
int cache_mount_hold(const struct store *store, const char *name, enum cache_mount_hold how,
		     bool wait, int *ret_fd, struct err *err) must_check;
/* The NAME of an id. */
const char *cache_mount_name(struct arena *arena, const char *id, unsigned number);
/* 1: gone, or never there; 0: a build has it. */
int cache_mount_remove(const struct store *store, const char *name, struct err *err) must_check;

#endif
