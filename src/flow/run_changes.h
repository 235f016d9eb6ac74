/* SPDX-License-Identifier: Apache-2.0 */
/* Where the changes of a run are kept: `run --overlay DIR`, and in the store for `run --commit`.
 *
 * The folder holds `upper` (overlayfs's upper directory), `work` while something runs, and
 * `owners`: what root emulation said of the files in upper, in the format of a layer's record
 * (doc/format/store.md), so that the next run and a commit know it. */
#ifndef FLOW_RUN_CHANGES_H
#define FLOW_RUN_CHANGES_H

#include "box/box.h"
#include "engine/emulation.h"
#include "rootfs/view.h"
#include "store/store.h"

#define CHANGES_OWNERS_MAX ((size_t)256 << 20) /* of the record, in bytes */

struct run_changes {
	const char *path;		     /* of the folder; NULL: changes are not kept */
	int dirfd;			     /* of it, locked: one run at a time */
	bool is_new;			     /* the folder was not there before */
	char work_name[STORE_WORK_NAME_MAX]; /* of a commit: the folder, in the store */
};

#define RUN_CHANGES_NONE    \
	{                   \
		.dirfd = -1 \
	}

/* Keep what is changed in box's root, which is a directory or stacked layers, in the folder `path`
 * (made when missing; in box's arena from then on). -EBUSY: another run has it. */
int run_changes_open(struct run_changes *changes, const char *path, struct box *box,
		     struct err *err) must_check;
/* The same in a new folder of the store. */
int run_changes_open_in_store(struct run_changes *changes, const struct store *store,
			      struct box *box, struct err *err) must_check;
void run_changes_done(struct run_changes *changes);
/* Nothing was run: what was made for it, and is empty, goes. */
void run_changes_forget(const struct run_changes *changes);

/* What earlier runs recorded goes on top of the layers that root emulation begins with. */
int run_changes_recall(const struct run_changes *changes, struct view *layers,
		       struct err *err) must_check;
/* After the run: write the record anew. */
int run_changes_record(const struct run_changes *changes, const struct emulation *emulation,
		       struct err *err) must_check;

/* The changes, which are in the store, become a layer on the image `base_id`, and that an image
 * called `name`. */
int run_changes_commit(const struct run_changes *changes, const struct store *store,
		       const char *base_id, const char *name, const struct box *box,
		       struct err *err) must_check;

/* A file as the changes have it, else untouched; true when they say something about it. */
bool run_changes_read(const struct run_changes *changes, const char *path, size_t limit_bytes,
		      struct buf *text);

#endif
