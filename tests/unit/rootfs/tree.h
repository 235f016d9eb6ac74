/* SPDX-License-Identifier: Apache-2.0 */
/* Layers for tests, written as lines: "d usr" a directory, "f usr/a text" a file, "l b target" a
 * symlink, "h c usr/a" a hard link, "w usr/x" a whiteout, "o usr" an opaque directory. */
#ifndef UNIT_ROOTFS_TREE_H
#define UNIT_ROOTFS_TREE_H

#include "rootfs/view.h"
#include "store/store.h"

enum tree_marks {
	TREE_ON_DISK,	/* a plain directory with overlayfs' own marks */
	TREE_IN_RECORD, /* a layer of the store on a file system that cannot hold marks */
	TREE_BOTH,	/* a layer of the store that overlayfs can mount */
};

struct tree {
	char folder[64];
	struct store store;
	struct view view;
	enum tree_marks marks;
	unsigned layers;
};

int tree_init(struct tree *tree, enum tree_marks marks);
int tree_done(struct tree *tree);

/* Put a layer of these lines (NULL at the end) on top of tree->view. */
void tree_push(struct tree *tree, const char *const *lines);
#define LAYER(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
