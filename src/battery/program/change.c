// SPDX-License-Identifier: Apache-2.0
/* Calls that make, change, move and remove. What they did to the host's files unseen, its side
 * finds out (flow/verify_engine.c). */
#include <linux/stat.h>
#include <sys/stat.h>

#include "battery/program/attempt.h"

/* For what may happen inside BOTH, only names below OUTSIDE count. */
#define each_new(path, way)    each_way_outside(BATTERY_NEW, path, way)
#define each_secret(path, way) each_way_outside(BATTERY_SECRET, path, way)

static void change_create(void)
{
	each_new(path, way)
		must_fail(raw4(__NR_openat, AT_FDCWD, path, O_CREAT | O_WRONLY, 0600), way->name);
	each_new(path, way)
		must_fail(raw4(__NR_openat, AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0600),
			  way->name);
	each_way_outside("", path, way)
		must_fail(raw4(__NR_openat, AT_FDCWD, path, O_TMPFILE | O_RDWR, 0600), way->name);
}

static void change_write(void)
{
	each_secret(path, way)
		must_fail(raw4(__NR_openat, AT_FDCWD, path, O_WRONLY | O_TRUNC, 0), way->name);
	each_secret(path, way)
		must_fail(raw2(__NR_truncate, path, 0), way->name);
}

static void change_directory(void)
{
	each_new(path, way)
		must_fail(raw3(__NR_mkdirat, AT_FDCWD, path, 0700), way->name);
	each_way_outside(BATTERY_EMPTY, path, way)
		must_fail(raw3(__NR_unlinkat, AT_FDCWD, path, AT_REMOVEDIR), way->name);
}

static void change_mknod(void)
{
	each_new(path, way)
		must_fail(raw4(__NR_mknodat, AT_FDCWD, path, S_IFIFO | 0600, 0), way->name);
}

static void change_unlink(void)
{
	each_secret(path, way)
		must_fail(raw3(__NR_unlinkat, AT_FDCWD, path, 0), way->name);
}

static void change_symlink(void)
{
	each_new(path, way)
		must_fail(raw3(__NR_symlinkat, "x", AT_FDCWD, path), way->name);
}

static void change_link(void)
{
	each_secret(path, way)
		must_fail(raw5(__NR_linkat, AT_FDCWD, path, AT_FDCWD, "/stolen", 0), way->name);
	each_secret(path, way)
		must_fail(raw5(__NR_linkat, AT_FDCWD, path, AT_FDCWD, "/stolen", AT_SYMLINK_FOLLOW),
			  way->name);
	each_new(path, way)
		must_fail(raw5(__NR_linkat, AT_FDCWD, "/" BATTERY_PROGRAM, AT_FDCWD, path, 0),
			  way->name);
}

static void change_rename(void)
{
	each_secret(path, way)
		must_fail(raw5(__NR_renameat2, AT_FDCWD, path, AT_FDCWD, "/stolen", 0), way->name);
	raw4(__NR_mknodat, AT_FDCWD, "/mine", S_IFREG | 0600, 0);
	each_new(path, way)
		must_fail(raw5(__NR_renameat2, AT_FDCWD, "/mine", AT_FDCWD, path, 1), way->name);
	each_secret(path, way)
		must_fail(raw5(__NR_renameat2, AT_FDCWD, "/mine", AT_FDCWD, path, 2), way->name);
#if defined(__NR_renameat)
	each_secret(path, way)
		must_fail(raw4(__NR_renameat, AT_FDCWD, path, AT_FDCWD, "/stolen"), way->name);
#endif
#if defined(__NR_rename)
	each_secret(path, way)
		must_fail(raw2(__NR_rename, path, "/stolen"), way->name);
#endif
}

#if defined(__NR_unlink)
/* The calls of before there was AT_FDCWD. */
static void change_old(void)
{
	each_new(path, way)
		must_fail(raw2(__NR_creat, path, 0600), way->name);
	each_new(path, way)
		must_fail(raw2(__NR_mkdir, path, 0700), way->name);
	each_new(path, way)
		must_fail(raw3(__NR_mknod, path, S_IFIFO | 0600, 0), way->name);
	each_new(path, way)
		must_fail(raw2(__NR_symlink, "x", path), way->name);
	each_secret(path, way)
		must_fail(raw2(__NR_link, path, "/stolen"), way->name);
	each_secret(path, way)
		must_fail(raw1(__NR_unlink, path), way->name);
	each_secret(path, way)
		must_fail(raw2(__NR_chmod, path, 0777), way->name);
	each_secret(path, way)
		must_fail(raw3(__NR_chown, path, -1, -1), way->name);
	each_secret(path, way)
		must_fail(raw3(__NR_lchown, path, -1, -1), way->name);
	each_secret(path, way)
		must_fail(raw2(__NR_utimes, path, 0), way->name);
	each_secret(path, way)
		must_fail(raw2(__NR_utime, path, 0), way->name);
	each_way_outside(BATTERY_EMPTY, path, way)
		must_fail(raw1(__NR_rmdir, path), way->name);
}
#endif

#define NR_FCHMODAT2  452 /* Linux 6.6 */
#define NR_SETXATTRAT 463 /* Linux 6.13 */

static void change_mode(void)
{
	each_secret(path, way)
		must_fail(raw3(__NR_fchmodat, AT_FDCWD, path, 0777), way->name);
	each_secret(path, way)
		must_fail(raw4(NR_FCHMODAT2, AT_FDCWD, path, 0777, 0), way->name);
}

static void change_owner(void)
{
	each_secret(path, way)
		must_fail(raw5(__NR_fchownat, AT_FDCWD, path, -1, -1, 0), way->name);
	each_secret(path, way)
		must_fail(raw5(__NR_fchownat, AT_FDCWD, path, 0, 0, AT_SYMLINK_NOFOLLOW),
			  way->name);
}

static void change_times(void)
{
	each_secret(path, way)
		must_fail(raw4(__NR_utimensat, AT_FDCWD, path, 0, 0), way->name);
#if defined(__NR_futimesat)
	each_secret(path, way)
		must_fail(raw3(__NR_futimesat, AT_FDCWD, path, 0), way->name);
#endif
}

static void change_xattr(void)
{
	struct {
		uint64_t value;
		uint32_t size, flags;
	} args = { (uintptr_t) "x", 1, 0 };

	each_secret(path, way)
		must_fail(raw5(__NR_setxattr, path, "user.new", "x", 1, 0), way->name);
	each_secret(path, way)
		must_fail(raw5(__NR_lsetxattr, path, "user.new", "x", 1, 0), way->name);
	each_secret(path, way)
		must_fail(raw6(NR_SETXATTRAT, AT_FDCWD, path, 0, "user.new", &args, sizeof(args)),
			  way->name);
	each_secret(path, way)
		if (raw2(__NR_removexattr, path, "user.none") == -ENODATA)
			reached(way->name);
}

/* A file without a name, made inside, gets one outside. */
static void change_tmpfile_link(void)
{
	long fd = raw4(__NR_openat, AT_FDCWD, "/", O_TMPFILE | O_RDWR, 0600);
	char link[PATH_SIZE];
	char number[24];

	if (fd < 0) {
		refused(fd);
		return;
	}
	number_text(number, (unsigned long)fd);
	join(link, "/proc/self/fd/", number, "");
	each_new(path, way)
		must_fail(raw5(__NR_linkat, AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW),
			  way->name);
	each_new(path, way)
		must_fail(raw5(__NR_linkat, fd, "", AT_FDCWD, path, AT_EMPTY_PATH), way->name);
}

const struct attempt change_attempts[] = {
	{ BATTERY_LEAK, "openat with O_CREAT, O_TMPFILE", change_create },
	{ BATTERY_LEAK, "writing, truncate", change_write },
	{ BATTERY_LEAK, "mkdirat, rmdir", change_directory },
	{ BATTERY_LEAK, "mknodat", change_mknod },
	{ BATTERY_LEAK, "unlinkat", change_unlink },
	{ BATTERY_LEAK, "symlinkat", change_symlink },
	{ BATTERY_LEAK, "linkat", change_link },
	{ BATTERY_LEAK, "rename, renameat, renameat2", change_rename },
#if defined(__NR_unlink)
	{ BATTERY_LEAK, "creat, mkdir, unlink and other old calls", change_old },
#endif
	{ BATTERY_LEAK, "fchmodat, fchmodat2", change_mode },
	{ BATTERY_LEAK, "fchownat", change_owner },
	{ BATTERY_LEAK, "utimensat, futimesat", change_times },
	{ BATTERY_LEAK, "setxattr, setxattrat, removexattr", change_xattr },
	{ BATTERY_LEAK, "O_TMPFILE and linkat", change_tmpfile_link },
	{ NULL, NULL, NULL },
};
