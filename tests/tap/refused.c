// SPDX-License-Identifier: Apache-2.0
/* Claims of processes that gave up being root: what they may do and what they are refused holds for
 * real users, too. */
#include "torture.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <utime.h>

#define SOMEBODY 1234
#define OTHER	 1235
#define FRIENDS	 77

static char self[4096];
static char folder[64];

/* Each claim begins as root in an empty directory of its own, which anybody may search. */
static void begin(void)
{
	strcpy(folder, "/tmp/refused-XXXXXX");
	umask(022);
	must(mkdtemp(folder));
	must(chmod(folder, 0755) == 0);
	must(chdir(folder) == 0);
}

static void end(void)
{
	must(chdir("/") == 0);
	must(in_child(execlp("rm", "rm", "-r", folder, (char *)NULL)) == 0);
}

static void become(uid_t uid)
{
	must(setgroups(0, NULL) == 0);
	must(setgid(uid) == 0);
	must(setuid(uid) == 0);
}

static void make_file(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, "text\n", 5) == 5 && close(fd) == 0);
	must(chown(name, uid, gid) == 0);
	must(chmod(name, mode) == 0);
}

static void make_folder(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	must(mkdir(name, 0700) == 0);
	must(chown(name, uid, gid) == 0);
	must(chmod(name, mode) == 0);
}

static bool opens(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0644);

	return fd >= 0 && close(fd) == 0;
}

static void a_file_opens_for_whom_its_mode_says(void)
{
	begin();
	make_file("secret", 0, 0, 0600);
	make_file("public", 0, 0, 0644);
	make_file("his", SOMEBODY, 0, 0600);
	make_file("blind", SOMEBODY, SOMEBODY, 0044);
	make_file("group", 0, FRIENDS, 0640);
	must(in_child({
		     become(SOMEBODY);
		     must_fail(EACCES, open("secret", O_RDONLY));
		     must_fail(EACCES, open("secret", O_WRONLY));
		     must(opens("secret", O_PATH));
		     must(opens("public", O_RDONLY));
		     must_fail(EACCES, open("public", O_RDWR));
		     must_fail(EACCES, open("public", O_RDONLY | O_TRUNC));
		     must_fail(EACCES, truncate("public", 0));
		     must(opens("his", O_RDWR));
		     must_fail(EACCES, open("blind", O_RDONLY));
		     must_fail(EACCES, open("group", O_RDONLY));
		     must_fail(ENOENT, open("nothing", O_RDONLY));
		     must_fail(EACCES, open("nothing", O_RDWR | O_CREAT, 0600));
		     must_fail(EEXIST, open("secret", O_RDWR | O_CREAT | O_EXCL, 0600));
		     must_fail(EPERM, open("public", O_RDONLY | O_NOATIME));
	     }) == 0);
	must(in_child({
		     must(setgroups(1, &(gid_t){ FRIENDS }) == 0);
		     must(setgid(SOMEBODY) == 0 && setuid(SOMEBODY) == 0);
		     must(opens("group", O_RDONLY));
		     must_fail(EACCES, open("group", O_WRONLY));
	     }) == 0);
	must(opens("secret", O_RDWR));
	end();
}

static void nobody_gets_through_a_closed_directory(void)
{
	char name[PATH_MAX];
	struct stat st;

	begin();
	make_folder("closed", 0, 0, 0700);
	make_file("closed/file", 0, 0, 0666);
	make_folder("listed", 0, 0, 0744);
	make_folder("hidden", 0, 0, 0711);
	make_file("hidden/file", 0, 0, 0644);
	must(symlink("closed/file", "link") == 0);
	must(symlink("hidden/../closed/./file", "longer") == 0);
	snprintf(name, sizeof(name), "%s/closed/file", folder);
	must(symlink(name, "absolute") == 0);
	must(symlink("absolute", "twice") == 0);
	must(in_child({
		     become(SOMEBODY);
		     must_fail(EACCES, open("closed/file", O_RDONLY));
		     must_fail(EACCES, open(name, O_RDONLY));
		     must_fail(EACCES, open("link", O_RDONLY));
		     must_fail(EACCES, open("longer", O_RDONLY));
		     must_fail(EACCES, open("absolute", O_RDONLY));
		     must_fail(EACCES, stat("twice", &st));
		     must(lstat("twice", &st) == 0);
		     must_fail(EACCES, stat("closed/file", &st));
		     must_fail(EACCES, stat("closed/nothing", &st));
		     must_fail(EACCES, access("closed/file", F_OK));
		     must_fail(EACCES, readlink("closed/file", name, sizeof(name)));
		     must_fail(EACCES, chdir("closed"));
		     must_fail(EACCES, chdir("listed"));
		     must(stat("closed", &st) == 0);
		     must(opens("listed", O_RDONLY | O_DIRECTORY));
		     must_fail(EACCES, open("hidden", O_RDONLY | O_DIRECTORY));
		     must(opens("hidden/file", O_RDONLY));
		     must(chdir("hidden") == 0 && opens("file", O_RDONLY) &&
			  opens("../hidden/file", O_RDONLY));
		     must_fail(EACCES, execl("../closed/file", "file", (char *)NULL));
	     }) == 0);
	end();
}

static void names_are_made_and_removed_where_one_may_write(void)
{
	struct stat st;

	begin();
	make_folder("mine", SOMEBODY, SOMEBODY, 0755);
	make_folder("theirs", 0, 0, 0755);
	make_file("theirs/file", SOMEBODY, SOMEBODY, 0666);
	make_folder("theirs/empty", SOMEBODY, SOMEBODY, 0755);
	make_file("mine/roots", 0, 0, 0600);
	must(in_child({
		     become(SOMEBODY);
		     must_fail(EACCES, unlink("theirs/file"));
		     must_fail(EACCES, rmdir("theirs/empty"));
		     must_fail(ENOENT, unlink("theirs/nothing"));
		     must_fail(EACCES, mkdir("theirs/new", 0755));
		     must_fail(EEXIST, mkdir("theirs/empty", 0755));
		     must_fail(EEXIST, mkdir("/", 0755));
		     must_fail(EACCES, symlink("x", "theirs/new"));
		     must_fail(EACCES, mkfifo("theirs/new", 0600));
		     must_fail(EACCES, link("theirs/file", "theirs/new"));
		     must_fail(EACCES, rename("theirs/file", "mine/file"));
		     must_fail(EACCES, rename("mine/roots", "theirs/roots"));
		     must(link("theirs/file", "mine/linked") == 0);
		     must(mkdir("mine/new", 0755) == 0 && rmdir("mine/new") == 0);
		     must(rename("mine/roots", "mine/other") == 0);
		     must(unlink("mine/other") == 0);
		     must(symlink("x", "mine/link") == 0);
		     must(lstat("mine/link", &st) == 0 && st.st_uid == SOMEBODY);
	     }) == 0);
	end();
}

static void in_a_sticky_directory_files_are_their_owners(void)
{
	begin();
	make_folder("tmp", 0, 0, 01777);
	make_file("tmp/roots", 0, 0, 0666);
	make_file("tmp/mine", SOMEBODY, SOMEBODY, 0600);
	make_file("tmp/others", OTHER, OTHER, 0600);
	must(in_child({
		     become(SOMEBODY);
		     must_fail(EPERM, unlink("tmp/roots"));
		     must_fail(EPERM, rename("tmp/others", "tmp/stolen"));
		     must_fail(EPERM, rename("tmp/mine", "tmp/others"));
		     must(rename("tmp/mine", "tmp/still-mine") == 0);
		     must(unlink("tmp/still-mine") == 0);
		     must(opens("tmp/new", O_CREAT | O_WRONLY));
	     }) == 0);
	end();
}

static void owner_times_and_attributes_are_not_changed_by_others(void)
{
	struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	struct stat st;

	begin();
	make_file("public", 0, 0, 0666);
	make_file("readable", 0, 0, 0644);
	make_file("mine", SOMEBODY, SOMEBODY, 0600);
	must(in_child({
		     become(SOMEBODY);
		     must_fail(EPERM, chown("public", SOMEBODY, -1));
		     must_fail(EPERM, chmod("public", 0600));
		     must_fail(EPERM, utimensat(AT_FDCWD, "public", times, 0));
		     must(utimensat(AT_FDCWD, "public", NULL, 0) == 0);
		     must_fail(EACCES, utimensat(AT_FDCWD, "readable", NULL, 0));
		     must(utimensat(AT_FDCWD, "mine", times, 0) == 0);
		     must(chmod("mine", 0640) == 0);
		     must_fail(EPERM, chown("mine", 0, -1));
		     must(setxattr("mine", "user.note", "x", 1, 0) == 0 || errno == EOPNOTSUPP);
		     must(setxattr("readable", "user.note", "x", 1, 0) < 0);
		     must(errno == EACCES || errno == EOPNOTSUPP);
		     must(setxattr("mine", "trusted.note", "x", 1, 0) < 0);
	     }) == 0);
	must(stat("public", &st) == 0 && st.st_uid == 0);
	end();
}

static void programs_are_executed_by_whom_they_may(void)
{
	char text[2 * sizeof(self) + 64];

	begin();
	snprintf(text, sizeof(text), "cp %s program && cp %s shared", self, self);
	must(in_child(execl("/bin/sh", "sh", "-c", text, (char *)NULL)) == 0);
	must(chown("program", OTHER, FRIENDS) == 0 && chmod("program", 0750) == 0);
	must(chmod("shared", 0711) == 0);
	must(in_child(execl("./program", "program", "nothing", (char *)NULL)) == 0);
	must(in_child({
		     become(SOMEBODY);
		     must_fail(EACCES, execl("./program", "program", "nothing", (char *)NULL));
		     must_fail(EACCES, access("program", X_OK));
		     must(access("shared", X_OK) == 0);
		     execl("./shared", "shared", "nothing", (char *)NULL);
	     }) == 0);
	must(in_child({
		     must(setgroups(1, &(gid_t){ FRIENDS }) == 0);
		     must(setgid(SOMEBODY) == 0 && setuid(SOMEBODY) == 0);
		     execl("./program", "program", "nothing", (char *)NULL);
	     }) == 0);
	end();
}

/* What was opened before stays open; root's way back is the saved id. */
static void what_is_refused_follows_the_ids(void)
{
	begin();
	make_file("secret", 0, 0, 0600);
	must(in_child({
		     char c;
		     int fd = open("secret", O_RDONLY);

		     must(setresuid(SOMEBODY, SOMEBODY, 0) == 0);
		     must(read(fd, &c, 1) == 1);
		     must_fail(EACCES, open("secret", O_RDONLY));
		     must(seteuid(0) == 0);
		     must(opens("secret", O_RDONLY));
		     must(seteuid(SOMEBODY) == 0);
		     must_fail(EACCES, open("secret", O_RDONLY));
		     must(in_child(must_fail(EACCES, open("secret", O_RDONLY))) == 0);
	     }) == 0);
	end();
}

static int wait_forever(uid_t uid, int *ret_pipe)
{
	int ends[2];
	char c;
	int pid;

	must(pipe(ends) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		if (uid)
			become(uid);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(write(ends[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	must(read(ends[0], &c, 1) == 1);
	*ret_pipe = ends[0];
	return pid;
}

static void nobody_kills_others(void)
{
	int fd;
	pid_t root = wait_forever(0, &fd);
	pid_t somebody = wait_forever(SOMEBODY, &fd);
	pid_t other = wait_forever(OTHER, &fd);

	must(in_child({
		     become(SOMEBODY);
		     must_fail(EPERM, kill(root, SIGKILL));
		     must_fail(EPERM, kill(root, 0));
		     must_fail(EPERM, kill(other, SIGTERM));
		     must_fail(EPERM, syscall(SYS_tgkill, other, other, SIGTERM));
		     must_fail(ESRCH, kill(999999999, SIGTERM));
		     must(kill(getpid(), 0) == 0);
		     must(kill(somebody, SIGKILL) == 0);
	     }) == 0);
	must(wait_for(somebody) == -SIGKILL);
	must(kill(root, SIGKILL) == 0 && kill(other, SIGKILL) == 0);
	must(wait_for(root) == -SIGKILL && wait_for(other) == -SIGKILL);
}

static void connect_to(const char *name, int error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, name);
	if (error)
		must_fail(error, connect(fd, (struct sockaddr *)&address, sizeof(address)));
	else
		must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	close(fd);
}

static void sockets_are_bound_and_connected_to_by_whom_they_may(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	begin();
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(fd, 5) == 0);
	must(chmod("socket", 0600) == 0);
	must(in_child({
		     become(SOMEBODY);
		     connect_to("socket", EACCES);
		     strcpy(address.sun_path, "another");
		     fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		     must_fail(EACCES, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	     }) == 0);
	must(chmod("socket", 0666) == 0);
	must(in_child(become(SOMEBODY); connect_to("socket", 0)) == 0);
	end();
}

/* Of a process's own directory in /proc, its pipes and terminals the kernel decides. */
static void what_is_the_kernels_stays_open(void)
{
	int ends[2];
	char name[64];

	must(pipe(ends) == 0);
	become(SOMEBODY);
	must(opens("/proc/self/status", O_RDONLY));
	must(opens("/proc/self/environ", O_RDONLY) || errno == EACCES);
	must(opens("/dev/null", O_RDWR));
	snprintf(name, sizeof(name), "/proc/self/fd");
	must(opens(name, O_RDONLY | O_DIRECTORY) || errno == EACCES);
}

static int exits_at_once(void *context)
{
	(void)context;
	return 0;
}

/* Two who may make a namespace, one of them on a stack of its own. */
static bool clones(void)
{
	static _Alignas(16) char stack[65536];
	long pid = syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return false;
	must(wait_for((pid_t)pid) == 0);
	pid = clone(exits_at_once, stack + sizeof(stack),
		    CLONE_NEWUTS | CLONE_VFORK | CLONE_VM | SIGCHLD, NULL);
	must(pid > 0 && wait_for((pid_t)pid) == 0);
	return true;
}

/* In a user namespace the kernel would let everybody. */
static void be_refused_what_root_may(void)
{
	int space = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);

	must(space >= 0);
	must_fail(EPERM, chroot("."));
	must_fail(EPERM, mount("none", ".", "tmpfs", 0, NULL));
	must_fail(EPERM, umount2(".", MNT_DETACH));
	must_fail(EPERM, syscall(SYS_pivot_root, ".", "."));
	must_fail(EPERM, syscall(SYS_setns, space, 0));
	must_fail(EPERM, unshare(CLONE_NEWUTS));
	must_fail(EPERM, unshare(CLONE_NEWNS | CLONE_FS));
	must_fail(EPERM, syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0));
	must_fail(EPERM, sethostname("other", 5));
	must_fail(EPERM, setdomainname("other", 5));
	must_fail(EPERM, syscall(SYS_reboot, 0, 0, 0, 0));
	must_fail(EPERM, syscall(SYS_settimeofday, NULL, NULL));
	must_fail(EPERM, socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
	must_fail(EPERM, socket(AF_PACKET, SOCK_DGRAM, 0));
	must(close(space) == 0);
}

static void what_only_root_may_nobody_else_does(void)
{
	bool could = clones();

	begin();
	must(chmod(folder, 0777) == 0);
	must(in_child({
		     bool unshares = unshare(CLONE_FS) == 0; /* a host may refuse it to all */

		     become(SOMEBODY);
		     be_refused_what_root_may();
		     must((unshare(CLONE_FS | CLONE_FILES) == 0) == unshares);
		     must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0);
		     must(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0);
	     }) == 0);
	must(in_child({
		     must(seteuid(SOMEBODY) == 0);
		     be_refused_what_root_may();
		     must(seteuid(0) == 0);
		     must(clones() == could);
		     if (could)
			     must(unshare(CLONE_NEWUTS) == 0 && chroot(".") == 0);
	     }) == 0);
	end();
}

/* Where two things are wrong, the kernel names one of them. */
static void the_first_thing_that_is_wrong_is_said(void)
{
	begin();
	make_folder("his", SOMEBODY, SOMEBODY, 0755);
	make_folder("roots", 0, 0, 0755);
	make_folder("his/other", 0, 0, 0755);
	make_folder("sticky", OTHER, OTHER, 01777);
	make_file("file", 0, 0, 0644);
	make_file("roots/file", 0, 0, 0644);
	must(link("roots/file", "roots/same") == 0);
	must(in_child({
		     become(SOMEBODY);
		     must(rename("his/other", "his/renamed") == 0);
		     must(mkdir("his/new", 0755) == 0);
		     must_fail(EACCES, rename("his/renamed", "his/new/renamed"));
		     must(rename("roots/file", "roots/same") == 0);
		     must(rename("roots/file", "roots/file") == 0);
		     must_fail(ENOENT, rename("roots/nothing", "roots/file"));
		     must_fail(ENOENT, link("nothing", "roots/new"));
		     must_fail(EEXIST, link("file", "roots/file"));
		     must_fail(EISDIR, truncate("roots", 0));
		     must_fail(EISDIR, open("roots", O_WRONLY));
		     must_fail(EINVAL, rmdir("roots/."));
		     must_fail(EEXIST, mknod("file", S_IFCHR | 0600, 0x103));
		     must_fail(ENOENT, mknod("nothing/new", S_IFCHR | 0600, 0x103));
		     must_fail(EPERM, mknod("his/null", S_IFCHR | 0600, 0x103));
		     must_fail(EACCES, access("roots/file", W_OK));
		     must_fail(EPERM, setxattr("sticky", "user.note", "x", 1, 0));
		     must_fail(EPERM, removexattr("file", "security.capability"));
	     }) == 0);
	end();
}

static const struct claim claims[] = {
	CLAIM(a_file_opens_for_whom_its_mode_says),
	CLAIM(nobody_gets_through_a_closed_directory),
	CLAIM(names_are_made_and_removed_where_one_may_write),
	CLAIM(in_a_sticky_directory_files_are_their_owners),
	CLAIM(owner_times_and_attributes_are_not_changed_by_others),
	CLAIM(programs_are_executed_by_whom_they_may),
	CLAIM(what_is_refused_follows_the_ids),
	CLAIM(nobody_kills_others),
	CLAIM(what_only_root_may_nobody_else_does),
	CLAIM(sockets_are_bound_and_connected_to_by_whom_they_may),
	CLAIM(what_is_the_kernels_stays_open),
	CLAIM(the_first_thing_that_is_wrong_is_said),
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	must(realpath("/proc/self/exe", self));
	if (argc > 1 && strcmp(argv[1], "nothing") == 0)
		return 0;
	return run_claims(claims, argc, argv);
}
