/* SPDX-License-Identifier: Apache-2.0 */
/* What processes mount where nothing can be mounted: the map of paths changes instead. Compiled
 * twice, as pathmap is.
 *
 * A mount shows something that is in the map already, or an empty directory of the session's, so
 * it gives away nothing; what is hidden, read-only or covered in it stays so. Nobody can take away
 * what was in the map from the beginning. -errno is what mount(2) gives. */
#ifndef TAP_MOUNTING_H
#define TAP_MOUNTING_H

#include "tap/session_page.h"

struct tap_mounting {
	struct tap_place *place; /* that nobody else uses meanwhile */
	const struct pathmap_ops *ops;
	void *context;
	int root_fd;
	/* What a descriptor is open on; false: it cannot be told. */
	bool (*identify)(int fd, struct pathmap_identity *ret_identity);
	struct pathmap_room room;
	char *brought, *above; /* PATHMAP_PATH_MAX bytes each */
};

/* One change. Paths are the guest's, without links, the root is "". */
struct tap_mount {
	enum { TAP_MOUNT_PUT, TAP_MOUNT_CHANGE, TAP_MOUNT_TAKE, TAP_MOUNT_PIVOT } what;
	const char *target;
	const char *host;   /* PUT: what is shown there, */
	const char *source; /* which the guest has here, with what is mounted below it, */
	const char *except; /* but for this and below; both NULL: with nothing */
	/* PIVOT: PUT of the old root (`source`) in the new one (`except`), unless that is `target`:
	 * then it is gone */
	uint32_t flags; /* enum pathmap_flags; CHANGE: READ_ONLY or 0 */
	bool detach;	/* TAKE: with what was mounted below it */
};

/* 0 or -errno; the place may be half changed then. */
long tap_mounting_change(const struct tap_mounting *mounting, const struct tap_mount *mount);

/* Every name in a guest path of the map, and which entries are reached by two ways. */
void tap_place_note_names(struct tap_place *place, const char *guest);
void tap_place_note_aliases(struct tap_place *place);

#endif
