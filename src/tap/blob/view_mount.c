// SPDX-License-Identifier: Apache-2.0
/* mount(2) and the like: the session's map of paths gets another version, which all processes go
 * by from their next call on. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/memory.h"
#include "tap/blob/text_number.h"
#include "tap/blob/view.h"
#include "tap/mount_calls.h"

#define LOOKUP_BYTES (3ul * PATHMAP_PATH_MAX)

/* What such a call needs, on no stack. */
struct room {
	struct tap_mounter mounter;
	char brought[PATHMAP_PATH_MAX], above[PATHMAP_PATH_MAX];
	char text[LOOKUP_BYTES], host[LOOKUP_BYTES], link[LOOKUP_BYTES];
	char exe[64];
};

/* ---- another version ---- */

static bool identify(int fd, struct pathmap_identity *ret_identity)
{
	struct stat st;

	if (raw4(__NR_newfstatat, fd, "", &st, AT_EMPTY_PATH) < 0)
		return false;
	*ret_identity = (struct pathmap_identity){ st.st_dev, st.st_ino };
	return true;
}

static long write_version(const struct tap_mount *mount, struct room *room, uint32_t from,
			  struct tap_place *to)
{
	const struct tap_mounting mounting = {
		.place = to,
		.ops = view_kernel(),
		.context = room->exe,
		.root_fd = tap.root_fd,
		.identify = identify,
		.room = { .text = room->text,
			  .host = room->host,
			  .link = room->link,
			  .bytes = LOOKUP_BYTES },
		.brought = room->brought,
		.above = room->above,
	};
	long current = view_map_version(from);

	if (raw_is_error(current))
		return -ENOMEM;
	memcpy(to, (const void *)current, tap_place_bytes((const struct tap_place *)current));
	return tap_mounting_change(&mounting, mount);
}

/* Nobody else has this number. */
static long claim_version(void)
{
	uint32_t *claimed = &tap_page_of(&tap.lies)->place_claimed;
	uint32_t number = __atomic_add_fetch(claimed, 1, __ATOMIC_RELAXED);

	if (number < TAP_PLACES)
		return number;
	__atomic_store_n(claimed, TAP_PLACES, __ATOMIC_RELAXED);
	return -ENOSPC;
}

static long change(void *context, const struct tap_mount *mount)
{
	uint32_t *version = &tap_page_of(&tap.lies)->place_version;
	long number = claim_version();
	uint32_t from;
	long base;
	long r;

	if (number < 0)
		return number;
	base = raw6(__NR_mmap, NULL, sizeof(struct tap_place), PROT_READ | PROT_WRITE, MAP_SHARED,
		    tap.lies.fd, TAP_PLACE_OFFSET + (unsigned long)number * TAP_PLACE_STRIDE);
	if (raw_is_error(base))
		return -ENOMEM;
	do {
		from = __atomic_load_n(version, __ATOMIC_ACQUIRE);
		r = write_version(mount, context, from, (struct tap_place *)base);
	} while (r == 0 && !__atomic_compare_exchange_n(version, &from, (uint32_t)number, false,
							__ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	raw2(__NR_munmap, base, sizeof(struct tap_place));
	return r;
}

/* ---- for mount_calls.c ---- */

static long read_text(void *context, char *to, unsigned long address, size_t room_bytes)
{
	long r = 0;

	(void)context;
	to[0] = '\0';
	if (address)
		r = memory_read_string(to, (const char *)address, room_bytes, EINVAL);
	return r < 0 ? r : 0;
}

/* The host's path must still lead there. */
static long look(int fd, struct tap_mount_end *end)
{
	struct stat st;
	struct stat named;
	long r = raw4(__NR_newfstatat, fd, "", &st, AT_EMPTY_PATH);

	if (r == 0)
		r = view_host_path(fd, end->host, sizeof(end->host));
	if (r >= 0)
		r = raw4(__NR_newfstatat, AT_FDCWD, end->host, &named, AT_SYMLINK_NOFOLLOW);
	if (r < 0)
		return r;
	end->is_directory = S_ISDIR(st.st_mode);
	return named.st_ino == st.st_ino && named.st_dev == st.st_dev ? 0 : -ENOENT;
}

static long find(void *context, unsigned long address, struct tap_mount_end *end)
{
	const struct view_request request = { .want = PATHMAP_FOLLOW, .flags = O_PATH };
	struct view_found found = { .guest = end->guest, .guest_room = sizeof(end->guest) };
	struct view_path path;
	long r = view_read(&path, AT_FDCWD, (long)address);

	(void)context;
	if (r == 0 && path.is_empty)
		r = address ? -ENOENT : -EFAULT;
	if (r == 0)
		r = view_find(&path, &request, &found);
	if (r < 0)
		return r;
	if (strcmp(end->guest, "/") == 0)
		end->guest[0] = '\0';
	end->is_by_link = found.is_in_proc;
	r = look(found.fd, end);
	view_close(&found);
	return r;
}

static long find_root(void *context, struct tap_mount_end *end)
{
	return find(context, (unsigned long)"/", end);
}

static long make_directory(void *context, uint32_t mode, char path[PATHMAP_PATH_MAX])
{
	size_t length = strlen(tap.place->folder);
	long number = claim_version();
	long r;

	(void)context;
	if (number < 0)
		return number;
	memcpy(path, tap.place->folder, length);
	memcpy(path + length, "/m", 2);
	text_number(path + length + 2, (unsigned long)number);
	r = raw3(__NR_mkdirat, AT_FDCWD, path, 0700);
	return r < 0 ? r : raw3(__NR_fchmodat, AT_FDCWD, path, mode);
}

/* ---- the calls ---- */

static long answer(const struct tap_call *call, struct tap_mounter *mounter)
{
	const unsigned long *arg = (const unsigned long *)call->arg;

	if (call->nr == NR_mount)
		return tap_mount(mounter, arg);
	return call->nr == NR_umount2 ? tap_unmount(mounter, arg) : tap_pivot_root(mounter, arg);
}

long view_on_mount(const struct tap_call *call)
{
	struct room *room;
	long base;
	long r;

	if (!tap.root || !creds_may(&process_read()->creds, CAP_SYS_ADMIN))
		return -EPERM;
	base = raw6(__NR_mmap, NULL, sizeof(*room), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw_is_error(base))
		return -ENOMEM;
	room = (struct room *)base;
	room->mounter.place = tap.place;
	room->mounter.root = process_read()->chroot;
	room->mounter.context = room;
	room->mounter.read_text = read_text;
	room->mounter.find = find;
	room->mounter.find_root = find_root;
	room->mounter.change = change;
	room->mounter.make_directory = make_directory;
	r = answer(call, &room->mounter);
	raw2(__NR_munmap, base, sizeof(*room));
	return r;
}
