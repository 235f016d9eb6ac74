// SPDX-License-Identifier: Apache-2.0
/* The stat family. The kernel fills the program's buffer first, so bad pointers fail there; for a
 * file nothing was said about, one look into the bloom filter is all there is to it. For others the
 * kernel must be asked again, for the birth time; so as long as a program looks at such files, it
 * is asked that way at once, and we fill the buffer. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/proc.h"

/* dev_t as makedev(3) has it; libc's own are functions. */
static uint32_t major_of(uint64_t device)
{
	return (uint32_t)((device >> 8 & 0xfff) | (device >> 32 & ~0xffful));
}

static uint32_t minor_of(uint64_t device)
{
	return (uint32_t)((device & 0xff) | (device >> 12 & ~0xfful));
}

static uint64_t device_of(uint64_t major, uint64_t minor)
{
	return (major & 0xfff) << 8 | (major & ~0xffful) << 32 | (minor & 0xff) |
	       (minor & ~0xfful) << 12;
}

/* Of a time in the fields of either struct: not before this one. */
#define NOT_BEFORE(seconds, nanoseconds, earliest_ns)                               \
	do {                                                                        \
		int64_t earliest_s_ = (int64_t)((earliest_ns) / 1000000000u);       \
		long rest_ns_ = (long)((earliest_ns) % 1000000000u);                \
                                                                                    \
		if ((seconds) < earliest_s_ ||                                      \
		    ((seconds) == earliest_s_ && (long)(nanoseconds) < rest_ns_)) { \
			(seconds) = earliest_s_;                                    \
			(nanoseconds) = (typeof(nanoseconds))rest_ns_;              \
		}                                                                   \
	} while (0)

/* Of the last file that was looked at; others are likely to have one, too. */
HOT static bool last_had_row;

static void edit_stat(struct stat *st, const struct where *where)
{
	struct file_id id = {
		.device = (uint64_t)major_of(st->st_dev) << 32 | minor_of(st->st_dev),
		.inode = st->st_ino,
	};
	struct shown shown;
	struct statx x;

	last_had_row = lies_find(&tap.lies, &id) != NULL;
	if (!last_had_row) {
		if (proc_owner(where, id.device, &shown.uid, &shown.gid)) {
			st->st_uid = shown.uid;
			st->st_gid = shown.gid;
		} else if (tap.all_root)
			st->st_uid = st->st_gid = 0;
		return;
	}
	if (files_shown(where, &x, &shown) < 0 || x.stx_ino != st->st_ino)
		return; /* changed meanwhile: what the kernel said was true at the time */
	st->st_uid = shown.uid;
	st->st_gid = shown.gid;
	st->st_mode = shown.mode;
	st->st_rdev = device_of(shown.rdev_major, shown.rdev_minor);
	NOT_BEFORE(st->st_ctim.tv_sec, st->st_ctim.tv_nsec, shown.changed_ns);
}

static void fill_stat(struct stat *st, const struct statx *x, const struct where *where)
{
	struct lie_row *row = files_row(x);
	struct shown shown;

	last_had_row = row != NULL;
	files_show(x, row, &shown);
	if (!row)
		proc_owner(where, (uint64_t)x->stx_dev_major << 32 | x->stx_dev_minor, &shown.uid,
			   &shown.gid);
	*st = (struct stat){
		.st_dev = device_of(x->stx_dev_major, x->stx_dev_minor),
		.st_ino = x->stx_ino,
		.st_mode = shown.mode,
		.st_nlink = (nlink_t)x->stx_nlink,
		.st_uid = shown.uid,
		.st_gid = shown.gid,
		.st_rdev = device_of(shown.rdev_major, shown.rdev_minor),
		.st_size = (off_t)x->stx_size,
		.st_blksize = (blksize_t)x->stx_blksize,
		.st_blocks = (blkcnt_t)x->stx_blocks,
		.st_atim = { x->stx_atime.tv_sec, x->stx_atime.tv_nsec },
		.st_mtim = { x->stx_mtime.tv_sec, x->stx_mtime.tv_nsec },
		.st_ctim = { x->stx_ctime.tv_sec, x->stx_ctime.tv_nsec },
	};
	NOT_BEFORE(st->st_ctim.tv_sec, st->st_ctim.tv_nsec, shown.changed_ns);
}

/* stat(2) triggers no automount, statx(2) does. */
static long stat_by_statx(struct stat *st, const struct where *where)
{
	struct statx x;
	long r = raw5(__NR_statx, where->dirfd, where->path, where->flags | AT_NO_AUTOMOUNT,
		      STATX_BASIC_STATS | STATX_BTIME, &x);

	if (r < 0)
		return r;
	if (!memory_is_writable(st, sizeof(*st)))
		return -EFAULT;
	fill_stat(st, &x, where);
	return 0;
}

static long stat_and_edit(struct tap_call *call, int buffer_arg, const struct where *where)
{
	long r;

	if (last_had_row && !(where->flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return stat_by_statx((struct stat *)call->arg[buffer_arg], where);
	r = pass(call);
	if (r == 0)
		edit_stat((struct stat *)call->arg[buffer_arg], where);
	return r;
}

long on_stat(struct tap_call *call)
{
	struct where where = { AT_FDCWD, (const char *)call->arg[0], 0 };

	return stat_and_edit(call, 1, &where);
}

long on_lstat(struct tap_call *call)
{
	struct where where = { AT_FDCWD, (const char *)call->arg[0], AT_SYMLINK_NOFOLLOW };

	return stat_and_edit(call, 1, &where);
}

long on_fstat(struct tap_call *call)
{
	struct where where = where_fd(call->arg[0]);

	if (fds_is_ours(call->arg[0]))
		return -EBADF;
	return stat_and_edit(call, 1, &where);
}

/* Is it about the descriptor itself? Since Linux 6.11 the path may be NULL then. */
static struct where where_of(const struct tap_call *call, long flags)
{
	struct where where = { (int)call->arg[0], (const char *)call->arg[1], (int)flags };

	if (!where.path)
		where.path = "";
	return where;
}

static bool is_hidden(const struct where *where)
{
	return (where->flags & AT_EMPTY_PATH) && fds_is_ours(where->dirfd);
}

long on_newfstatat(struct tap_call *call)
{
	struct where where = where_of(call, call->arg[3]);

	if (is_hidden(&where))
		return -EBADF;
	return stat_and_edit(call, 2, &where);
}

long on_statx(struct tap_call *call)
{
	struct where where = where_of(call, call->arg[2]);
	unsigned asked = (unsigned)call->arg[3];
	struct statx *x = (struct statx *)call->arg[4];
	struct shown shown;
	long r;

	if (is_hidden(&where))
		return -EBADF;
	if (!(asked & STATX__RESERVED))
		call->arg[3] = (long)(asked | STATX_INO | STATX_BTIME | STATX_TYPE | STATX_MODE);
	r = pass(call);
	if (r < 0)
		return r;
	files_show(x, files_row(x), &shown);
	proc_owner(&where, (uint64_t)x->stx_dev_major << 32 | x->stx_dev_minor, &shown.uid,
		   &shown.gid);
	x->stx_uid = shown.uid;
	x->stx_gid = shown.gid;
	x->stx_mode = (uint16_t)shown.mode;
	x->stx_rdev_major = shown.rdev_major;
	x->stx_rdev_minor = shown.rdev_minor;
	if (x->stx_mask & STATX_CTIME)
		NOT_BEFORE(x->stx_ctime.tv_sec, x->stx_ctime.tv_nsec, shown.changed_ns);
	if (!(asked & STATX_BTIME))
		x->stx_mask &= ~STATX_BTIME;
	return 0;
}

#define TYPE_FILE 8 /* DT_REG */

/* find(1) and others take types from here alone, where a device is the regular file that stands for
 * it. Which ones may be devices their inodes tell; the file itself is asked then. */
void files_show_types(int fd, char *entries, long size_bytes, bool is64)
{
	for (long at = 0; at < size_bytes;) {
		struct files_entry *entry = (struct files_entry *)(void *)(entries + at);
		char *type = is64 ? entry->rest : entries + at + entry->record_bytes - 1;
		struct where file = { fd, entry->rest + (is64 ? 1 : 0), AT_SYMLINK_NOFOLLOW };
		struct statx x;
		struct shown shown;

		if (*type == TYPE_FILE && lies_may_lie_of_type(&tap.lies, entry->inode) &&
		    files_shown(&file, &x, &shown) == 0)
			*type = (char)(shown.mode >> 12);
		at += entry->record_bytes;
	}
}
