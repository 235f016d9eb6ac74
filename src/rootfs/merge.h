/* SPDX-License-Identifier: Apache-2.0 */
/* Stacked layers as one real directory, for hosts and engines without overlayfs. */
#ifndef ROOTFS_MERGE_H
#define ROOTFS_MERGE_H

#include "base/buf.h"
#include "image/digest.h"
#include "rootfs/view.h"
#include "store/store.h"

/* A tree that nobody may write to: its files are hard links into the layers,
 * or copies where those are of additional stores. Made once per chain of
 * diff ids (lowest first) and kept in cache/roots/; the path is appended. Two processes that make
 * the same one at once are harmless. */
int merge_read_only(const struct store *store, const struct digest *diff_ids, size_t count,
		    struct buf *path, struct err *err) must_check;

/* A private tree to write to, at a new name from store_work_name: shared blocks where the file
 * system can, else copies. It goes away with store_done, or earlier by remove_tree. */
int merge_private(const struct store *store, const struct digest *diff_ids, size_t count,
		  char ret_work_name[STORE_WORK_NAME_MAX], struct err *err) must_check;

/* What the file `chain` beside a tree of these layers says. */
#define MERGE_CHAIN_BYTES_MAX ((size_t)1024 * 1024)
void merge_print_chain(const struct digest *diff_ids, size_t count, struct buf *chain);

/* Who owns what in such a tree, which is nowhere on disk: the records that show through. */
int merge_owners(const struct view *view, struct arena *arena, struct owners *ret_owners,
		 struct err *err) must_check;

#endif
