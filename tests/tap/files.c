// SPDX-License-Identifier: Apache-2.0
/* What root can do to files, and what every call says of them afterwards. These claims hold for
 * real root on a file system like ext4, too. With TORTURE_LOWER set, the working directory is on an
 * overlay whose lower directory has the files lower1 to lower10, the last with mode 4755. */
#include "files.h"

#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static void a_new_file_is_roots(void)
{
	make("f");
	must(owned_by("f", 0, 0));
	must(mkdir("d", 0755) == 0);
	must(owned_by("d", 0, 0));
}

static void every_way_to_give_a_file_away_works(void)
{
	int fd;

	make("f");
	must(chown("f", 1, 2) == 0);
	must(owned_by("f", 1, 2));
	must(lchown("f", (uid_t)-1, 3) == 0);
	must(owned_by("f", 1, 3));
	fd = open("f", O_RDONLY | O_CLOEXEC);
	must(fchown(fd, 4, (gid_t)-1) == 0);
	must(owned_by("f", 4, 3));
	must(fchownat(fd, "", 5, 6, AT_EMPTY_PATH) == 0);
	must(owned_by("f", 5, 6));
	must(fchownat(AT_FDCWD, "f", 70000, 4294967294u, 0) == 0);
	must(owned_by("f", 70000, 4294967294u));
	must(in_child(must(owned_by("f", 70000, 4294967294u))) == 0);
	must(chown("f", 0, 0) == 0);
	must(owned_by("f", 0, 0));
	must_fail(ENOENT, chown("gone", 1, 1));
	must_fail(EBADF, fchown(99, 1, 1));
	must_fail(EINVAL, fchownat(AT_FDCWD, "f", 1, 1, 1 << 30));
}

static void links_have_owners_of_their_own(void)
{
	make("f");
	must(symlink("f", "s") == 0);
	must(lchown("s", 1, 2) == 0);
	must(owned_by("s", 1, 2));
	must(owned_by("f", 0, 0));
	must(chown("s", 3, 4) == 0);
	must(owned_by("f", 3, 4));
	must(owned_by("s", 1, 2));
}

static void names_come_and_go_and_the_owner_stays(void)
{
	make("f");
	must(chown("f", 1, 2) == 0);
	must(rename("f", "g") == 0);
	must(owned_by("g", 1, 2));
	must(link("g", "h") == 0);
	must(owned_by("h", 1, 2));
	must(unlink("g") == 0);
	must(owned_by("h", 1, 2));
	make("g");
	must(owned_by("g", 0, 0));
	must(rename("h", "g") == 0);
	must(owned_by("g", 1, 2));
}

static void a_new_file_inherits_nothing_from_the_dead(void)
{
	for (int i = 0; i < 200; i++) {
		make("f");
		must(owned_by("f", 0, 0));
		must(chown("f", 1, 2) == 0);
		must(unlink("f") == 0);
	}
}

static bool is_another(const char *name)
{
	bool is_roots = owned_by(name, 0, 0);

	must(unlink(name) == 0);
	return is_roots;
}

/* Made in the same tick of the clock, often with the same inode. Nobody looks at the dead ones: a
 * file whose times were asked for gets finer ones (multigrain time stamps). */
static void nor_from_those_that_died_right_before_its_birth(void)
{
	for (int i = 0; i < 100; i++) {
		int fd;

		make("f");
		must(chown("f", 1, 2) == 0 && unlink("f") == 0);
		make("g");
		must(is_another("g"));
		make("over");
		make("f");
		must(chown("f", 1, 2) == 0 && rename("over", "f") == 0);
		make("g");
		must(is_another("g") && unlink("f") == 0);
		fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		must(fd >= 0 && fchown(fd, 1, 2) == 0 && close(fd) == 0);
		make("g");
		must(is_another("g"));
		must(mkfifo("p", 0600) == 0 && chown("p", 1, 2) == 0 && unlink("p") == 0);
		must(mkdir("d", 0755) == 0 && owned_by("d", 0, 0));
		must(chown("d", 1, 2) == 0 && rmdir("d") == 0);
	}
}

static void who_has_it_open_still_sees_the_owner_of_a_removed_file(void)
{
	struct stat st;
	int fd;

	make("f");
	must(chown("f", 1, 2) == 0);
	fd = open("f", O_RDWR | O_CLOEXEC);
	must(fd >= 0 && unlink("f") == 0);
	must(fstat(fd, &st) == 0 && st.st_uid == 1 && st.st_gid == 2);
	must(fchown(fd, 3, -1) == 0);
	must(fstat(fd, &st) == 0 && st.st_uid == 3 && st.st_gid == 2);
	must(close(fd) == 0);
	fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	must(fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 0 && st.st_gid == 0);
	must(close(fd) == 0);
}

static void set_id_bits_are_kept_and_dropped_as_by_the_kernel(void)
{
	make("f");
	must(chmod("f", 06755) == 0);
	must(mode_of("f") == 06755);
	must(chown("f", 1, 2) == 0);
	must(mode_of("f") == 0755);
	must(chmod("f", 06755) == 0);
	must(mode_of("f") == 06755);
	must(owned_by("f", 1, 2));
	must(mkdir("d", 0755) == 0);
	must(chmod("d", 03777) == 0);
	must(chown("d", 1, 2) == 0);
	must(mode_of("d") == 03777);
	must(syscall(SYS_fchmodat2, AT_FDCWD, "f", 0600, 0) == 0 || errno == ENOSYS);
	must(fchmodat(AT_FDCWD, "f", 0600, 0) == 0);
	must(mode_of("f") == 0600);
}

static void set_id_bits_survive_what_root_writes(void)
{
	int fd;

	make("f");
	must(chown("f", 5, 6) == 0);
	fd = open("f", O_WRONLY | O_CLOEXEC);
	must(chmod("f", 06755) == 0);
	must(write(fd, "text", 4) == 4);
	must(close(fd) == 0);
	must(mode_of("f") == 06755);
	write_to("f", O_APPEND);
	must(mode_of("f") == 06755);
	write_to("f", O_TRUNC);
	must(truncate("f", 1) == 0);
	must(mode_of("f") == 06755);
	must(owned_by("f", 5, 6));
	must(in_child(must(setgid(6) == 0 && setuid(5) == 0); write_to("f", 0)) == 0);
	must(mode_of("f") == 0755);
	fd = open("g", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 04755);
	must(fd >= 0 && write(fd, "text", 4) == 4);
	must(close(fd) == 0);
	must(mode_of("g") == 04755);
	must(chmod("g", 0755) == 0);
	must(mode_of("g") == 0755);
}

/* Of a file that its group may not execute, the set-group-id bit is its members' to keep. */
static void so_does_a_group_bit_what_its_members_write(void)
{
	make("f");
	must(chown("f", 5, 6) == 0 && chmod("f", 02644) == 0);
	must(in_child(must(setgid(6) == 0 && setuid(5) == 0); write_to("f", 0)) == 0);
	must(mode_of("f") == 02644);
	must(in_child(must(setgroups(0, NULL) == 0 && setgid(7) == 0 && setuid(5) == 0);
		      must(chown("f", -1, -1) == 0)) == 0);
	must(mode_of("f") == 0644);
	must(chmod("f", 02646) == 0);
	must(in_child(must(setgroups(0, NULL) == 0 && setgid(7) == 0 && setuid(33) == 0);
		      must_fail(EPERM, chown("f", -1, -1)); write_to("f", 0)) == 0);
	must(mode_of("f") == 0646);
}

static void no_permission_bits_stop_root(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "s" };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int caller = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[8];
	int fd;

	must(mkfifo("p", 0) == 0 && mode_of("p") == 0);
	fd = open("p", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	must(fd >= 0 && close(fd) == 0);
	umask(0777);
	must(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	umask(022);
	must(mode_of("s") == 0 && listen(listener, 1) == 0);
	must(connect(caller, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(close(listener) == 0 && close(caller) == 0);
	make("f");
	must(chmod("f", 0) == 0);
	must(mode_of("f") == 0);
	fd = open("f", O_RDWR | O_CLOEXEC);
	must(fd >= 0 && read(fd, text, sizeof(text)) == 4);
	must(close(fd) == 0);
	must(mode_of("f") == 0);
	must(mkdir("d", 0755) == 0);
	must(chmod("d", 0) == 0);
	make("d/f");
	must(mode_of("d") == 0);
	must(unlink("d/f") == 0);
	must(chmod("d", 0755) == 0);
}

static void devices_can_be_made(void)
{
	struct seen seen;

	must(mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	seen = see("null");
	must(S_ISCHR(seen.mode) && seen.rdev == makedev(1, 3));
	must(chmod("null", 0640) == 0);
	seen = see("null");
	must(S_ISCHR(seen.mode) && (seen.mode & 07777) == 0640);
	must(mknodat(AT_FDCWD, "disk", S_IFBLK | 0600, makedev(259, 70000)) == 0);
	seen = see("disk");
	must(S_ISBLK(seen.mode) && seen.rdev == makedev(259, 70000));
	must(chown("disk", 0, 6) == 0);
	must(owned_by("disk", 0, 6));
	must(S_ISBLK(see("disk").mode));
	must_fail(EEXIST, mknod("null", S_IFCHR | 0666, makedev(1, 5)));
	must(type_in(".", "null") == DT_CHR);
	must(type_in(".", "disk") == DT_BLK);
	must(mknod("fifo", S_IFIFO | 0600, 0) == 0);
	must(S_ISFIFO(see("fifo").mode));
	must(rename("null", "zero") == 0);
	must(see("zero").rdev == makedev(1, 3));
}

static void what_others_make_is_theirs(void)
{
	must(mkdir("d", 0777) == 0);
	must(chmod("d", 0777) == 0);
	must(in_child({
		     struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "d/socket" };
		     int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		     must(setregid(34, 34) == 0 && setreuid(33, 33) == 0);
		     make("d/f");
		     must(mkdir("d/d", 0755) == 0);
		     must(symlink("x", "d/s") == 0);
		     must(mkfifo("d/p", 0600) == 0);
		     must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
		     must(chmod("d/socket", 0777) == 0);
		     fd = open("d/g", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		     must(fd >= 0 && fchmod(fd, 0640) == 0);
		     must(open("d/g", O_CREAT | O_RDWR | O_CLOEXEC, 0600) >= 0);
	     }) == 0);
	must(owned_by("d/f", 33, 34));
	must(owned_by("d/d", 33, 34));
	must(owned_by("d/s", 33, 34));
	must(owned_by("d/p", 33, 34));
	must(owned_by("d/socket", 33, 34));
	must(owned_by("d/g", 33, 34));
	must(open("d/g", O_CREAT | O_RDWR | O_CLOEXEC, 0600) >= 0);
	must(owned_by("d/g", 33, 34));
}

static void a_directory_with_set_group_id_gives_its_group(void)
{
	struct stat st;
	int fd;

	must(mkdir("d", 0755) == 0);
	must(chown("d", 0, 50) == 0);
	must(chmod("d", 02775) == 0);
	make("d/f");
	must(owned_by("d/f", 0, 50));
	must(mkdir("d/d", 0755) == 0);
	must(owned_by("d/d", 0, 50));
	must(mode_of("d/d") == 02755);
	make("d/d/f");
	must(owned_by("d/d/f", 0, 50));
	fd = open("d", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	must(fd >= 0 && fstat(fd, &st) == 0 && st.st_gid == 50 && close(fd) == 0);
	must(chdir("d/d") == 0);
	make("g");
	must(owned_by("g", 0, 50));
}

/* Nobody gets a program of a group he is not in; the directory's group may be root's, too. */
static void so_does_one_of_roots_group_to_anybody(void)
{
	must(mkdir("d", 0755) == 0 && chmod("d", 02777) == 0);
	must(in_child({
		     must(setgroups(0, NULL) == 0);
		     must(setregid(34, 34) == 0 && setreuid(33, 33) == 0);
		     make("d/f");
		     must(open("d/g", O_CREAT | O_RDWR | O_CLOEXEC, 02755) >= 0);
	     }) == 0);
	must(owned_by("d/f", 33, 0));
	must(owned_by("d/g", 33, 0) && mode_of("d/g") == 0755);
}

/* What O_CREAT does with what is no file, or is there only as a link that leads nowhere. */
static void names_that_are_taken_are_not_made(void)
{
	must(mkdir("d", 0755) == 0 && symlink("target", "link") == 0);
	make("f");
	must(setegid(34) == 0);
	must_fail(EISDIR, open("d", O_CREAT | O_RDONLY | O_CLOEXEC, 0600));
	must_fail(EEXIST, open("link", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
	must(open("link", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0);
	must(owned_by("target", 0, 34));
}

static void a_directory_renamed_to_its_own_name_keeps_its_owner(void)
{
	must(mkdir("d", 0755) == 0 && chown("d", 33, 34) == 0);
	must(rename("d", "d") == 0 && rename("./d/", "d") == 0);
	must(owned_by("d", 33, 34));
}

static void what_is_no_directory_loses_bits_when_given_away(void)
{
	static const unsigned char capability[20] = { 1, 0, 0, 2, 0, 0x20 };
	char value[32];

	must(mkdir("d", 0755) == 0 && mkfifo("p", 0600) == 0 && chmod("p", 02755) == 0);
	must(setxattr("d", "security.capability", capability, sizeof(capability), 0) == 0);
	must(chown("p", 33, 34) == 0 && mode_of("p") == 0755);
	must(chown("d", 33, 34) == 0);
	must(getxattr("d", "security.capability", value, sizeof(value)) == sizeof(capability));
}

static void a_temporary_file_can_be_given_away(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char name[64];

	must(fd >= 0);
	must(fchown(fd, 1, 2) == 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	must(linkat(AT_FDCWD, name, AT_FDCWD, "f", AT_SYMLINK_FOLLOW) == 0);
	must(owned_by("f", 1, 2));
}

static void processes_agree(void)
{
	for (int i = 0; i < 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		must(in_child(make(name); must(chown(name, (uid_t)i, 7) == 0)) == 0);
	}
	must(in_child(execl("/bin/sh", "sh", "-c",
			    "set -- f?; test $# = 8; for f; do "
			    "test \"$(stat -c %u:%g $f)\" = \"${f#f}:7\" || exit 1; done",
			    (char *)NULL)) == 0);
}

static const char *lower(int number)
{
	static char name[16];

	snprintf(name, sizeof(name), "lower%d", number);
	must(access(name, F_OK) == 0);
	must(chown(name, 5, 6) == 0);
	must(owned_by(name, 5, 6));
	return name;
}

/* Every call that copies a file up on an overlay; its identity changes then. chown itself copies up
 * first, so the row is made for the upper file; lies about files that are still below are seeded
 * (see seeded_owners_survive). */
static void owners_survive_every_change(void)
{
	struct timeval times[2] = { { 1, 0 }, { 2, 0 } };
	const char *name;
	int fd;

	if (!getenv("TORTURE_LOWER"))
		return;
	name = lower(1);
	fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
	must(fd >= 0 && write(fd, "x", 1) == 1);
	must(owned_by(name, 5, 6));
	name = lower(2);
	must(truncate(name, 0) == 0);
	must(owned_by(name, 5, 6));
	name = lower(3);
	must(utimes(name, times) == 0);
	must(owned_by(name, 5, 6));
	name = lower(4);
	must(rename(name, "moved") == 0);
	must(owned_by("moved", 5, 6));
	name = lower(5);
	must(link(name, "linked") == 0);
	must(owned_by("linked", 5, 6));
	must(owned_by(name, 5, 6));
	must(chown("linked", 7, 8) == 0);
	must(owned_by(name, 7, 8));
	must(chown("lower9", 0, 0) == 0);
	must(link("lower9", "linked9") == 0);
	must(chown("lower9", 7, 8) == 0);
	must(owned_by("linked9", 7, 8));
	name = lower(6);
	must(setxattr(name, "user.x", "1", 1, 0) == 0);
	must(owned_by(name, 5, 6));
	write_to("lower10", O_APPEND); /* 4755 below */
	must(mode_of("lower10") == 04755);
	name = lower(7); /* two links below */
	must(chmod(name, 0600) == 0);
	must(owned_by(name, 5, 6));
	must(owned_by("lower8", 0, 0)); /* chown broke the link, as overlays do */
}

static int64_t changed_ns(const char *name)
{
	struct stat st;

	must(syscall(SYS_newfstatat, AT_FDCWD, name, &st, 0) == 0);
	return (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
}

/* Until whatever is changed now gets a later time. */
static void wait_until_after(int64_t time_ns)
{
	struct timespec now;

	do
		must(clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0);
	while ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec <= time_ns);
}

/* Many files, one after the other: also where not each of them is told to the kernel. */
static void a_change_of_owner_has_a_time(void)
{
	int64_t before;
	int64_t last;
	char name[16];

	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name);
	}
	last = before = changed_ns("f7");
	wait_until_after(last);
	for (int i = 0; i < 8; i++) {
		struct statx x;

		snprintf(name, sizeof(name), "f%d", i);
		must(chown(name, 5, 6) == 0);
		must(changed_ns(name) > before);
		must(changed_ns(name) >= last);
		last = changed_ns(name);
		must(syscall(SYS_statx, AT_FDCWD, name, 0, STATX_BASIC_STATS, &x) == 0);
		must(x.stx_ctime.tv_sec * 1000000000 + x.stx_ctime.tv_nsec == last);
	}
	wait_until_after(last);
	must(chmod("f7", 0600) == 0);
	must(changed_ns("f7") > last);
}

/* Also when that happens right after another chown there, and in another process. */
static void a_mount_made_read_only_refuses(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return;
	must(mkdir("m", 0755) == 0);
	must(mount("memory", "m", "tmpfs", 0, NULL) == 0);
	make("m/f");
	make("m/g");
	for (int i = 1; i < 9; i++) {
		must(chown("m/f", (uid_t)i, 1) == 0);
		must(chown("m/g", (uid_t)i, 1) == 0);
		must(in_child(must(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY | MS_BIND, NULL) ==
				   0)) == 0);
		must_fail(EROFS, chown("m/f", 99, 99));
		must_fail(EROFS, chown("m/g", 99, 99));
		must(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
	}
	must(owned_by("m/f", 8, 1));
}

/* The kernel's buffer is filled by us sometimes. */
static void all_that_stat_says_is_what_statx_says(void)
{
	struct statx x;
	struct stat st;
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0);
	make("f");
	must(chown("f", 5, 6) == 0);
	for (int i = 0; i < 3; i++) {
		must(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x) == 0);
		memset(&st, 0x55, sizeof(st));
		must(syscall(SYS_newfstatat, AT_FDCWD, "f", &st, 0) == 0);
		compare(of_stat(&st), of_statx(&x));
		must(st.st_dev == makedev(x.stx_dev_major, x.stx_dev_minor));
		must(st.st_ino == x.stx_ino && st.st_nlink == x.stx_nlink);
		must(st.st_size == (off_t)x.stx_size && st.st_blocks == (blkcnt_t)x.stx_blocks);
		must(st.st_blksize == (blksize_t)x.stx_blksize);
		must(st.st_mtim.tv_sec == x.stx_mtime.tv_sec);
		must(st.st_mtim.tv_nsec == x.stx_mtime.tv_nsec);
		must(st.st_atim.tv_nsec == x.stx_atime.tv_nsec);
		must_fail(EFAULT, syscall(SYS_newfstatat, AT_FDCWD, "f", 8, 0));
		must_fail(EFAULT, syscall(SYS_newfstatat, AT_FDCWD, "f", pages + 4096 - 64, 0));
		must_fail(EFAULT, syscall(SYS_newfstatat, AT_FDCWD, "f", "constant", 0));
		must_fail(EINVAL, syscall(SYS_newfstatat, AT_FDCWD, "f", &st, 0x10));
		must_fail(ENOENT, syscall(SYS_newfstatat, AT_FDCWD, "gone", &st, 0));
	}
	must(munmap(pages, 8192) == 0);
}

static const struct claim claims[] = {
	CLAIM(a_change_of_owner_has_a_time),
	CLAIM(a_mount_made_read_only_refuses),
	CLAIM(all_that_stat_says_is_what_statx_says),
	CLAIM(a_new_file_is_roots),
	CLAIM(every_way_to_give_a_file_away_works),
	CLAIM(links_have_owners_of_their_own),
	CLAIM(names_come_and_go_and_the_owner_stays),
	CLAIM(a_new_file_inherits_nothing_from_the_dead),
	CLAIM(nor_from_those_that_died_right_before_its_birth),
	CLAIM(who_has_it_open_still_sees_the_owner_of_a_removed_file),
	CLAIM(set_id_bits_are_kept_and_dropped_as_by_the_kernel),
	CLAIM(set_id_bits_survive_what_root_writes),
	CLAIM(so_does_a_group_bit_what_its_members_write),
	CLAIM(no_permission_bits_stop_root),
	CLAIM(devices_can_be_made),
	CLAIM(what_others_make_is_theirs),
	CLAIM(a_directory_with_set_group_id_gives_its_group),
	CLAIM(so_does_one_of_roots_group_to_anybody),
	CLAIM(names_that_are_taken_are_not_made),
	CLAIM(a_directory_renamed_to_its_own_name_keeps_its_owner),
	CLAIM(what_is_no_directory_loses_bits_when_given_away),
	CLAIM(a_temporary_file_can_be_given_away),
	CLAIM(processes_agree),
	CLAIM(owners_survive_every_change),
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	int failures = 0;

	for (const struct claim *claim = claims; claim->name; claim++)
		failures += claim->check == owners_survive_every_change
				    ? run_claim(claim, argc, argv)
				    : run_in_folder(claim, argc, argv);
	return failures != 0;
}
