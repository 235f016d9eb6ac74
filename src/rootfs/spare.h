/* SPDX-License-Identifier: Apache-2.0 */
/* Private trees of merged layers (merge_private) that are used again. After a run the tree is put
 * back to what the layers say: what the run added goes, what it changed is copied again. Which
 * files those are is told by the time of their last change (st_ctim), which nobody can set. So who
 * runs an image for the second time copies nothing.
 *
 * cache/roots/LAST.own.N holds the Nth tree of a chain whose topmost layer is LAST: `root`, `chain`
 * as beside shared trees (merge.h), and `seen`, what each file was when it was put there. `seen`
 * begins with the id of the machine's boot: nothing was synced, so nothing is trusted after
 * another.
 */
#ifndef ROOTFS_SPARE_H
#define ROOTFS_SPARE_H

#include <stdbool.h>

#include "image/digest.h"
#include "store/store.h"

/* A tree for one user at a name in tmp/: one that is there, or a copy. It goes away with store_done
 * if it is not given back. */
int spare_take(const struct store *store, const struct digest *diff_ids, size_t count,
	       char ret_work_name[STORE_WORK_NAME_MAX], struct err *err) must_check;

/* What was taken, when nobody has anything open there any more. It may also go away: where file
 * systems do not tell all changes, and when there are enough of these. */
void spare_give_back(const struct store *store, const struct digest *diff_ids, size_t count,
		     const char *work_name);

/* Is this, in cache/roots, one of them? Those that are there nobody uses. */
bool spare_is_name(const char *name);

#endif
