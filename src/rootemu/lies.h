/* SPDX-License-Identifier: Apache-2.0 */
/* The table of lies: what root emulation remembers about files, shared by every process of a
 * session.
 *
 * A row belongs to a file's identity (device, inode, birth time) and says which of its owner,
 * group, mode bits, device numbers and extended attributes differ from what the kernel would say.
 * The table is one sparse file, mapped MAP_SHARED; readers take no lock and writers only swap
 * single words, so a writer killed at any instruction leaves a table that is still right.
 *
 * A bloom filter comes first: for a file nothing was ever said about, asking costs one load.
 *
 * Compiles freestanding (the tap) and hosted (engine, exporter): raw system calls, no heap. */
#ifndef ROOTEMU_LIES_H
#define ROOTEMU_LIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/raw.h"

#define LIES_KEEP	0xffffffffu /* uid, gid: no lie, as the kernel says */
#define LIES_NO_BIRTH	1u	    /* birth_ns of a file system that has no birth times */
#define LIES_GUEST_AT	4096u	    /* what is the tap's in the file: where it begins, and */
#define LIES_GUEST_END	286720u	    /* ends */
#define LIES_FILE_BYTES (1ul << 30) /* size of the sparse file: room for ten million rows */
#define LIES_UNSETTLED	UINT64_MAX  /* see lies_settle */
#define LIES_XATTR_MAX	65536u	    /* XATTR_SIZE_MAX */
#define LIES_NAME_MAX	255u	    /* XATTR_NAME_MAX */

struct file_id {
	uint64_t device; /* major << 32 | minor */
	uint64_t inode;
	uint64_t birth_ns; /* since the epoch, or LIES_NO_BIRTH */
	bool is_nameless;  /* no link leads to it: unlinked while open, or never linked */
};

/* What differs. mode: shown = (real & ~mode_mask) | mode_bits, file type included. */
struct lie {
	uint32_t uid;
	uint32_t gid;
	uint32_t mode_mask;
	uint32_t mode_bits;
	uint32_t rdev_major; /* meaningful when mode_mask holds S_IFMT */
	uint32_t rdev_minor;
	uint64_t changed_ns; /* shown as the time of the last change, when that is earlier */
};

struct lies {
	int fd;
	unsigned char *base; /* of the mapping of the whole file */
	size_t mapped_bytes; /* how much of it is mapped by now */
};

struct lie_row; /* in the table; see lies_table.h */

/* Files of this type are known without their birth time, see lies_id_of: directories. */
static inline bool lies_is_birthless_type(uint32_t mode)
{
	return (mode & 0170000) == 0040000;
}

/* `statx` must have been asked for STATX_TYPE | STATX_NLINK | STATX_INO | STATX_BTIME. */
struct file_id lies_id_of(const struct statx *statx);

/* Map the table in `fd` (LIES_FILE_BYTES long, zeroes when new) at `address`, or anywhere when it
 * is NULL. all: the whole file now; else as far as needed (an address-space limit of the program
 * must not notice us). The caller keeps `fd` open. 0 or -errno. */
int lies_map(struct lies *lies, int fd, void *address, bool all);
void lies_unmap(struct lies *lies);

bool lies_empty(const struct lies *lies);

/* Which files may get another identity when they are written to? Those of an overlay's lower
 * layers, which are copied up, and these are older than the session: only what was born before
 * born_ns. 0: none, for there is no overlay; LIES_UNSETTLED: any, at first. */
void lies_settle(struct lies *lies, uint64_t born_ns);
bool lies_any_may_move(const struct lies *lies);
/* Not directories: these are known by their inode, which stays. */
bool lies_may_move(const struct lies *lies, const struct statx *statx);
/* False as long as it is not settled, too. */
bool lies_is_lower(const struct lies *lies, const struct statx *statx);

/* How often somebody may have made a mount read-only. */
uint32_t lies_remounts(const struct lies *lies);
void lies_note_remount(struct lies *lies);

/* NULL: nothing is known about the file. With birth_ns 0 the birth time is not compared: the
 * caller does (lies_row_is) once it has it. */
struct lie_row *lies_find(struct lies *lies, const struct file_id *id);
bool lies_row_is(const struct lie_row *row, const struct file_id *id);
/* Find or add; what an earlier file with this inode had is forgotten. NULL: the table is full. */
struct lie_row *lies_make(struct lies *lies, const struct file_id *id);
/* Of a file without a birth time, for its inode's next file must be told apart by hand. */
void lies_forget(struct lies *lies, const struct file_id *id);

/* The file's last name went, or its first one comes. What has none keeps its row for who has it
 * open. A file with a name and this identity is another one then: the inode was used again within
 * the tick of the clock that birth times are taken from. */
void lies_note_unlinked(struct lie_row *row);
void lies_note_linked(struct lie_row *row);

void lies_read(const struct lie_row *row, struct lie *ret_lie);
void lies_set_owner(struct lie_row *row, uint32_t uid, uint32_t gid);  /* LIES_KEEP: leave */
void lies_set_mode(struct lie_row *row, uint32_t mask, uint32_t bits); /* replaces the old */
void lies_set_device(struct lie_row *row, uint32_t rdev_major, uint32_t rdev_minor);

/* The owner was changed at this time, and the kernel may not have been told. */
void lies_set_changed(struct lie_row *row, uint64_t changed_ns);

/* The file's real type and permission bits when something was last said about it: for formats that
 * want a whole mode. */
void lies_note_real_mode(struct lie_row *row, uint32_t mode);
uint32_t lies_real_mode(const struct lie_row *row);

/* A file is about to change its identity (overlay copy-up: a new birth time, sometimes a new
 * inode). Between begin and end any birth time is accepted, so nobody sees the lie gone. */
void lies_move_begin(struct lie_row *row);
int lies_move_end(struct lies *lies, struct lie_row *row, const struct file_id *now);

/* Overlayfs shows one file under two inode numbers when a file of a lower layer, copied up, is then
 * linked: the old name keeps the lower number. What is said of `other` is said of the row. */
int lies_alias(struct lies *lies, struct lie_row *row, const struct file_id *other);

enum lies_xattr { LIES_XATTR_UNKNOWN, LIES_XATTR_SET, LIES_XATTR_REMOVED };
enum lies_xattr lies_xattr_get(struct lies *lies, const struct lie_row *row, const char *name,
			       const void **ret_value, uint32_t *ret_size_bytes);
/* Was anything ever said of an attribute, of one by this name, in any row? No means no. */
bool lies_any_xattr(const struct lies *lies);
bool lies_may_have_xattr(const struct lies *lies, const char *name);
/* value NULL: removed. -ENOSPC when the table is full. */
int lies_xattr_set(struct lies *lies, struct lie_row *row, const char *name, const void *value,
		   uint32_t size_bytes);
/* From now on the file itself is asked about this attribute again. */
void lies_xattr_forget(struct lies *lies, struct lie_row *row, const char *name);
/* The names a row holds, one call each until it returns false; start with *cursor = 0. */
bool lies_xattr_next(struct lies *lies, const struct lie_row *row, uint32_t *cursor,
		     const char **ret_name, bool *ret_removed);
/* How many of them are not removed ones. */
uint32_t lies_xattr_count(struct lies *lies, const struct lie_row *row);

/* All rows that say something, in no order; start with a zeroed cursor. */
struct lies_cursor {
	uint32_t bucket;
	uint32_t reference;
};
struct lie_row *lies_next(struct lies *lies, struct lies_cursor *cursor, struct file_id *ret_id);

/* Some directory has a set-group-id bit and a group that is a lie: files made in it get that
 * group. Never reset. */
bool lies_any_setgid(const struct lies *lies);
void lies_note_setgid(struct lies *lies);
/* The type of some file on this device is a lie. Never reset. What readdir(3) says of types may be
 * wrong then, where an overlay's directories and files are on different devices, too: may that of
 * the file with this inode be a lie? */
void lies_note_type(struct lies *lies, uint64_t device);
bool lies_any_type(const struct lies *lies);
bool lies_may_lie_of_type(struct lies *lies, uint64_t inode);

#endif
