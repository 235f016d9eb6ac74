/* SPDX-License-Identifier: Apache-2.0 */
/* Environments whose root is somebody else's: an image, an archive, a directory. */
#ifndef FLOW_ISOLATE_IMAGE_H
#define FLOW_ISOLATE_IMAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strings.h"

struct isolate_root {
	const char *path;     /* of the directory that becomes /: absolute */
	const char *identity; /* what tells it from another: an image's id, a path */
	struct strings *env;  /* gets what an image sets */
};

/* source: "image:REF", "tar:FILE" or "dir:PATH". Images are pulled and unpacked into one tree that
 * the store keeps. */
int isolate_find_root(const char *store, const char *source, struct arena *arena,
		      struct isolate_root *ret_root, struct err *err) must_check;

#endif
