/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns what in an unpacked layer: the exceptions to "uid 0, gid 0, mode and type as on disk",
 * as text in the manner of mtree(5); format: doc/format/store.md. Pure: text to records and back.
 */
#ifndef STORE_OWNERS_H
#define STORE_OWNERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct xattr {
	const char *name; /* "security.capability" */
	const void *value;
	size_t size_bytes;
};

struct owner {
	const char *path; /* "etc/shadow"; "" is the root directory of the layer itself */
	uint32_t uid;
	uint32_t gid;
	bool has_mode; /* else as on disk */
	uint32_t mode; /* permission bits, 07777 */
	mode_t type; /* S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK for what is a placeholder on disk; 0: as
			on disk */
	uint32_t rdev_major;
	uint32_t rdev_minor;
	bool whiteout; /* the entry hides what lower layers have; on disk a 0:0 device or nothing */
	bool opaque;   /* the directory hides what lower layers have in it */
	bool implicit; /* a directory the archive has no entry for: only on the way to others */
	struct xattr *xattrs; /* those that could not be set on disk; sorted by name */
	size_t xattr_count;
};

struct owners {
	/* Whiteouts and opaque marks are on disk as overlayfs wants them (char 0:0,
	 * user.overlay.opaque), so the layer can be a lowerdir under "userxattr". */
	bool overlay_ready;
	uint64_t tar_bytes; /* size of the layer's uncompressed archive; 0: not known */
	struct owner *item; /* sorted by path, byte by byte */
	size_t count;
};

/* Texts, arrays and values are in the arena. -EUCLEAN names the line. */
int owners_parse(const char *text, size_t size_bytes, struct arena *arena,
		 struct owners *ret_owners, struct err *err) must_check;
/* overlay_ready from the record's first bytes: OWNERS_HEAD_BYTES of them, or all. */
#define OWNERS_HEAD_BYTES 64
bool owners_head_overlay_ready(const char *head, size_t size_bytes);
/* tar_bytes alone, from the beginning of a record (256 bytes suffice); 0 when it is not there. */
uint64_t owners_peek_tar_bytes(const char *text);
/* Appends; `owners` must be sorted (owners_sort). */
void owners_print(const struct owners *owners, struct buf *buf);
void owners_sort(struct owners *owners);
void owners_copy(const struct owners *owners, struct arena *arena, struct owners *ret_owners);
/* NULL when the path has no record: uid 0, gid 0, mode and type as on disk. */
const struct owner *owners_find(const struct owners *owners, const char *path);
/* Does it say more than the default does? */
bool owner_is_needed(const struct owner *owner);

#endif
