/* SPDX-License-Identifier: Apache-2.0 */
/* ADD's habit of unpacking archives. */
#ifndef FLOW_BUILD_UNPACK_H
#define FLOW_BUILD_UNPACK_H

#include <stdbool.h>

#include "flow/copy_meta.h"
#include "rootfs/place.h"

/* Is this file a tar archive, compressed or not? Looks at its content; the offset stays. */
bool build_is_archive(int fd);

/* Unpack it below `directory` (resolved). Owners and modes are the archive's unless meta says
 * otherwise. Entries that lead out of the directory are -EINVAL. */
int build_unpack(int fd, const char *directory, const struct copy_meta *meta, struct place *place,
		 struct err *err) must_check;

#endif
