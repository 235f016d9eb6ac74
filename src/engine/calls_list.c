// SPDX-License-Identifier: Apache-2.0
/* Directories as the map has them: without what is hidden, and with the mount points that are not
 * there in the host's directory. The tracer reads them itself, by the process's own open file, so
 * that the place it has read to is the process's. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "engine/calls_file.h"
#include "tap/traced.h"

#define RECORD_AT 16 /* of struct linux_dirent64: its length, */
#define TYPE_AT	  18
#define NAME_AT	  19
#define ALIGNED	  8
#define DIR_TYPE  4
#define REG_TYPE  8

/* What a process reads at once: libc asks for 32 KiB, some for more and get less. */
static char entries[65536];

struct listing {
	struct visit *visit;
	int fd;		   /* the process's open directory */
	const char *guest; /* what it is called; "" is the root */
	size_t length;
	bool is_clear;	 /* the map changes nothing in it */
	bool is_proc;	 /* processes of others are not there */
	bool is_aliased; /* it may have been reached by another name, where no mount points are */
};

int visit_share_fd(const struct visit *visit, int fd)
{
	long pidfd = syscall(SYS_pidfd_open, visit->tracee->subject->pid, 0);
	long shared;

	if (pidfd < 0)
		return -1;
	shared = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	close((int)pidfd);
	return (int)shared;
}

#define PROC_ROOT_INODE 1 /* linux/proc_fs.h */

static bool is_proc(const struct listing *listing, const struct stat *st)
{
	struct statfs fs;

	return (listing->visit->calls->map->any_flags & PATHMAP_OWN_PROCESSES) &&
	       st->st_ino == PROC_ROOT_INODE && fstatfs(listing->fd, &fs) == 0 &&
	       fs.f_type == PROC_SUPER_MAGIC;
}

/* Is it one that the map changes? */
static bool begin(struct listing *listing)
{
	struct calls *calls = listing->visit->calls;
	struct stat st;
	char link[48];
	ssize_t length;
	long guest;

	if (fstat(listing->fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	listing->is_proc = is_proc(listing, &st);
	if (pathmap_is_clear(calls->map, st.st_dev, st.st_ino))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", listing->fd);
	length = readlink(link, calls->link, CALLS_ROOM_BYTES);
	if (length < 0)
		return false;
	guest = pathmap_guest_of(calls->map, listing->visit->tracee->subject->root, calls->link,
				 (size_t)length, calls->text, CALLS_ROOM_BYTES);
	listing->guest = calls->text;
	listing->length = guest == 1 ? 0 : (size_t)guest;
	if (guest > 0)
		listing->is_aliased =
			calls->map->entry[pathmap_find(calls->map, listing->guest, listing->length)]
				.flags &
			PATHMAP_ALIASED;
	return guest > 0;
}

/* The name in this directory at which the entry begins, or NULL. */
static const char *name_in(const struct listing *listing, uint32_t index)
{
	const struct pathmap *map = listing->visit->calls->map;
	const char *path = pathmap_guest(map, index);

	if (map->entry[index].guest_length <= listing->length ||
	    memcmp(path, listing->guest, listing->length) != 0 || path[listing->length] != '/')
		return NULL;
	path += listing->length + 1;
	return strchr(path, '/') ? NULL : path;
}

static bool is_hidden(const struct listing *listing, const char *name)
{
	const struct pathmap *map = listing->visit->calls->map;

	if (listing->is_proc && pathmap_may_be_process(map, name) &&
	    !tracer_owns(listing->visit->tracer, strtol(name, NULL, 10)))
		return true;
	for (uint32_t i = 0; !listing->is_clear && i < map->count; i++) {
		const char *hidden = map->entry[i].flags & PATHMAP_HIDDEN ? name_in(listing, i)
									  : NULL;

		if (hidden && strcmp(hidden, name) == 0)
			return true;
	}
	return false;
}

static size_t put_missing(const struct listing *listing, size_t room_bytes)
{
	const struct pathmap *map = listing->visit->calls->map;
	size_t used = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		const char *name = name_in(listing, i);
		uint64_t inode = i + 1;
		uint16_t record_bytes;

		if (!name || (map->entry[i].flags & PATHMAP_HIDDEN) ||
		    faccessat(listing->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		record_bytes = (uint16_t)((NAME_AT + strlen(name) + ALIGNED) & ~(ALIGNED - 1u));
		if (used + record_bytes > room_bytes)
			break;
		memset(entries + used, 0, record_bytes);
		memcpy(entries + used, &inode, sizeof(inode));
		memcpy(entries + used + RECORD_AT, &record_bytes, sizeof(record_bytes));
		entries[used + TYPE_AT] = map->entry[i].flags & PATHMAP_FILE ? REG_TYPE : DIR_TYPE;
		memcpy(entries + used + NAME_AT, name, strlen(name) + 1);
		used += record_bytes;
	}
	return used;
}

/* Of `end` bytes, those from `at` on are the kernel's: how many are left. */
static size_t take_out_hidden(const struct listing *listing, size_t at, size_t end)
{
	size_t kept = at;

	while (at < end) {
		uint16_t record_bytes;

		memcpy(&record_bytes, entries + at + RECORD_AT, sizeof(record_bytes));
		if (!is_hidden(listing, entries + at + NAME_AT)) {
			memmove(entries + kept, entries + at, record_bytes);
			kept += record_bytes;
		}
		at += record_bytes;
	}
	return kept;
}

/* What is missing comes first, before the kernel has given anything: then it is given once. */
static long list(const struct listing *listing, size_t room_bytes)
{
	size_t used = 0;
	size_t kept;
	long r;

	if (room_bytes > sizeof(entries))
		room_bytes = sizeof(entries);
	if (!listing->is_clear && !listing->is_aliased && lseek(listing->fd, 0, SEEK_CUR) == 0)
		used = put_missing(listing, room_bytes / 2);
	do {
		r = syscall(SYS_getdents64, listing->fd, entries + used, room_bytes - used);
		if (r < 0)
			return -errno;
		kept = take_out_hidden(listing, used, used + (size_t)r);
	} while (r > 0 && kept == 0);
	return (long)kept;
}

enum call_verdict calls_getdents64(struct visit *visit)
{
	bool shows_types = visit->calls->emulates && traced_types_matter();
	struct listing listing = { .visit = visit };
	auto_fd fd = visit_share_fd(visit, visit_fd(visit, 0));
	long r;

	listing.fd = fd;
	if (fd < 0)
		return CALL_GO;
	listing.is_clear = !begin(&listing);
	if (listing.is_clear && !listing.is_proc && !shows_types)
		return CALL_GO;
	r = list(&listing, visit_arg(visit, 2) & 0xffffffffu);
	if (r > 0 && shows_types)
		traced_show_types(fd, entries, (size_t)r);
	if (r > 0 && trace_write(visit->tracee->tid, visit_arg(visit, 1), entries, (size_t)r) < 0)
		r = -EFAULT;
	return visit_answer(visit, r);
}
