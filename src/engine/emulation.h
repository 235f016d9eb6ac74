/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns what, around a box: what the layers say about ownership holds when the command starts,
 * and what has changed is known when everything inside has ended.
 *
 * Under the tap both are a matter of its table. Files are known to the table by their identity
 * inside the mounted root, so both happen there, in the first process: overlayfs shows other
 * devices and birth times than the layers have.
 *
 * Where the engine has the ids (`space`) nothing is emulated: the root was made with true owners
 * (rootfs/real.h), and at the end the first process notes what the kernel knows and gives
 * everything back to the caller, whose store it is (settle.h). */
#ifndef ENGINE_EMULATION_H
#define ENGINE_EMULATION_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/map.h"
#include "engine/engine.h"
#include "rootemu/owned.h"
#include "rootfs/view.h"
#include "sys/subid.h"
#include "tap/tap.h"

/* Something mounted into the root whose files, or itself, belong to others than root. */
struct emulation_mount {
	const char *target;	   /* in the root */
	const struct view *layers; /* of BOX_MOUNT_LAYERS: whose records count; borrowed, or NULL */
	const char *source;	   /* the path in them that is mounted, without symlinks; "": all */
	/* It is a copy of the layers: who owns what in it, seen from their root, counts instead. */
	const struct owners *merged;
	uint32_t uid; /* without layers: who it belongs to */
	uint32_t gid;
	/* Of a directory that is kept: who owns what in it, after uid and gid; borrowed, or NULL.
	 * Afterwards report_fd tells who does then (owned_read); the tap's only. */
	const struct owners *owners;
	int report_fd; /* of emulation_open: a memory file, or -1 */
};

struct emulation {
	const struct view *layers; /* whose records the table begins with; borrowed, may be NULL */
	bool upper_is_layer; /* the topmost of them is the upper directory, kept by an earlier run
			      */
	/* The root is a merged copy of the layers, whose files are others: who owns what in it
	 * (merge_owners) instead of the layers' records. May be NULL. */
	const struct owners *merged;
	struct emulation_mount *mount; /* borrowed */
	size_t mount_count;
	const struct id_space *space; /* owners are real; NULL: the tap's. Borrowed */
	bool real_identity; /* ids and owners are the kernel's: the session translates paths alone
			     */
	/* Where nothing is mounted (engine tap): the host's path of the root. NULL: it is "/". */
	const char *root_path;
	bool collects; /* there is an upper directory whose owners matter afterwards, */
	/* also when the caller was killed: then the report becomes the file EMULATION_KEPT in this
	 * directory (open, the caller's). NULL: nobody would read it. */
	const int *kept_dirfd;

	bool is_traced; /* a tracer emulates, and no program needs the tap */

	struct tap_session session;
	int report_fd; /* what the first process found out, a memory file; -1: nothing is collected
			*/
};

/* Before the fork; of the box its limit of open files counts. */
int emulation_open(struct emulation *emulation, const struct box *box, struct err *err) must_check;
void emulation_done(struct emulation *emulation);

/* The files of reports on mounts, EMULATION_REPORTS_MAX at most; what the first process must keep
 * open. */
#define EMULATION_REPORTS_MAX 64
size_t emulation_reports(const struct emulation *emulation, int *fds, size_t room);

/* In the first process, inside the root. Neither allocates. */
int emulation_seed(struct emulation *emulation, const struct engine_made *made,
		   struct err *err) must_check;
/* upper_fd: the upper directory, opened before it went out of sight. What goes wrong is told by
 * emulation_read. */
void emulation_collect(struct emulation *emulation, const struct box *box, int upper_fd);

#define EMULATION_KEPT "report"
/* The caller was killed: keep what was collected for who comes next. Allocates nothing. */
void emulation_keep(const struct emulation *emulation);

/* The files that tell of mounts are given away: the caller reads and closes them. Before
 * emulation_done. */
int emulation_take_report(struct emulation_mount *mount);

/* The last call that was refused to the command for want of a privilege, as far as the tap saw. */
bool emulation_refusal(const struct emulation *emulation, struct tap_refusal *ret_refusal);

/* Afterwards: path -> struct emulated, both in the arena. */
int emulation_read(const struct emulation *emulation, struct arena *arena, struct map *ret_by_path,
		   struct err *err) must_check;

#endif
