/* SPDX-License-Identifier: Apache-2.0 */
/* A pack's image as files, where it cannot be mounted: a directory that all runs of the user on
 * this machine share, made by the first and removed by the last. One whose last run was killed is
 * used by the next. */
#ifndef FLOW_PACK_UNPACK_H
#define FLOW_PACK_UNPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"

struct pack_unpacked {
	const char *folder; /* holds the root and a lock */
	const char *root;
	int lock_fd; /* -1: nothing is held */
	bool stays;  /* it is the user's own: $ROOTLET_PACK_CACHE */
};

/* All of the image at `base` of the file, as DIR. -ENOSPC and the like leave what is there. */
int pack_extract(int fd, uint64_t base, const char *dir, struct err *err) must_check;

/* Have it somewhere from where programs can be run: $ROOTLET_PACK_CACHE, else $TMPDIR, /tmp,
 * /var/tmp, $HOME. Paths are the arena's. */
int pack_unpack(int fd, uint64_t base, const struct stat *image, struct arena *arena,
		struct pack_unpacked *ret, struct err *err) must_check;
/* Removed, unless others use it. */
void pack_unpack_done(struct pack_unpacked *unpacked);

#endif
