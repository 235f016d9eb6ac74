/* SPDX-License-Identifier: Apache-2.0 */
/* What a directory in memory has from the beginning. */
#ifndef ENGINE_SEED_H
#define ENGINE_SEED_H

#include "base/err.h"

/* Makes the directories and symbolic links below the host's directory `source` in to_fd, too. Files
 * are left out: mounts bring those. */
int seed_directory(const char *source, int to_fd, struct err *err) must_check;

/* The link `name` in from_fd made again in to_fd. */
int seed_link(int from_fd, int to_fd, const char *name, struct err *err) must_check;

#endif
