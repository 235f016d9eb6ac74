/* SPDX-License-Identifier: Apache-2.0 */
/* Owner records while a layer is being made: by path, changed and removed as entries come. */
#ifndef ROOTFS_RECORDS_H
#define ROOTFS_RECORDS_H

#include "base/map.h"
#include "store/owners.h"

struct records {
	struct arena arena;
	struct map by_path; /* path -> struct owner */
};

void records_done(struct records *records);

/* The record of `path`, an empty one if there was none. */
struct owner *records_get(struct records *records, const char *path);
/* NULL when there is none. */
struct owner *records_find(const struct records *records, const char *path);
/* Forget the path and, when `below`, everything under it. */
void records_remove(struct records *records, const char *path, bool below);
/* Another name of the same file (a hard link) has the same record. */
void records_copy(struct records *records, const char *from_path, const char *to_path);
/* Copies name and value. */
void records_add_xattr(struct records *records, struct owner *owner, const char *name,
		       const void *value, size_t size_bytes);
/* Those that say something, sorted; the array and all texts live in records->arena. */
void records_list(struct records *records, struct owners *ret_owners);

#endif
