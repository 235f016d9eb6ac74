/* SPDX-License-Identifier: Apache-2.0 */
/* How the program inside of a pack gets at its root. */
#ifndef FLOW_PACK_ROOT_H
#define FLOW_PACK_ROOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "flow/pack_unpack.h"
#include "flow/squash_join.h"

/* The file that runs: one with an image at its end, or the launcher of a relocatable pack. */
struct pack_self {
	const char *path; /* to open it by */
	int fd;
	struct stat st;
	bool has_image;
	uint64_t base;
	const char *root;    /* the launcher's: where the pack was unpacked, absolute */
	const char *program; /* the launcher's: which of its programs it was called as, a path in
			      * the pack; NULL: none, it was called by its own name */
};
/* execfn: getauxval(AT_EXECFN). -ENOENT: neither; err says what was looked at. */
int pack_self_find(const char *execfn, const char *argv0, struct arena *arena,
		   struct pack_self *ret_self, struct err *err) must_check;

/* Does this engine (NULL: none is asked for) mount, or only follow paths? */
bool pack_may_mount(const char *engine);

struct pack_root {
	const char *path;
	int fd;
	bool is_entered;     /* it is this process's root already, with the host around it */
	const char *outside; /* where it is then for pack_root_leave */
	struct squash_served served;   /* mounted: the socket is open */
	struct pack_unpacked unpacked; /* or this */
	struct buf how;		       /* in words, with why it was not mounted */
};
/* Mounted, if engine is NULL, "auto" or "userns" and the kernel lets us, by the process that serves
 * all runs of the user, which also makes the root that they enter: the first run pays for both.
 * Then this process is in other namespaces; when it does not find its working directory, home or
 * $TMPDIR in that root, then in those where only the image is added to what there was. Else
 * unpacked. A relocatable pack needs no image, and has such a root, too. */
int pack_root_open(const struct pack_self *self, const char *engine, struct arena *arena,
		   struct pack_root *ret_root, struct err *err) must_check;
/* Of one that was entered, for an engine that makes its own: to where only the image is added. */
int pack_root_leave(struct pack_root *root, struct err *err) must_check;
void pack_root_done(struct pack_root *root);

#endif
