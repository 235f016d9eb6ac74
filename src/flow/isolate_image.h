/* SPDX-License-Identifier: Apache-2.0 */
/* Environments whose root is somebody else's: an image, an archive, a directory. */
#ifndef FLOW_ISOLATE_IMAGE_H
#define FLOW_ISOLATE_IMAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strings.h"
#include "codec/sha256.h"
#include "flow/environment.h"

struct isolate_root {
	const char *path;     /* of the directory that becomes /: absolute */
	const char *identity; /* what tells it from another: an image's id, a path */
	struct strings *env;  /* gets what an image sets */
	struct buf fresh;     /* of an archive: for ENVIRONMENT_FRESH */
};

/* source: "image:REF", "image:/PATH", "tar:FILE" or "dir:PATH". Images are pulled and unpacked into
 * one tree that the store keeps. */
int isolate_find_root(const char *store, const char *source, struct arena *arena,
		      struct isolate_root *ret_root, struct err *err) must_check;

/* What tells one identity from another, in hexadecimal digits. */
void isolate_root_key(const char *identity, char ret_key[SHA256_HEX_LENGTH + 1]);

/* Is the environment's archive or image, by its name, still what it was made of? */
bool isolate_root_is_current(const char *store, const struct environment *environment);

#endif
