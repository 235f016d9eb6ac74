// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/acl.h"
#include "tap/blob/fds.h"
#include "tap/blob/memory.h"
#include "tap/blob/scratch.h"

/* Not the times: one who has asked for them makes the next change of the file take a finer, and
 * dearer, time stamp (Documentation/filesystems/multigrain-ts.rst). */
#define LOOK                                                                                       \
	(STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_GID | STATX_INO | STATX_BTIME | \
	 STATX_MNT_ID)

long files_look(const struct where *where, struct statx *ret_statx)
{
	return raw5(__NR_statx, where->dirfd, where->path, where->flags, LOOK, ret_statx);
}

struct lie_row *files_row(const struct statx *statx)
{
	struct file_id id = lies_id_of(statx);

	return lies_find(&tap.lies, &id);
}

void files_show(const struct statx *statx, const struct lie_row *row, struct shown *ret_shown)
{
	struct lie lie = { .uid = LIES_KEEP, .gid = LIES_KEEP };
	if (row)
		lies_read(row, &lie);
	*ret_shown = (struct shown){
		.uid = lie.uid != LIES_KEEP ? lie.uid
		       : tap.all_root	    ? 0
					    : statx->stx_uid,
		.gid = lie.gid != LIES_KEEP ? lie.gid
		       : tap.all_root	    ? 0
					    : statx->stx_gid,
		.mode = (statx->stx_mode & ~lie.mode_mask) | lie.mode_bits,
		.rdev_major = lie.mode_mask & S_IFMT ? lie.rdev_major : statx->stx_rdev_major,
		.rdev_minor = lie.mode_mask & S_IFMT ? lie.rdev_minor : statx->stx_rdev_minor,
		.changed_ns = lie.changed_ns,
	};
}

long files_shown(const struct where *where, struct statx *ret_statx, struct shown *ret_shown)
{
	long r = files_look(where, ret_statx);

	if (r == 0)
		files_show(ret_statx, files_row(ret_statx), ret_shown);
	return r;
}

void move_begin_seen(struct move *move, const struct statx *x, struct lie_row *row)
{
	move->row = row;
	move->mode = 0;
	move->may_move = lies_may_move(&tap.lies, x);
	if (row && move->may_move)
		lies_move_begin(row);
}

void move_begin(struct move *move, const struct where *where)
{
	struct statx x;

	*move = (struct move){ 0 };
	if (lies_any_may_move(&tap.lies) && !lies_empty(&tap.lies) && files_look(where, &x) == 0)
		move_begin_seen(move, &x, files_row(&x));
}

void move_end_seen(struct move *move, const struct statx *x)
{
	struct file_id now = lies_id_of(x);

	if (move->row && move->may_move)
		lies_move_end(&tap.lies, move->row, &now);
}

void move_end(struct move *move, const struct where *where)
{
	struct statx x;

	if (move->row && move->may_move && files_look(where, &x) == 0)
		move_end_seen(move, &x);
}

#define SET_IDS (S_ISUID | S_ISGID)

void move_begin_writing(struct move *move, const struct where *where)
{
	struct statx x;

	*move = (struct move){ 0 };
	if (files_look(where, &x) < 0)
		return;
	move_begin_seen(move, &x, files_row(&x));
	if (S_ISREG(x.stx_mode) && (move->row || (x.stx_mode & SET_IDS)))
		move->mode = x.stx_mode;
}

/* The bits the file had are said from now on. */
static void keep_set_ids(struct lie_row *row, uint32_t mode)
{
	struct lie lie;

	lies_read(row, &lie);
	mode &= SET_IDS & ~lie.mode_mask;
	if (mode)
		lies_set_mode(row, lie.mode_mask | mode, lie.mode_bits | mode);
}

void move_end_writing(struct move *move, const struct where *where)
{
	struct lie_row *row;
	struct shown shown;
	struct file_id now;
	struct statx x;

	move_end(move, where);
	if (!move->mode || files_look(where, &x) < 0)
		return;
	now = lies_id_of(&x);
	row = lies_find(&tap.lies, &now);
	if (!creds_may(&process_read()->creds, CAP_FSETID)) {
		if (!row && (x.stx_mode & S_ISGID)) /* the kernel takes us for one of the group */
			row = lies_make(&tap.lies, &now);
		files_show(&x, row, &shown);
		if (row)
			files_drop_set_ids(row, &shown);
	} else if (row || (move->mode & SET_IDS)) {
		row = row ? row : lies_make(&tap.lies, &now);
		if (row)
			keep_set_ids(row, move->mode);
		if (row)
			lies_note_real_mode(row, x.stx_mode);
	}
	if (row)
		files_drop_capability(row);
}

void files_keep_set_ids(const struct where *made)
{
	struct move move = { 0 };
	struct statx x;

	if (creds_may(&process_read()->creds, CAP_FSETID) && files_look(made, &x) == 0 &&
	    (x.stx_mode & SET_IDS)) {
		move.mode = x.stx_mode;
		move_end_writing(&move, made);
	}
}

uint32_t files_set_ids_to_lose(const struct shown *shown)
{
	const struct creds *creds = &process_read()->creds;
	uint32_t mode = shown->mode;

	if (S_ISDIR(mode))
		return 0;
	if (!(mode & S_IXGRP) &&
	    (creds_may(creds, CAP_FSETID) || creds_in_group(creds, shown->gid)))
		mode &= ~(uint32_t)S_ISGID;
	return mode & SET_IDS;
}

void files_drop_set_ids(struct lie_row *row, const struct shown *shown)
{
	uint32_t lost = files_set_ids_to_lose(shown);
	uint32_t real = shown->mode & S_IXGRP ? 0 : lost & S_ISGID;
	struct lie lie;

	lies_read(row, &lie);
	if (real || (lost & lie.mode_bits))
		lies_set_mode(row, lie.mode_mask | real, lie.mode_bits & ~lost);
}

void files_drop_capability(struct lie_row *row)
{
	static const char capability[] = "security.capability";
	const void *value;
	uint32_t size_bytes;

	if (lies_xattr_get(&tap.lies, row, capability, &value, &size_bytes) == LIES_XATTR_SET)
		lies_xattr_set(&tap.lies, row, capability, NULL, 0);
}

static void print_fd_link(char link[32], unsigned fd)
{
	char digits[12];
	size_t count = 0;
	char *at = link + 14;

	memcpy(link, "/proc/self/fd/", 14);
	do {
		digits[count++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd);
	while (count)
		*at++ = digits[--count];
	*at = '\0';
}

long files_reopen(int fd, int flags)
{
	char link[32];

	print_fd_link(link, (unsigned)fd);
	return fds_open(AT_FDCWD, link, flags & ~O_NOFOLLOW);
}

long files_reopen_as_root(int fd, int flags)
{
	char link[32];
	long r = files_reopen(fd, flags);

	if (r != -EACCES)
		return r;
	print_fd_link(link, (unsigned)fd);
	return files_open_as_root(AT_FDCWD, link, flags & ~O_NOFOLLOW, 0);
}

/* As fakeroot(1) does: lend ourselves the permission for the moment. What a directory on the way
 * refuses stays refused; who is not root any more was asked about before (permission.h). */
long files_open_as_root(int dirfd, const char *path, int flags, int mode)
{
	struct where where = { dirfd, path, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0 };
	struct statx x;
	long r;

	if (!tap.root || !tap.host_tree || files_look(&where, &x) < 0 || !S_ISREG(x.stx_mode))
		return -EACCES;
	r = raw3(__NR_fchmodat, dirfd, path, (x.stx_mode & 07777) | 0600);
	if (r < 0)
		return -EACCES;
	r = raw4(__NR_openat, dirfd, path, flags, mode);
	raw3(__NR_fchmodat, dirfd, path, x.stx_mode & 07777);
	return r;
}

void files_set_ids(int fd, uint32_t *uid, uint32_t *gid)
{
	struct where where = where_fd(fd);
	struct shown shown;
	struct statx x;

	if (files_shown(&where, &x, &shown) < 0)
		return;
	/* fs/exec.c, bprm_fill_uid: of whose owner is not mapped they are not looked at */
	if ((shown.uid == FILES_UNMAPPED || shown.gid == FILES_UNMAPPED) && !files_row(&x))
		return;
	if (shown.mode & S_ISUID)
		*uid = shown.uid;
	if ((shown.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		*gid = shown.gid;
}

bool files_creation_matters(void)
{
	const struct creds *creds = &process_read()->creds;

	return creds->user.file_system || creds->group.file_system || lies_any_setgid(&tap.lies) ||
	       acl_any_default();
}

#define SHORT_PATH 256

/* Of what is open, the name it has now. */
static long read_name(const struct where *name, char *room, size_t room_bytes)
{
	char link[32];
	long r;

	if (!(name->flags & AT_EMPTY_PATH))
		return memory_read_string(room, name->path, room_bytes, ENAMETOOLONG);
	print_fd_link(link, (unsigned)name->dirfd);
	r = raw4(__NR_readlinkat, AT_FDCWD, link, room, room_bytes);
	return r == (long)room_bytes ? -ENAMETOOLONG : r;
}

/* Look at the directory a name was made in. */
static long look_at_parent(const struct where *name, char *room, size_t room_bytes,
			   struct statx *ret_statx)
{
	struct where parent = { name->dirfd, room, 0 };
	long length = read_name(name, room, room_bytes);

	if (length < 0)
		return length;
	while (length > 1 && room[length - 1] == '/')
		length--;
	while (length > 0 && room[length - 1] != '/')
		length--;
	room[length] = '\0'; /* "a/b/", "/" or "" */
	parent.flags = length ? 0 : AT_EMPTY_PATH;
	return files_look(&parent, ret_statx);
}

long files_look_at_parent(const struct where *name, struct statx *ret_statx)
{
	char short_path[SHORT_PATH];
	long r = look_at_parent(name, short_path, sizeof(short_path), ret_statx);
	char *path;

	if (r != -ENAMETOOLONG)
		return r;
	path = scratch_take(TAP_PATH_MAX);
	if (!path)
		return -ENOMEM;
	r = look_at_parent(name, path, TAP_PATH_MAX, ret_statx);
	scratch_put(path);
	return r;
}

static void say_owner(const struct statx *x, uint32_t uid, uint32_t gid, bool setgid_directory)
{
	struct file_id id = lies_id_of(x);
	struct lie_row *row = lies_make(&tap.lies, &id);

	if (!row)
		return;
	lies_note_real_mode(row, x->stx_mode);
	lies_set_owner(row, uid, gid);
	if (!setgid_directory)
		return;
	lies_note_setgid(&tap.lies);
	if (!(x->stx_mode & S_ISGID))
		lies_set_mode(row, S_ISGID, S_ISGID);
}

long files_set_mode(const struct where *where, uint32_t mode)
{
	char link[32];

	if (!(where->flags & AT_EMPTY_PATH))
		return raw3(__NR_fchmodat, where->dirfd, where->path, mode);
	print_fd_link(link, (unsigned)where->dirfd);
	return raw3(__NR_fchmodat, AT_FDCWD, link, mode);
}

/* fs/inode.c, mode_strip_sgid: nobody gets a program of a group he is not in. */
static void drop_set_gid(const struct where *created, const struct shown *parent, uint32_t mode)
{
	const struct creds *creds = &process_read()->creds;
	const uint32_t bits = S_ISGID | S_IXGRP;
	struct statx x;

	if ((mode & bits) != bits || creds_in_group(creds, parent->gid) ||
	    creds_may(creds, CAP_FSETID) || files_look(created, &x) < 0)
		return;
	if (!S_ISDIR(x.stx_mode))
		files_set_mode(created, x.stx_mode & 07777 & ~(uint32_t)S_ISGID);
}

/* parent: NULL where it cannot be looked at. */
static void note_created(const struct where *created, const struct statx *parent, uint32_t mode)
{
	const struct creds *creds = &process_read()->creds;
	uint32_t uid = creds->user.file_system;
	uint32_t gid = creds->group.file_system;
	bool by_directory = false;
	struct lie_row *row;
	struct shown shown;
	struct statx x;

	if (parent) {
		row = files_row(parent);
		files_show(parent, row, &shown);
		by_directory = shown.mode & S_ISGID;
		if (mode != FILES_NO_MODE)
			acl_inherit(created, row, mode);
		if (by_directory && mode != FILES_NO_MODE)
			drop_set_gid(created, &shown, mode);
	}
	if (by_directory)
		gid = shown.gid;
	if ((!uid && !gid && !by_directory) || files_look(created, &x) < 0)
		return;
	by_directory = by_directory && S_ISDIR(x.stx_mode);
	if (uid || gid || (by_directory && !(x.stx_mode & S_ISGID)))
		say_owner(&x, uid, gid, by_directory);
}

static bool parents_matter(void)
{
	return process_read()->creds.group.file_system || lies_any_setgid(&tap.lies) ||
	       acl_any_default();
}

void files_note_created(const struct where *created, const struct where *name, uint32_t mode)
{
	struct statx parent;
	bool matters = parents_matter() && files_look_at_parent(name, &parent) == 0;

	note_created(created, matters ? &parent : NULL, mode);
}

void files_keep_open_to_us(const struct where *made)
{
	struct lie_row *row;
	struct file_id id;
	struct statx x;
	struct lie lie;
	uint32_t ours;

	if (files_look(made, &x) < 0 || S_ISLNK(x.stx_mode))
		return;
	ours = S_ISDIR(x.stx_mode) ? S_IRWXU : S_IRUSR | S_IWUSR;
	if ((x.stx_mode & ours) == ours || files_set_mode(made, (x.stx_mode & 07777) | ours) < 0)
		return;
	id = lies_id_of(&x);
	row = lies_make(&tap.lies, &id);
	if (!row)
		return;
	lies_note_real_mode(row, x.stx_mode | ours);
	lies_read(row, &lie);
	lies_set_mode(row, lie.mode_mask | ours, (lie.mode_bits & ~ours) | (x.stx_mode & ours));
}

void files_note_temporary(const struct where *created, const struct where *directory, uint32_t mode)
{
	struct statx parent;
	bool matters = parents_matter() && files_look(directory, &parent) == 0;

	note_created(created, matters ? &parent : NULL, mode);
}

void files_note_socket(const struct where *name)
{
	struct statx x;

	if (files_look(name, &x) == 0)
		files_note_created(name, name, x.stx_mode & 07777);
}
