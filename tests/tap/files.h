/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about files, each in a folder of its own below the working directory. */
#ifndef TESTS_TAP_FILES_H
#define TESTS_TAP_FILES_H

#include "torture.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static inline void make(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0644);

	must(fd >= 0);
	must(write(fd, "text", 4) == 4);
	must(close(fd) == 0);
}

struct seen {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	dev_t rdev;
};

static inline struct seen of_stat(const struct stat *st)
{
	return (struct seen){ st->st_uid, st->st_gid, st->st_mode, st->st_rdev };
}

static inline struct seen of_statx(const struct statx *x)
{
	return (struct seen){ x->stx_uid, x->stx_gid, x->stx_mode,
			      makedev(x->stx_rdev_major, x->stx_rdev_minor) };
}

static inline void compare(struct seen a, struct seen b)
{
	must(a.uid == b.uid && a.gid == b.gid && a.mode == b.mode && a.rdev == b.rdev);
}

/* What readdir says of a name. */
static inline int type_in(const char *directory, const char *name)
{
	DIR *open_directory = opendir(directory);
	const struct dirent *entry;
	int type = -1;

	must(open_directory != NULL);
	while ((entry = readdir(open_directory)))
		if (strcmp(entry->d_name, name) == 0)
			type = entry->d_type;
	closedir(open_directory);
	return type;
}

/* Every way to ask, raw; they must agree. */
static inline struct seen see(const char *name)
{
	int fd = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct seen first;
	struct statx x;
	struct stat st;

	must(fd >= 0);
	must(syscall(SYS_newfstatat, AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	first = of_stat(&st);
	must(syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) == 0);
	compare(of_stat(&st), first);
	must(syscall(SYS_fstat, fd, &st) == 0);
	compare(of_stat(&st), first);
#ifdef SYS_lstat
	must(syscall(SYS_lstat, name, &st) == 0);
	compare(of_stat(&st), first);
#endif
	must(syscall(SYS_statx, AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_UID, &x) == 0);
	compare(of_statx(&x), first);
	must(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x) == 0);
	compare(of_statx(&x), first);
	if (syscall(SYS_statx, fd, NULL, AT_EMPTY_PATH, STATX_BASIC_STATS, &x) == 0)
		compare(of_statx(&x), first);
	must(close(fd) == 0);
	return first;
}

static inline bool owned_by(const char *name, uid_t uid, gid_t gid)
{
	struct seen seen = see(name);

	return seen.uid == uid && seen.gid == gid;
}

static inline mode_t mode_of(const char *name)
{
	return see(name).mode & 07777;
}

static inline void write_to(const char *name, int flags)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC | flags);

	must(fd >= 0 && write(fd, "text", 4) == 4);
	must(close(fd) == 0);
}

static inline int run_claim(const struct claim *claim, int argc, char **argv)
{
	const struct claim one[] = { *claim, { NULL, NULL } };

	umask(022);
	return run_claims(one, argc, argv);
}

static inline int run_in_folder(const struct claim *claim, int argc, char **argv)
{
	char folder[] = "torture-XXXXXX";
	int failures;

	must(mkdtemp(folder) && chmod(folder, 0755) == 0 && chdir(folder) == 0);
	failures = run_claim(claim, argc, argv);
	must(chdir("..") == 0);
	must(in_child(execl("/bin/rm", "rm", "-rf", folder, (char *)NULL)) == 0);
	return failures;
}

#endif
