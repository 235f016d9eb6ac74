/* SPDX-License-Identifier: Apache-2.0 */
/* Engines: a box becomes a process. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "box/box.h"
#include "sys/host.h"
#include "sys/subid.h"
#include "tap/tap.h"

/* What a run tells its caller beside the status; lives in memory shared with the child.
 *
 * Mount points that an engine had to make in a root which outlives the run (an overlay's upper
 * directory, a merged copy): the caller removes them again. */
#define ENGINE_MADE_MAX	      64
#define ENGINE_MADE_PATH_SIZE 512

struct engine_made {
	size_t count;
	struct {
		unsigned components; /* at the end of the path: the point, parents made for it */
		char path[ENGINE_MADE_PATH_SIZE]; /* in the guest, without symlinks */
	} point[ENGINE_MADE_MAX];
	/* The last call that a process was refused for want of a privilege, where the engine sees
	 * that; call NULL: none. Else emulation_refusal may tell. */
	struct tap_refusal refused;
	/* The run failed because the layers could not be stacked: a merged copy of them may do. */
	bool overlay_refused;
};

struct engine_made *engine_made_new(void); /* NULL when there is no memory */
void engine_made_free(struct engine_made *made);

struct emulation; /* emulation.h */

#define ENGINE_HELD_MAX 64

/* One run of a box. Zero means: nothing special. */
struct engine_job {
	const struct box *box;
	/* Instead of executing box->argv, call this inside; it returns 0 or -errno with err set,
	 * and may not rely on threads of the caller. */
	int (*inside)(void *context, struct err *err);
	void *context;
	bool redirect; /* use stdio below instead of the caller's 0, 1, 2 */
	int stdio[3];
	struct engine_made *made; /* may be NULL */
	/* Locks: they stay open until the last process inside has ended, also when the caller is
	 * killed. At most ENGINE_HELD_MAX. */
	const int *held_fd;
	size_t held_count;
	struct emulation *emulation; /* opened, when box->emulation is BOX_EMULATION_TAP or the
				      * engine has a space; else NULL */
};

struct engine {
	const char *name;
	const char *summary;
	/* The kernel keeps what is inside from what is outside, whatever the program does:
	 * namespaces. false: it is kept as long as the program does not set out to break it. */
	bool is_boundary;
	/* Without mounts layers are not stacked but copied (engine_made.overlay_refused). */
	bool has_mounts;
	/* Root inside may leave groups of the caller, and so open what is closed to their members:
	 * newgidmap(1) grants that to whom an administrator gave ranges of group ids. */
	bool leaves_groups;
	/* The ids that are real in this box, so that its files' owners can be. NULL: one id is
	 * mapped. -ENOENT, -EOVERFLOW (the box's own user has none): err says what would help. */
	int (*space)(const struct box *box, struct id_space *ret_space, struct err *err);
	/* 0 when this host can run this box so, and a hint may say what makes it slower than
	 * elsewhere; else -errno, and err says what forbids it. */
	int (*probe)(struct host *host, const struct box *box, struct err *ret_why_not);
	/* *ret_status is the exit status as a shell would see it (128+n for signals); on failure
	 * to start, -errno and *ret_status is 125, 126 or 127. */
	int (*run)(const struct engine_job *job, int *ret_status, struct err *err);
};

extern const struct engine *const engines[]; /* cheapest first, NULL-terminated */

/* The engine called `name` (NULL: $ROOTLET_ENGINE), if its probe accepts the box; for "auto" or
 * nothing the first that does. Every engine passed over is explained in ret_why, one line each;
 * with NULL for it the first engine is taken unasked: running is the probe. */
int engine_choose(const char *name, const struct box *box, const struct engine **ret_engine,
		  struct buf *ret_why, struct err *err) must_check;
/* Is no engine asked for, by `name` or by $ROOTLET_ENGINE? */
bool engine_is_automatic(const char *name);

#endif
