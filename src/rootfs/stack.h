/* SPDX-License-Identifier: Apache-2.0 */
/* An image's layers as the root of a box. */
#ifndef ROOTFS_STACK_H
#define ROOTFS_STACK_H

#include "box/box.h"
#include "image/config.h"
#include "rootfs/view.h"
#include "store/store.h"

/* Fill box->root with the unpacked layers of `config`, topmost first, as an overlay whose changes
 * stay in memory. -ENOENT names a layer that is not unpacked here. */
int rootfs_stack(const struct store *store, const struct config *config, struct box *box,
		 struct err *err) must_check;

/* The same layers as a view, for looking into the image before anything is mounted. Owners are
 * known only where a layer is not overlay-ready: reading a whole record takes its time. */
int rootfs_stack_view(const struct store *store, const struct config *config, struct view *view,
		      struct err *err) must_check;

#endif
