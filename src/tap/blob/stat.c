// SPDX-License-Identifier: Apache-2.0
/* The stat family. The kernel fills the program's buffer first, so bad pointers fail there; for a
 * file nothing was said about, one look into the bloom filter is all there is to it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"
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

static void edit_stat(struct stat *st, const struct where *where)
{
	struct file_id id = {
		.device = (uint64_t)major_of(st->st_dev) << 32 | minor_of(st->st_dev),
		.inode = st->st_ino,
	};
	struct shown shown;
	struct statx x;

	if (!lies_find(&tap.lies, &id)) {
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
}

static long stat_and_edit(struct tap_call *call, int buffer_arg, const struct where *where)
{
	long r = pass(call);

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
	if (!(asked & STATX_BTIME))
		x->stx_mask &= ~STATX_BTIME;
	return 0;
}
