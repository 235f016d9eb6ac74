/* SPDX-License-Identifier: Apache-2.0 */
/* Between the table of lies, which knows files by identity and lives as long as a mount does, and
 * owner records, which know them by path and live with a layer (store/owners.h). */
#ifndef ROOTEMU_OWNED_H
#define ROOTEMU_OWNED_H

#include "base/arena.h"
#include "rootemu/lies.h"
#include "store/owners.h"

/* Enter what a layer's record says, for the files that `root_fd` (the root as the session will see
 * it, an overlay or a copy) really shows from that layer: `layer_fd` is the layer's own directory,
 * and a file counts when inode (but for directories) and birth time are the same in both; -1: all
 * count. Call it lowest layer first. Whiteouts and paths that are not there are passed over.
 * Allocates nothing: legal in a child after clone, once the root is mounted. */
int owned_seed(struct lies *lies, int root_fd, int layer_fd, const struct owners *owners,
	       struct err *err) must_check;

/* The other way: a record of every file below `root_fd` of which the table says something, also
 * when it says "root's". With names_fd (an overlay's upper directory) only names found there are
 * looked at, which is enough to know what a step changed; -1: all. Texts and the array are in the
 * arena, sorted by path. */
int owned_collect(struct lies *lies, int root_fd, int names_fd, struct arena *arena,
		  struct owners *ret_owners, struct err *err) must_check;

#endif
