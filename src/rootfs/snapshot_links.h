/* SPDX-License-Identifier: Apache-2.0 */
/* Files with several names in a complete copy of merged layers. */
#ifndef ROOTFS_SNAPSHOT_LINKS_H
#define ROOTFS_SNAPSHOT_LINKS_H

#include <sys/stat.h>

#include "base/map.h"
#include "rootfs/view.h"

struct file_key {
	char text[40];
};

/* "dev:ino" of a file on disk: key->text. */
const char *file_key(const struct stat *st, struct file_key *key);

/* Those below copy_fd that were given a name which the layers do not have: their keys become
 * keys of `renamed`. Directories that cannot be read are passed over. */
int snapshot_find_renamed(const struct view *lower, int copy_fd, struct map *renamed,
			  struct err *err) must_check;

#endif
