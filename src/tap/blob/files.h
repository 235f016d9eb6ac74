/* SPDX-License-Identifier: Apache-2.0 */
/* Files and what is said about them. Paths here are the program's: they go to the kernel as they
 * are, which answers EFAULT, ENOENT or ELOOP itself. */
#ifndef TAP_BLOB_FILES_H
#define TAP_BLOB_FILES_H

#include "tap/blob/blob.h"

/* What the kernel makes of an id that is not mapped: it changes no such file at all. */
#define FILES_UNMAPPED 65534u

struct where {
	int dirfd;
	const char *path;
	int flags; /* AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH */
};

static inline struct where where_fd(long fd)
{
	return (struct where){ (int)fd, "", 0x1000 /* AT_EMPTY_PATH */ };
}

/* What the program shall see of a file. */
struct shown {
	uint32_t uid, gid, mode;
	uint32_t rdev_major, rdev_minor;
	uint64_t changed_ns; /* the time of the last change is not before this one */
};

/* statx of what identity and ownership need. */
long files_look(const struct where *where, struct statx *ret_statx);
/* The same of the directory that the last component of the path is in. */
long files_look_at_parent(const struct where *name, struct statx *ret_statx);
struct lie_row *files_row(const struct statx *statx); /* NULL: nothing known */
void files_show(const struct statx *statx, const struct lie_row *row, struct shown *ret_shown);
/* The three above in one. */
long files_shown(const struct where *where, struct statx *ret_statx, struct shown *ret_shown);

/* struct linux_dirent64, and linux_dirent, which has the type behind everything else. */
struct files_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t record_bytes;
	char rest[];
};

/* What was read of a directory, with the types as they shall be. Only where lies_any_type. */
void files_show_types(int fd, char *entries, long size_bytes, bool is64);

/* A call is about to change a file: should that change its identity, its row follows. */
struct move {
	struct lie_row *row; /* NULL: nothing is said of it */
	uint32_t mode;	     /* of the file before, 0: not looked at */
	bool may_move;	     /* its identity may change */
};
void move_begin(struct move *move, const struct where *where);
void move_end(struct move *move, const struct where *where);
/* The same for who has looked at the file, and found its row, and looks at it again. */
void move_begin_seen(struct move *move, const struct statx *x, struct lie_row *row);
void move_end_seen(struct move *move, const struct statx *x);
/* The same for a call that writes to its content, or opens it for that. The kernel takes set-id
 * bits away then, as from anybody who has no CAP_FSETID on the host; root's stay. */
void move_begin_writing(struct move *move, const struct where *where);
void move_end_writing(struct move *move, const struct where *where);

/* A regular file was made with set-id bits: they are to stay when it is written to. */
void files_keep_set_ids(const struct where *made);

/* A change of owner, or a write by somebody who is not root, takes these bits away (fs/attr.c,
 * setattr_should_drop_sgid: the group's, where it may not execute the file, not from its members).
 * That happens to those that are a lie, and to a real one of a group that the kernel takes us for
 * a member of. shown: before it. */
uint32_t files_set_ids_to_lose(const struct shown *shown);
void files_drop_set_ids(struct lie_row *row, const struct shown *shown);
/* What either does to capabilities. */
void files_drop_capability(struct lie_row *row);

/* Permission bits, really, also of what is only a place in the file system to us (O_PATH). */
long files_set_mode(const struct where *where, uint32_t mode);

/* Open again what an O_PATH or other fd refers to. */
long files_reopen(int fd, int flags);
/* The same, and where root could and we cannot, as below. */
long files_reopen_as_root(int fd, int flags);
/* On the host's own tree: open what root could. */
long files_open_as_root(int dirfd, const char *path, int flags, int mode);
/* The owner of a set-user-id file, the group of a set-group-id one; else left alone. */
void files_set_ids(int fd, uint32_t *uid, uint32_t *gid);

/* A file was made: it belongs to the process's file system ids, or the directory's group, and has
 * the directory's default ACL. `mode` is what was asked for, before the umask. */
#define FILES_NO_MODE (~0u) /* of a symbolic link */
void files_note_created(const struct where *created, const struct where *name, uint32_t mode);
/* On the host's own tree: root gets into what was made, whatever its mode says. Of a regular file
 * files_open_as_root sees to that. */
void files_keep_open_to_us(const struct where *made);
/* Without a name, in this directory (O_TMPFILE). */
void files_note_temporary(const struct where *created, const struct where *directory,
			  uint32_t mode);
/* A socket: its mode is less the umask also where a default ACL is (net/unix/af_unix.c). */
void files_note_socket(const struct where *name);
bool files_creation_matters(void);

#endif
