/* SPDX-License-Identifier: Apache-2.0 */
/* One directory's content added to another's, as `build --output DIR` needs it. */
#ifndef FLOW_MERGE_INTO_H
#define FLOW_MERGE_INTO_H

#include "base/err.h"

/* Move all that is in from_fd into to_fd, on the same file system. Directories that are there keep
 * what they hold, and their modes; files, links and the like are replaced one by one, each at once.
 * -EEXIST, and nothing was moved: a directory would have to take the place of something else, or
 * the other way round. No symbolic link is followed. */
int merge_into(int from_fd, int to_fd, struct err *err) must_check;

#endif
