/* SPDX-License-Identifier: Apache-2.0 */
/* Between the table of lies, which knows files by identity and lives as long as a mount does, and
 * owner records, which know them by path and live with a layer (store/owners.h). */
#ifndef ROOTEMU_OWNED_H
#define ROOTEMU_OWNED_H

#include "base/arena.h"
#include "base/map.h"
#include "rootemu/lies.h"
#include "store/owners.h"

/* Enter what a layer's record says, for the files that `root_fd` (the root as the session will see
 * it, an overlay or a copy) really shows from that layer: `layer_fd` is the layer's own directory,
 * and a file counts when inode (but for directories) and birth time are the same in both; -1: all
 * count. Call it lowest layer first. Whiteouts and paths that are not there are passed over.
 * Allocates nothing: legal in a child after clone, once the root is mounted. */
int owned_seed(struct lies *lies, int root_fd, int layer_fd, const struct owners *owners,
	       struct err *err) must_check;

/* The same where `root_fd` shows only what is at `below` in the layer, a directory or a file; "" is
 * all of it. */
int owned_seed_below(struct lies *lies, int root_fd, int layer_fd, const char *below,
		     const struct owners *owners, struct err *err) must_check;
/* Enter what one record says, whatever the root shows there. A path that is not there is passed
 * over. Allocates nothing. */
int owned_seed_one(struct lies *lies, int root_fd, const struct owner *owner,
		   struct err *err) must_check;
/* Enter that this one file belongs to somebody. Allocates nothing. */
int owned_give(struct lies *lies, int fd, uint32_t uid, uint32_t gid, struct err *err) must_check;

/* What the table knows about a file. */
struct emulated {
	uint32_t uid;
	uint32_t gid;
	uint32_t mode_mask; /* shown mode = (mode on disk & ~mode_mask) | mode_bits */
	uint32_t mode_bits;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	struct xattr *xattrs; /* sorted by name */
	size_t xattr_count;
};

/* The other way, in two halves, for files are known by their identity only where the session saw
 * them. First: every file below `root_fd` of which the table says something, also when it says
 * "root's", goes into the report, a file. With names_fd (an overlay's upper directory) only names
 * found there are looked at, which is enough to know what a step changed; -1: all. Allocates
 * nothing; what goes wrong is told by owned_read. */
void owned_report(struct lies *lies, int root_fd, int names_fd, int report_fd);
/* Second: path -> struct emulated, both in the arena. */
int owned_read(int report_fd, struct arena *arena, struct map *ret_by_path,
	       struct err *err) must_check;
/* As a record of the files below tree_fd, sorted, texts and attributes those of by_path. Also what
 * is root's is in it, for what is below may say something else; what is not on disk is not. */
void owned_to_owners(int tree_fd, const struct map *by_path, struct arena *arena,
		     struct owners *ret_owners);

#endif
