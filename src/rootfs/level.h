/* SPDX-License-Identifier: Apache-2.0 */
/* One directory of stacked layers: the layers in which it can be seen, each held open. Going down
 * level by level makes every lookup a single fstatat(2) per layer that has the directory; view.h
 * answers for any path, at a higher price. */
#ifndef ROOTFS_LEVEL_H
#define ROOTFS_LEVEL_H

#include "rootfs/view.h"

struct level_layer {
	size_t index; /* into view->layer */
	int fd;	      /* O_PATH */
};

struct level {
	struct level_layer *layer; /* topmost first */
	size_t count;
};

/* The root directory of the view. */
int level_root(const struct view *view, struct level *ret_level, struct err *err) must_check;
/* The directory `path`, whose last component is `name`, below `parent`; count 0 when no layer shows
 * one. */
int level_down(const struct view *view, const struct level *parent, const char *path,
	       const char *name, struct level *ret_level, struct err *err) must_check;
/* The directory `path` (resolved, as in view.h). */
int level_at(const struct view *view, const char *path, struct level *ret_level,
	     struct err *err) must_check;
void level_done(struct level *level);
#define auto_level cleanup(level_done) struct level /* initialise with { 0 } */

struct level_entry {
	size_t index;		   /* layer it is in */
	int dirfd;		   /* of the directory there; borrowed from the level */
	struct stat st;		   /* on disk */
	const struct owner *owner; /* its record, or NULL */
};

/* The entry `path`, whose last component is `name`; false when none is visible. A directory's
 * record is that of the topmost layer that has an entry for it (not implicit). */
bool level_find(const struct view *view, const struct level *level, const char *path,
		const char *name, struct level_entry *ret_entry);
/* What it is to view.h. */
void level_view_entry(const struct level_entry *entry, struct view_entry *ret_entry);
/* Names in the directory, sorted; some may turn out to be deleted (level_find tells). */
int level_names(const struct level *level, struct strings *names, struct err *err) must_check;

/* Names in one directory, unsorted, "." and ".." left out; fd may be O_PATH. */
int directory_names(int dirfd, struct strings *names, struct err *err) must_check;

#endif
