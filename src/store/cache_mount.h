/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that outlive builds and runs, as objects of the store:
 *
 *     cache/mounts/NAME/tree    what the box sees
 *     cache/mounts/NAME/id      the id, for listings
 *     cache/mounts/NAME/making  a lock (sys/file_lock.h): held while tree is made
 *     cache/mounts/NAME/lock    a lock: shared, or exclusive for sharing=locked and private;
 *                               its time of modification is that of the last use
 *
 * NAME is the SHA-256 of the id, then -1, -2 ... for further copies of a private one. */
#ifndef STORE_CACHE_MOUNT_H
#define STORE_CACHE_MOUNT_H

#include <sys/types.h>

#include "store/store.h"

#define CACHE_MOUNT_FOLDER "cache/mounts"
#define CACHE_MOUNT_PRIVATE                                                  \
	1000 /* copies of one private cache in use at the same time, at most \
	      */

/* Hold the mount NAME alone, or with others; 1 and a lock that ends when *ret_fd is closed, 0 when
 * somebody has it and `wait` is false. Its directory is made when there is none. */
enum cache_mount_hold { CACHE_MOUNT_SHARED, CACHE_MOUNT_ALONE };
int cache_mount_hold(const struct store *store, const char *name, enum cache_mount_hold how,
		     bool wait, int *ret_fd, struct err *err) must_check;

/* Those who share a mount may all find it without a tree; who makes one holds this as well, and
 * looks again. Without, the rename that publishes a tree would replace an empty one that somebody
 * uses. */
int cache_mount_hold_making(const struct store *store, const char *name, int *ret_fd,
			    struct err *err) must_check;

/* An empty tree, where there is none yet. For who holds it. */
int cache_mount_make(const struct store *store, const char *name, const char *id, mode_t mode,
		     struct err *err) must_check;

#endif
