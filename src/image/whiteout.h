/* SPDX-License-Identifier: Apache-2.0 */
/* Names in layer archives: what they may be, and which of them mean "deleted".
 * Source: OCI image-spec v1.1, layer.md (Whiteouts; Opaque Whiteout). Pure. */
#ifndef IMAGE_WHITEOUT_H
#define IMAGE_WHITEOUT_H

#include "base/buf.h"
#include "base/err.h"

#define WHITEOUT_PREFIX	     ".wh."
#define WHITEOUT_OPAQUE_NAME ".wh..wh..opq"

#define LAYER_PATH_MAX	4095 /* PATH_MAX without the NUL */
#define LAYER_NAME_MAX	255
#define LAYER_DEPTH_MAX 256 /* directories above an entry */

enum whiteout {
	WHITEOUT_NONE,	  /* an ordinary name */
	WHITEOUT_ENTRY,	  /* hides *ret_hidden in the same directory */
	WHITEOUT_OPAQUE,  /* hides what lower layers have in the directory */
	WHITEOUT_IGNORED, /* ".wh..wh.*": bookkeeping of AUFS, no content */
	WHITEOUT_BAD,	  /* hides nothing that can be: ".wh.", ".wh..", ".wh..." */
};

/* `name` is the last component of a path; *ret_hidden points into it. */
enum whiteout whiteout_parse(const char *name, const char **ret_hidden);

/* "./a//b/./c/" becomes "a/b/c" (appended to ret_path), "./" and "/" become "". Refused, naming the
 * path: other absolute paths, "..", empty paths, too long ones. */
int layer_path_normalize(const char *path, struct buf *ret_path, struct err *err) must_check;

/* May a file of a tree be called so in a layer? -EINVAL: there the name would delete another, so a
 * layer has no file whose name begins with ".wh." (layer.md). */
int layer_name_check(const char *path, struct err *err) must_check;

#endif
