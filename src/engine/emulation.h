/* SPDX-License-Identifier: Apache-2.0 */
/* Root emulation by the tap around a box: what the layers say about ownership is put into the
 * table before the command starts, and what the table says about changed files comes out when
 * everything inside has ended.
 *
 * Files are known to the table by their identity inside the mounted root, so both happen there,
 * in the first process: overlayfs shows other devices and birth times than the layers have. */
#ifndef ENGINE_EMULATION_H
#define ENGINE_EMULATION_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/map.h"
#include "engine/engine.h"
#include "rootemu/owned.h"
#include "rootfs/view.h"
#include "tap/tap.h"

/* Something mounted into the root whose files, or itself, belong to others than root. */
struct emulation_mount {
	const char *target;	   /* in the root */
	const struct view *layers; /* of BOX_MOUNT_LAYERS: whose records count; borrowed, or NULL */
	const char *source;	   /* the path in them that is mounted, without symlinks; "": all */
	uint32_t uid;		   /* without layers: who it belongs to */
	uint32_t gid;
};

struct emulation {
	const struct view *layers; /* whose records the table begins with; borrowed, may be NULL */
	/* The root is a merged copy of the layers, whose files are others: who owns what in it
	 * (merge_owners) instead of the layers' records. May be NULL. */
	const struct owners *merged;
	const struct emulation_mount *mount;
	size_t mount_count;
	bool collects; /* there is an upper directory whose owners matter afterwards */

	struct tap_session session;
	int report_fd; /* what the first process found out, a memory file; -1: nothing is collected
			*/
};

/* Before the fork; of the box its limit of open files counts. */
int emulation_open(struct emulation *emulation, const struct box *box, struct err *err) must_check;
void emulation_done(struct emulation *emulation);

/* In the first process, inside the root. Neither allocates. */
int emulation_seed(struct emulation *emulation, struct err *err) must_check;
/* upper_fd: the upper directory, opened before it went out of sight. What goes wrong is told by
 * emulation_read. */
void emulation_collect(struct emulation *emulation, int upper_fd);

/* Afterwards: path -> struct emulated, both in the arena. */
int emulation_read(const struct emulation *emulation, struct arena *arena, struct map *ret_by_path,
		   struct err *err) must_check;

#endif
