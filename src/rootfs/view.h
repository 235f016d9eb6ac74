/* SPDX-License-Identifier: Apache-2.0 */
/* Stacked layers looked at as one tree, without mounting anything: what overlayfs would show, for
 * the parts of a build that read and place files themselves (COPY, WORKDIR, names in passwd).
 *
 * A path here is relative to the root and has no leading slash, no "." and no ".."; "" is the
 * root. "Resolved" means that no component of it but perhaps the last is a symlink. */
#ifndef ROOTFS_VIEW_H
#define ROOTFS_VIEW_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strings.h"
#include "image/digest.h"
#include "store/layers.h"

#define VIEW_SYMLINKS_MAX 40

struct view_layer {
	int dirfd;
	struct owners owners; /* empty for a plain directory */
	bool plain;	      /* marks are on disk only (an upper directory in progress) */
};

struct view {
	struct arena arena;
	struct view_layer *layer; /* topmost first */
	size_t count;
};

void view_init(struct view *view);
void view_done(struct view *view);
#define auto_view cleanup(view_done) struct view

/* Put a layer or a directory on top of what is there. */
int view_push_layer(struct view *view, const struct store *store, const struct digest *diff_id,
		    struct err *err) must_check;
int view_push_directory(struct view *view, const char *host_path, struct err *err) must_check;
/* A directory with a record of its own, copied into the view. */
int view_push_recorded(struct view *view, const char *host_path, const struct owners *owners,
		       struct err *err) must_check;
/* Take the topmost off again. */
void view_pop(struct view *view);

struct view_entry {
	size_t layer;	/* where the visible entry is */
	struct stat st; /* of the file on disk: type and mode may be overruled by the record */
	mode_t mode;	/* type and permission bits as the layer has them */
	uid_t uid;
	gid_t gid;
	dev_t rdev; /* of a device */
};

/* An entry on disk in the layer number `layer`, with its record or NULL. */
void view_entry_fill(struct view_entry *entry, size_t layer, const struct stat *st,
		     const struct owner *owner);

/* The entry at a resolved path, symlinks not followed. -ENOENT when there is none, -ENOTDIR when
 * a parent is no directory. */
int view_lookup(const struct view *view, const char *path, struct view_entry *ret_entry) must_check;

/* Follow all symlinks of a guest path (absolute or not, with "." and ".."), except the last
 * component's unless follow_last. ret_path is resolved, in the arena given; what does not exist is
 * taken as it is written, so a path to be created resolves too. */
int view_resolve(const struct view *view, const char *guest_path, bool follow_last,
		 struct arena *arena, const char **ret_path, struct err *err) must_check;

/* Names in a directory (resolved path), sorted, whiteouts applied. */
int view_list(const struct view *view, const char *path, struct strings *names,
	      struct err *err) must_check;

/* Open a regular file for reading. */
int view_open(const struct view *view, const char *path, const struct view_entry *entry,
	      int *ret_fd, struct err *err) must_check;
/* A symlink's text, in the arena. */
int view_readlink(const struct view *view, const char *path, const struct view_entry *entry,
		  struct arena *arena, const char **ret_text, struct err *err) must_check;
/* A small text file (passwd, group), following symlinks; "" when there is none. */
void view_read_text(const struct view *view, const char *guest_path, size_t limit_bytes,
		    struct buf *text);

#endif
