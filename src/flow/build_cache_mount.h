/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount=type=cache: directories that outlive builds, as objects of the store:
 *
 *     cache/mounts/KEY/tree    what the build sees
 *     cache/mounts/KEY/id      the id, for listings
 *     cache/mounts/KEY/lock    flock(2): shared, or exclusive for sharing=locked and private
 */
#ifndef FLOW_BUILD_CACHE_MOUNT_H
#define FLOW_BUILD_CACHE_MOUNT_H

#include "flow/build_work.h"

/* The directory for this mount, made and filled from its `from` when it is new. The lock is held
 * until the step is done. *ret_path is in the step's arena. */
int cache_mount_open(struct work *work, const struct step_mount *mount, const char **ret_path,
		     struct err *err) must_check;

#endif
