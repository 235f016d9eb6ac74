/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns what in a cache mount, where owners are the tap's: a record beside the tree, in the
 * format of a layer's (doc/format/store.md), that the next step with the mount begins with. */
#ifndef FLOW_CACHE_OWNERS_H
#define FLOW_CACHE_OWNERS_H

#include "base/arena.h"
#include "store/owners.h"

/* tree_path: cache/mounts/NAME/tree, absolute; the mount is held. No record is an empty one. */
int cache_owners_read(const char *tree_path, struct arena *arena, struct owners *ret_owners,
		      struct err *err) must_check;

/* After a command: what it left (report_fd, see owned_read) becomes the record. Others may share
 * the mount and have written one since `before` was read: what they say of files that this command
 * did not touch stays. */
int cache_owners_write(const char *tree_path, const struct owners *before, int report_fd,
		       struct err *err) must_check;

#endif
