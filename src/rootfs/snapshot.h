/* SPDX-License-Identifier: Apache-2.0 */
/* From an upper directory to a layer: what a build step changed, as a logical difference of
 * metadata and content to the layers below, so that it does not matter which engine made it.
 *
 * Left out are files that overlayfs copied up and nobody changed, deletions of what is not there
 * below, sockets, and attributes that are overlayfs's own. A directory is in the layer when it is
 * new, changed (times do not count), or holds something that is. The upper directory itself
 * becomes layers/HEX: there is no second copy. */
#ifndef ROOTFS_SNAPSHOT_H
#define ROOTFS_SNAPSHOT_H

#include <sys/stat.h>

#include "image/descriptor.h"
#include "rootfs/view.h"
#include "store/owners.h"
#include "store/store.h"

/* What an entry truly is, where the disk does not show it. */
struct snapshot_meta {
	uint32_t uid;
	uint32_t gid;
	mode_t mode; /* type and permission bits */
	uint32_t rdev_major;
	uint32_t rdev_minor;
	struct xattr *xattrs; /* beside those on disk (placed: all); borrowed until it is done */
	size_t xattr_count;
	const char *content; /* of a small file that was placed, or NULL; borrowed as well */
	size_t content_bytes;
};

/* A file of a copy of layers. Nobody can set the time of its last change: with that time it still
 * is what it was. */
struct snapshot_seen {
	ino_t ino;
	struct timespec changed; /* 0: not to be relied upon here */
};

struct snapshot_request {
	const struct store *store;
	/* The upper directory, a name from store_work_name. Its root has the mode that the root of
	 * the layers below has on disk, 0755 when there are none: another mode is a change. */
	const char *upper_name;
	const struct view *lower; /* layers below; count 0: none */
	/* The directory holds everything, not only changes: a copy of the layers below in which a
	 * step ran where overlayfs was refused. What is missing was deleted. */
	bool complete;
	/* And it stays, as what it is afterwards: a copy of the layers with this one on top. */
	bool keeps;
	/* With complete, or NULL: what was known of the file when it was what is below. */
	const struct snapshot_seen *(*seen)(const void *context, const char *path);
	const void *seen_context;

	/* Emulated ownership, or NULL: 1 when it knows the entry and has filled *ret_meta, 0 when
	 * it does not, -errno. `path` is relative to the root, "" for the root; statx carries
	 * device, inode and birth time. */
	int (*lookup)(void *context, const char *path, const struct statx *stx,
		      struct snapshot_meta *ret_meta, struct err *err);
	void *lookup_context;
	/* Whatever lookup knows was placed by us: there is no other file of that name, so it is
	 * given no statx, and what attributes a file has on disk beyond those it tells of came from
	 * the store's own folder and belong to no layer. */
	bool placed;
	/* Who owns new entries that lookup does not know and that on disk are the caller's, as the
	 * layer records it. What was copied up keeps the owner it had. */
	uint32_t new_uid;
	uint32_t new_gid;

	bool clamp; /* no mtime above clamp_s, in the archive and on disk: SOURCE_DATE_EPOCH */
	int64_t clamp_s;
};

struct snapshot {
	bool empty; /* nothing changed: no layer was made, the upper directory is removed */
	struct digest diff_id;
	struct descriptor layer; /* of the blob in the store; media type is static text */
	uint64_t tar_bytes;
	uint64_t entry_count;
};

/* The upper directory is used up, also on failure, unless `keeps`. Everything below it must be the
 * caller's. */
int snapshot_take(const struct snapshot_request *request, struct snapshot *ret_snapshot,
		  struct err *err) must_check;

#endif
