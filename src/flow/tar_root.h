/* SPDX-License-Identifier: Apache-2.0 */
/* What rootlet-image, which has the heavy libraries, does for a run: import a tar file without a
 * name, pull an image, unpack layers, hash the id of a cache mount. */
#ifndef FLOW_TAR_ROOT_H
#define FLOW_TAR_ROOT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

/* *ret_id is the image's id, in the arena. A second time the same bytes are found unpacked. */
int tar_root_import(const struct store *store, const char *path, struct arena *arena,
		    const char **ret_id, struct err *err) must_check;

/* *ret_name, in the arena, is what the image is called in the store: short names are looked up as
 * pull does. */
int tar_root_pull(const struct store *store, const char *name, struct arena *arena,
		  const char **ret_name, struct err *err) must_check;

/* Unpack those layers of the image with this id that are not unpacked. */
int tar_root_unpack(const struct store *store, const struct digest *id, struct err *err) must_check;

/* The name in the store of the cache mount with this id (store/cache_mount.h), in the arena. */
int tar_root_cache_name(const struct store *store, const char *id, struct arena *arena,
			const char **ret_name, struct err *err) must_check;
/* Run it with this argv; the first line it prints goes to output. It tells its own errors. */
int tar_root_program(const char *const *argv, struct buf *output, struct err *err) must_check;

#endif
