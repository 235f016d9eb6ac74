/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as text, in the manner of Go's path package: nothing is looked up. */
#ifndef DOCKERFILE_PATH_H
#define DOCKERFILE_PATH_H

#include <stdbool.h>

#include "base/arena.h"

/* The shortest equal path: no "//", "." or (but at the start of a relative path) ".."; no trailing
 * slash; never empty. path_clean("a//b/./../c/") is "a/c", path_clean("/..") is "/". */
const char *path_clean(struct arena *arena, const char *path);
/* `path` seen from the directory `base` (absolute); absolute and clean. */
const char *path_resolve(struct arena *arena, const char *base, const char *path);
/* Behind the last slash; the whole when there is none. */
const char *path_base(const char *path);

#endif
