/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacked layers, by diff id: layers/HEX is the tree, owners/HEX says who owns what.
 * The tree belongs to the user: directories are at least 0700 and files at least 0400 on disk (the
 * true mode is in the record), devices are empty files (sockets do not occur), whiteouts and opaque
 * directories are as overlayfs wants them under "userxattr", where the file system can hold them
 * (owners.overlay_ready), and always in the record. Never write into a published layer. */
#ifndef STORE_LAYERS_H
#define STORE_LAYERS_H

#include "store/owners.h"
#include "store/store.h"

/* Both the tree and its record. Then gc leaves it alone as long as this process, having announced
 * itself, is at work (store_mark). */
bool layer_present(const struct store *store, const struct digest *diff_id);
/* Is it this store's, and not an additional one's, where nothing may change? */
bool layer_is_own(const struct store *store, const struct digest *diff_id);
/* Is one of them another user's, in an additional store? With one id nobody may change such files,
 * and overlayfs cannot copy them up. */
bool layers_are_foreign(const struct store *store, const struct digest *diff_ids, size_t count);
/* O_PATH | O_DIRECTORY | O_CLOEXEC; the caller closes it. -ENOENT: not unpacked here. */
int layer_open(const struct store *store, const struct digest *diff_id, int *ret_fd,
	       struct err *err) must_check;
void layer_path(const struct store *store, const struct digest *diff_id, struct buf *path);
/* The record; everything is in the arena. */
int layer_owners(const struct store *store, const struct digest *diff_id, struct arena *arena,
		 struct owners *ret_owners, struct err *err) must_check;

/* The record's `overlay_ready` alone, without reading all of it; false when there is none. */
bool layer_overlay_ready(const struct store *store, const struct digest *diff_id);

/* Size of the layer's uncompressed archive; 0 when it is not unpacked here or not known. */
uint64_t layer_tar_bytes(const struct store *store, const struct digest *diff_id);

/* Publish the tree at `work_name` (a name from store_work_name, or below it) and its record. Data
 * must have been synced (syncfs) before. If another process was faster, its layer stays and ours
 * is removed: both are the same. */
int layer_publish(const struct store *store, const struct digest *diff_id, const char *work_name,
		  const struct owners *owners, struct err *err) must_check;
/* Use the layer: as long as *ret_fd (O_CLOEXEC, a directory) is open somewhere, in a child that
 * inherited it too, layer_remove refuses. A shared flock(2); where other machines do
 * not see that, layer_holds_add says it so that they do. -ENOENT: not unpacked here. */
int layer_hold(const struct store *store, const struct digest *diff_id, int *ret_fd,
	       struct err *err) must_check;
/* All layers that something uses. */
struct layer_holds {
	int *fd;
	size_t count;
};
void layer_holds_done(struct layer_holds *holds);
/* Adds to what is held; -ENOENT names the first that is not there. */
int layer_holds_add(const struct store *store, const struct digest *diff_ids, size_t count,
		    struct layer_holds *holds, struct err *err) must_check;
/* The same in two halves, for one sync over everything that a step makes: the record goes to a work
 * name, then the caller syncs the store, then both are renamed. */
int layer_draft_record(const struct store *store, const struct owners *owners,
		       char ret_name[STORE_WORK_NAME_MAX], struct err *err) must_check;
int layer_publish_draft(const struct store *store, const struct digest *diff_id,
			const char *work_name, const char *record_name, struct err *err) must_check;
/* With all that was derived from it (STORE_REAL). The name goes at once, the tree then. -EBUSY:
 * somebody holds it. Not there is success. */
int layer_remove(const struct store *store, const struct digest *diff_id,
		 struct err *err) must_check;
/* The record of a layer that is not there, unless it was marked since unmarked_ns: 1 when it went,
 * 0 when it was not there, -EBUSY (err says nothing): somebody is about to have the layer. */
int layer_remove_record(const struct store *store, const struct digest *diff_id,
			int64_t unmarked_ns, struct err *err) must_check;
/* Only if it was not marked since unmarked_ns (store_unmarked_since): else -EBUSY, too. */
int layer_remove_unmarked(const struct store *store, const struct digest *diff_id,
			  int64_t unmarked_ns, struct err *err) must_check;

#endif
