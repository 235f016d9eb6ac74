// SPDX-License-Identifier: Apache-2.0
/* Calls that tell whether a file is there, and what it is. */
#include <linux/openat2.h>
#include <sys/stat.h>

#include "battery/program/attempt.h"

/* The host's file is empty, that of BOTH inside is empty, the secret is not: a size tells. */
static bool is_secret_size(const struct statx *stat)
{
	return stat->stx_size > sizeof(BATTERY_PREFIX);
}

static void look_statx(void)
{
	struct statx stat;

	each_way(BATTERY_SECRET, path, way) {
		long r = raw5(__NR_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, &stat);

		refused(r);
		if (r == 0 && is_secret_size(&stat))
			reached(way->name);
	}
}

static void look_newfstatat(void)
{
	struct stat stat;

#if defined(__NR_newfstatat)
	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw4(__NR_newfstatat, AT_FDCWD, path, &stat, 0), way->name);
#else
	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw4(__NR_fstatat, AT_FDCWD, path, &stat, 0), way->name);
#endif
}

#if defined(__NR_stat)
static void look_stat(void)
{
	struct stat stat;

	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw2(__NR_stat, path, &stat), way->name);
	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw2(__NR_lstat, path, &stat), way->name);
}

static void look_access(void)
{
	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw2(__NR_access, path, 0), way->name);
}

static void look_readlink(void)
{
	char target[64];

	each_way_outside(BATTERY_LINK, path, way)
		must_fail(raw3(__NR_readlink, path, target, sizeof(target)), way->name);
}
#endif

static void look_faccessat(void)
{
	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw3(__NR_faccessat, AT_FDCWD, path, 0), way->name);
}

static void look_faccessat2(void)
{
	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw4(__NR_faccessat2, AT_FDCWD, path, 0, AT_EACCESS), way->name);
}

static void look_readlinkat(void)
{
	char target[64];

	each_way_outside(BATTERY_LINK, path, way)
		must_fail(raw4(__NR_readlinkat, AT_FDCWD, path, target, sizeof(target)), way->name);
}

static void look_statfs(void)
{
	char room[256];

	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw2(__NR_statfs, path, room), way->name);
}

static void look_xattr(void)
{
	char room[64];

	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw3(__NR_listxattr, path, room, sizeof(room)), way->name);
	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw3(__NR_llistxattr, path, room, sizeof(room)), way->name);
	each_way_outside(BATTERY_SECRET, path, way)
		if (raw4(__NR_getxattr, path, "user.none", room, sizeof(room)) == -ENODATA)
			reached(way->name);
}

/* Newer than the headers of some machines: getxattrat, listxattrat (6.13), file_getattr (6.17). The
 * numbers are the same on every architecture. */
#define NR_LISTXATTRAT	465
#define NR_FILE_GETATTR 468

static void look_listxattrat(void)
{
	char room[64];

	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw5(NR_LISTXATTRAT, AT_FDCWD, path, 0, room, sizeof(room)), way->name);
}

static void look_file_getattr(void)
{
	uint64_t attributes[3];

	each_way_outside(BATTERY_SECRET, path, way)
		must_fail(raw5(NR_FILE_GETATTR, AT_FDCWD, path, attributes, sizeof(attributes), 0),
			  way->name);
}

static void look_name_to_handle(void)
{
	struct {
		unsigned bytes;
		int type;
		unsigned char handle[HANDLE_BYTES_MAX];
	} handle;
	int mount_id;

	each_way_outside(BATTERY_SECRET, path, way) {
		handle.bytes = sizeof(handle.handle);
		must_fail(raw5(__NR_name_to_handle_at, AT_FDCWD, path, &handle, &mount_id, 0),
			  way->name);
	}
}

static void look_inotify(void)
{
	long fd = raw1(__NR_inotify_init1, O_CLOEXEC);

	each_way_outside("", path, way)
		must_fail(raw3(__NR_inotify_add_watch, fd, path, 0x100), way->name);
}

#define FAN_CLASS_NOTIF_BY_FID 0x200
#define FAN_MARK_ADD	       1
#define FAN_OPEN	       0x20

static void look_fanotify(void)
{
	long fd = raw2(__NR_fanotify_init, FAN_CLASS_NOTIF_BY_FID, O_RDONLY);

	if (fd < 0) {
		refused(fd);
		return;
	}
	each_way_outside("", path, way)
		must_fail(raw5(__NR_fanotify_mark, fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, path),
			  way->name);
}

/* What the kernel says about ourselves must not tell where on the host we are. */
static void look_own_links(void)
{
	static const char *const links[] = { "/proc/self/cwd",	 "/proc/self/root",
					     "/proc/self/exe",	 "/proc/self/fd/20",
					     "/proc/self/fd/21", "/dev/fd/21" };
	char target[PATH_SIZE];

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		long n = raw4(__NR_readlinkat, AT_FDCWD, links[i], target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = '\0';
		for (const char *at = target; *at; at++)
			if (text_begins(at, "rootlet-verify-"))
				reached(links[i]);
	}
}

static void look_getdents(void)
{
	char room[1024];

	each_way_outside("", path, way) {
		long fd = raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);

		if (fd < 0)
			refused(fd);
		else
			must_fail(raw3(__NR_getdents64, fd, room, sizeof(room)), way->name);
	}
}

const struct attempt look_attempts[] = {
	{ BATTERY_LEAK, "statx", look_statx },
	{ BATTERY_LEAK, "newfstatat", look_newfstatat },
#if defined(__NR_stat)
	{ BATTERY_LEAK, "stat, lstat", look_stat },
	{ BATTERY_LEAK, "access", look_access },
	{ BATTERY_LEAK, "readlink", look_readlink },
#endif
	{ BATTERY_LEAK, "faccessat", look_faccessat },
	{ BATTERY_LEAK, "faccessat2", look_faccessat2 },
	{ BATTERY_LEAK, "readlinkat", look_readlinkat },
	{ BATTERY_LEAK, "statfs", look_statfs },
	{ BATTERY_LEAK, "getxattr, listxattr, llistxattr", look_xattr },
	{ BATTERY_LEAK, "listxattrat", look_listxattrat },
	{ BATTERY_LEAK, "file_getattr", look_file_getattr },
	{ BATTERY_LEAK, "name_to_handle_at", look_name_to_handle },
	{ BATTERY_LEAK, "inotify_add_watch", look_inotify },
	{ BATTERY_LEAK, "fanotify_mark", look_fanotify },
	{ BATTERY_LEAK, "getdents64", look_getdents },
	{ BATTERY_LEAK, "links in /proc/self tell no path of the host", look_own_links },
	{ NULL, NULL, NULL },
};
