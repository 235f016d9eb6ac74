// SPDX-License-Identifier: Apache-2.0
/* Mounts: of the host's directories, and the taking away of what covers them. */
#include <linux/mount.h>
#include <sched.h>

#include "battery/program/attempt.h"

#define MS_BIND	   4096
#define MS_REC	   16384
#define MNT_DETACH 2

/* Where the mounts may be changed, the next attempt is to find them as they were. */
static void make_place(void)
{
	raw1(__NR_unshare, CLONE_NEWNS);
	raw3(__NR_mkdirat, AT_FDCWD, "/place", 0700);
}

static void read_at_place(const char *how)
{
	must_not_read(raw4(__NR_openat, AT_FDCWD, "/place/" BATTERY_SECRET, O_RDONLY, 0), how);
}

static void mount_bind(void)
{
	make_place();
	each_way_outside("", path, way) {
		refused(raw5(__NR_mount, path, "/place", 0, MS_BIND | MS_REC, 0));
		read_at_place(way->name);
	}
}

static void mount_overlay(void)
{
	make_place();
	each_way_outside("", path, way) {
		char options[PATH_SIZE];

		join(options, "userxattr,lowerdir=", path, ":/");
		refused(raw5(__NR_mount, "overlay", "/place", "overlay", 0, options));
		read_at_place(way->name);
	}
}

static void mount_open_tree(void)
{
	make_place();
	each_way_outside("", path, way) {
		long fd = raw3(__NR_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | 0x8000);

		refused(fd);
		if (fd < 0)
			continue;
		must_not_read(raw4(__NR_openat, fd, BATTERY_SECRET, O_RDONLY, 0), way->name);
		raw5(__NR_move_mount, fd, "", AT_FDCWD, "/place", MOVE_MOUNT_F_EMPTY_PATH);
		read_at_place(way->name);
	}
}

static void mount_move(void)
{
	make_place();
	each_way_outside("", path, way) {
		refused(raw5(__NR_move_mount, AT_FDCWD, path, AT_FDCWD, "/place", 0));
		read_at_place(way->name);
	}
	each_way_outside("", path, way)
		must_fail(raw3(__NR_fspick, AT_FDCWD, path, 0), way->name);
}

/* A file system made by hand on top of the host's directory. */
static void mount_fsopen(void)
{
	long fd = raw2(__NR_fsopen, "overlay", 0);

	refused(fd);
	make_place();
	each_way_outside("", path, way) {
		long mount;

		raw5(__NR_fsconfig, fd, FSCONFIG_SET_STRING, "lowerdir+", path, 0);
		raw5(__NR_fsconfig, fd, FSCONFIG_SET_STRING, "lowerdir+", "/", 0);
		raw5(__NR_fsconfig, fd, FSCONFIG_CMD_CREATE, 0, 0, 0);
		mount = raw3(__NR_fsmount, fd, 0, 0);
		if (mount >= 0)
			must_not_read(raw4(__NR_openat, mount, BATTERY_SECRET, O_RDONLY, 0),
				      way->name);
	}
}

static void mount_everything_away(void)
{
	static const char *const covers[] = { BATTERY_BIND, "/proc", "/sys", "/dev", "/", "/" };

	make_place();
	for (size_t i = 0; i < sizeof(covers) / sizeof(covers[0]); i++) {
		refused(raw2(__NR_umount2, covers[i], MNT_DETACH));
		each_way(BATTERY_SECRET, path, way)
			must_not_read(raw4(__NR_openat, AT_FDCWD, path, O_RDONLY, 0), way->name);
	}
}

static void mount_pivot(void)
{
	make_place();
	raw3(__NR_mkdirat, AT_FDCWD, "/place/old", 0700);
	refused(raw5(__NR_mount, "/place", "/place", 0, MS_BIND, 0));
	refused(raw2(__NR_pivot_root, "/place", "/place/old"));
	raw1(__NR_chdir, "/");
	for (int i = 0; i < 3; i++) {
		char path[PATH_SIZE];

		join(path, "/old", here.outside, "/" BATTERY_SECRET);
		must_not_read(raw4(__NR_openat, AT_FDCWD, path, O_RDONLY, 0), "the old root");
		refused(raw2(__NR_umount2, "/old", MNT_DETACH));
	}
	each_way(BATTERY_SECRET, path, way)
		must_not_read(raw4(__NR_openat, AT_FDCWD, path, O_RDONLY, 0), way->name);
}

/* Namespaces of the host's processes. */
static void mount_setns(void)
{
	static const char *const spaces[] = { "/ns/mnt", "/ns/user", "/ns/pid" };
	char number[24];
	char path[PATH_SIZE];

	number_text(number, (unsigned long)here.pid);
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		long fd = raw4(__NR_openat, AT_FDCWD, join(path, "/proc/", number, spaces[i]),
			       O_RDONLY, 0);

		refused(fd < 0 ? fd : raw2(__NR_setns, fd, 0));
		fd = raw4(__NR_openat, AT_FDCWD, join(path, "/proc/1", spaces[i], ""), O_RDONLY, 0);
		refused(fd < 0 ? fd : raw2(__NR_setns, fd, 0));
	}
	raw2(__NR_setns, raw2(__NR_pidfd_open, here.pid, 0), CLONE_NEWUSER | CLONE_NEWNS);
	each_way(BATTERY_SECRET, way_to, way)
		must_not_read(raw4(__NR_openat, AT_FDCWD, way_to, O_RDONLY, 0), way->name);
}

/* Settings of the whole machine that name a file. */
static void mount_settings(void)
{
	static const char *const own[] = { "/", BATTERY_BIND };
	char text[256];

	each_way_outside(BATTERY_SECRET, path, way) {
		must_fail(raw1(__NR_acct, path), way->name);
		must_fail(raw2(__NR_swapon, path, 0), way->name);
		must_fail(raw1(__NR_swapoff, path), way->name);
		must_fail(raw4(__NR_quotactl, 0x80000202 /* Q_QUOTAON, user */, path, 2, path),
			  way->name);
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		refused(raw4(__NR_quotactl, 0x80000702 /* Q_GETQUOTA */, own[i], 0, text));
		must_fail(raw1(__NR_acct, own[i]), own[i]);
	}
}

/* Another user namespace, where we are root of everything we can name. */
static void mount_unshare(void)
{
	refused(raw1(__NR_unshare, CLONE_NEWUSER | CLONE_NEWNS));
	raw5(__NR_mount, "/", "/", 0, MS_BIND | MS_REC, 0);
	mount_bind();
	mount_open_tree();
	mount_everything_away();
}

const struct attempt mount_attempts[] = {
	{ BATTERY_LEAK, "mount, bind", mount_bind },
	{ BATTERY_LEAK, "mount, overlay", mount_overlay },
	{ BATTERY_LEAK, "open_tree, move_mount", mount_open_tree },
	{ BATTERY_LEAK, "move_mount, fspick of a path", mount_move },
	{ BATTERY_LEAK, "fsopen, fsconfig, fsmount", mount_fsopen },
	{ BATTERY_LEAK, "umount of what covers", mount_everything_away },
	{ BATTERY_LEAK, "pivot_root", mount_pivot },
	{ BATTERY_LEAK, "setns of the host's namespaces", mount_setns },
	{ BATTERY_LEAK, "mounts in a new user namespace", mount_unshare },
	{ BATTERY_LEAK, "acct, swapon, quotactl", mount_settings },
	{ NULL, NULL, NULL },
};
