/* SPDX-License-Identifier: Apache-2.0 */
/* A merged copy of layers (spare.h) that stays from one build step to the next: what a step
 * has left behind is, once it is a layer of its own, the copy of all layers with the new one on
 * top. So the whole is copied once, and not for each step.
 *
 * What no step has touched need not be compared with the layers byte by byte: the time of its last
 * change (st_ctim), which nobody can set, is the one noted here. */
#ifndef ROOTFS_KEPT_H
#define ROOTFS_KEPT_H

#include "base/arena.h"
#include "base/map.h"
#include "image/digest.h"
#include "rootfs/snapshot.h"
#include "store/store.h"

struct kept {
	char name[STORE_WORK_NAME_MAX]; /* in the store; "": there is none */
	struct digest *diff_id;		/* of the layers that it shows, lowest first */
	size_t count;
	size_t spare_count; /* as it was taken it was a copy of so many of them */
	bool is_used;	    /* by a step that has not ended well, as far as is known */
	struct map seen;    /* path -> struct snapshot_seen, of regular files */
	struct arena arena;
};

void kept_done(struct kept *kept, const struct store *store);

/* See to it that it is a copy of these layers, for a step to run in; another one is thrown away,
 * layers added on top of what there is are put into it. */
int kept_make(struct kept *kept, const struct store *store, const struct digest *diff_ids,
	      size_t count, struct err *err) must_check;
/* The step's changes are this layer now. */
int kept_add(struct kept *kept, const struct store *store, const struct digest *diff_id,
	     struct err *err) must_check;
/* For snapshot_request.seen. */
const struct snapshot_seen *kept_seen(const void *kept, const char *path);

#endif
