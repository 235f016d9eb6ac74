// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tap/blob/blob.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"
#include "tap/blob/view_list.h"

#define OURS	5
#define MORE	64 /* descriptors above the limit */
#define CARRIED 3  /* the first three stay open over exec */

HOT static bool has_moved; /* any of them, by what was done in this memory */

static int *ours(size_t index)
{
	static int *const all[OURS] = { &tap.blob_fd, &tap.image_fd, &tap.lies.fd, &tap.exe_fd,
					&tap.root_fd };

	return all[index];
}

bool fds_is_ours(long fd)
{
	for (size_t i = 0; i < OURS; i++)
		if (*ours(i) == (int)fd)
			return *ours(i) >= 0;
	return false;
}

static bool is_same(size_t index, int fd)
{
	const struct tap_file *file = &tap.page->files[index];
	struct statx x;

	return raw5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_INO, &x) == 0 &&
	       ((uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor) == file->device &&
	       x.stx_ino == file->inode;
}

static int find_again(size_t index)
{
	int fd = *ours(index);
	int end = (int)tap.page->fd_base + 2 * MORE;

	if (is_same(index, fd))
		return 0;
	for (fd = (int)tap.page->fd_base; !is_same(index, fd); fd++)
		if (fd > end)
			return -EBADF;
	*ours(index) = fd;
	return 0;
}

/* Nobody takes one of them without the others: they are the highest. */
int fds_verify(void)
{
	int r = 0;

	if (!has_moved && is_same(0, tap.blob_fd))
		return 0;
	for (size_t i = 0; r == 0 && i < CARRIED; i++)
		r = find_again(i);
	return r;
}

bool fds_raise(struct fds_limit *ret_old)
{
	struct fds_limit more;

	if (raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, NULL, ret_old) < 0)
		return false;
	more = *ret_old;
	more.soft += MORE;
	if (more.soft > more.hard)
		more.soft = more.hard;
	return more.soft > ret_old->soft &&
	       raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, &more, NULL) == 0;
}

void fds_restore(const struct fds_limit *old)
{
	raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, old, NULL);
}

long fds_open(int dirfd, const char *path, int flags)
{
	long fd = raw4(__NR_openat, dirfd, path, flags, 0);
	struct fds_limit old;

	if (fd != -EMFILE || !fds_raise(&old))
		return fd;
	fd = raw4(__NR_openat, dirfd, path, flags, 0);
	fds_restore(&old);
	return fd;
}

/* To another number, as high as can be. */
static long move(int fd, bool carried)
{
	int command = carried ? F_DUPFD : F_DUPFD_CLOEXEC;
	long moved = raw3(__NR_fcntl, fd, command, tap.page->fd_base);
	struct fds_limit old;

	if ((moved != -EMFILE && moved != -EINVAL) || !fds_raise(&old))
		return moved;
	moved = raw3(__NR_fcntl, fd, command, old.soft);
	fds_restore(&old);
	return moved;
}

long on_hidden_fd(struct tap_call *call)
{
	return fds_is_ours(call->arg[0]) ? -EBADF : pass(call);
}

long on_close(struct tap_call *call)
{
	return on_hidden_fd(call);
}

/* The program wants the number one of ours has: ours moves. */
long on_dup2(struct tap_call *call)
{
	if (fds_is_ours(call->arg[0]))
		return -EBADF;
	for (size_t i = 0; i < OURS; i++) {
		int fd = *ours(i);
		long moved;

		if (fd < 0 || fd != (int)call->arg[1])
			continue;
		has_moved = true;
		moved = move(fd, i < CARRIED);
		if (moved < 0)
			return moved;
		*ours(i) = (int)moved;
	}
	return pass(call);
}

/* In pieces around ours, in ascending order. */
long on_close_range(struct tap_call *call)
{
	unsigned long at = (unsigned)call->arg[0];
	unsigned long last = (unsigned)call->arg[1];

	if (at > last)
		return pass(call);
	while (at <= last) {
		unsigned long next = last + 1;
		long r;

		for (size_t i = 0; i < OURS; i++)
			if (*ours(i) >= 0 && (unsigned long)*ours(i) >= at &&
			    (unsigned long)*ours(i) < next)
				next = (unsigned long)*ours(i);
		if (next > at) {
			r = raw3(call->nr, at, next - 1, call->arg[2]);
			if (r < 0)
				return r;
		}
		at = next + 1;
	}
	return 0;
}

/* A directory entry as getdents64 gives it; getdents has the same but for the type, which is the
 * last byte of the record. */
static bool is_our_number(const char *name)
{
	unsigned long fd = 0;

	if (!*name)
		return false;
	for (; *name; name++) {
		if (*name < '0' || *name > '9' || fd > 1ul << 24)
			return false;
		fd = fd * 10 + (unsigned long)(*name - '0');
	}
	return fds_is_ours((long)fd);
}

/* Only /proc/PID has directories; numbers that are links or files are in fd, fdinfo. */
static bool is_proc(long fd)
{
	long statfs[15] = { 0 }; /* struct statfs: 120 bytes, the type first */

	return raw2(__NR_fstatfs, fd, statfs) == 0 && statfs[0] == PROC_SUPER_MAGIC;
}

#define TYPE_DIRECTORY 4 /* DT_DIR */

static bool is_to_be_hidden(const struct files_entry *entry, bool is64)
{
	char type = is64 ? entry->rest[0] : ((const char *)entry)[entry->record_bytes - 1];

	return type != TYPE_DIRECTORY && is_our_number(entry->rest + (is64 ? 1 : 0));
}

static long hide(long fd, char *entries, long size_bytes, bool is64)
{
	long kept = 0;

	for (long at = 0; at < size_bytes;) {
		struct files_entry *entry = (struct files_entry *)(void *)(entries + at);
		uint16_t record_bytes = entry->record_bytes;

		if ((is_to_be_hidden(entry, is64) && is_proc(fd)) ||
		    (tap.place && view_hides((int)fd, entry->rest + (is64 ? 1 : 0)))) {
			at += record_bytes;
			continue;
		}
		if (kept != at)
			memmove(entries + kept, entry, record_bytes);
		kept += record_bytes;
		at += record_bytes;
	}
	return kept;
}

static long read_directory(struct tap_call *call, bool is64)
{
	long r;

	if (fds_is_ours(call->arg[0]))
		return -EBADF;
	do {
		r = tap.place && is64 ? view_list(call) : pass(call);
		if (r <= 0)
			return r;
		r = hide(call->arg[0], (char *)call->arg[1], r, is64);
	} while (r == 0); /* all of them were ours: 0 would mean the end */
	if (lies_any_type(&tap.lies))
		files_show_types((int)call->arg[0], (char *)call->arg[1], r, is64);
	return r;
}

long on_getdents64(struct tap_call *call)
{
	return read_directory(call, true);
}

long on_getdents(struct tap_call *call)
{
	return read_directory(call, false);
}
