// SPDX-License-Identifier: Apache-2.0
/* Resolving in real directories:
 *
 *	folder/root/	the root, with links of every kind
 *	folder/data/	at /data, with a link out of it
 *	folder/deep/	at /data/in/deep
 *	folder/file	at /etc/hosts
 *	folder/secret	in no entry
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pathmap/pathmap.h"

static char folder[64];
static struct pathmap map;
static int root_fd = -1;
static int dirfd_there = AT_FDCWD; /* where relative paths begin */
static char link_text[4096], host_text[4096], text[4096];
static struct pathmap_room room = {
	.text = text, .host = host_text, .link = link_text, .bytes = 4096
};
static struct pathmap_found found;
static unsigned calls;

static long do_openat2(void *context, int dirfd, const char *path, const struct open_how *how)
{
	long r = syscall(SYS_openat2, dirfd, path, how, sizeof(*how));

	(void)context;
	calls++;
	return r < 0 ? -errno : r;
}

static long do_readlinkat(void *context, int dirfd, const char *path, char *to, size_t room_bytes)
{
	ssize_t r = readlinkat(dirfd, path, to, room_bytes);

	(void)context;
	return r < 0 ? -errno : r;
}

static void do_close(void *context, int fd)
{
	(void)context;
	close(fd);
}

static long do_path_of(void *context, int dirfd, char *to, size_t room_bytes)
{
	char link[64];

	snprintf(link, sizeof(link), dirfd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d",
		 dirfd);
	return do_readlinkat(context, AT_FDCWD, link, to, room_bytes);
}

static long do_self(void *context, bool thread, char *to, size_t room_bytes)
{
	(void)context;
	return snprintf(to, room_bytes, thread ? "%d/task/%d" : "%d", getpid(), getpid());
}

static long do_may_follow(void *context, long pid, int fd)
{
	(void)context;
	return pid != getpid() ? -EACCES : fd == 77 ? -ENOENT : 0;
}

static bool do_is_own(void *context, long pid)
{
	(void)context;
	return pid == getpid();
}

static const char *do_exe(void *context, long pid)
{
	(void)context;
	(void)pid;
	return NULL;
}

static const struct pathmap_ops ops = { do_openat2, do_readlinkat, do_close,  do_path_of,
					do_self,    do_may_follow, do_is_own, do_exe };

static const char *in_folder(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *at = path[turn++ % 4];

	snprintf(at, sizeof(path[0]), "%s/%s", folder, name);
	return at;
}

static void make_directory(const char *name)
{
	assert_int_equal(mkdir(in_folder(name), 0755), 0);
}

static void make_file(const char *name, const char *content)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_EXCL, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	close(fd);
}

static void make_link(const char *target, const char *name)
{
	assert_int_equal(symlink(target, in_folder(name)), 0);
}

static void fill(void)
{
	static const char *const directories[] = { "root",	"root/usr",	"root/usr/lib",
						   "root/etc",	"root/data",	"root/opt",
						   "root/proc", "data",		"data/in",
						   "deep",	"root/usr/own", "root/jail" };

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		make_directory(directories[i]);
	make_file("root/etc/passwd", "passwd");
	make_file("root/etc/hosts", "covered");
	make_file("root/usr/lib/libc.so", "libc");
	make_file("root/opt/secret", "hidden");
	make_file("root/data/covered", "covered");
	make_file("root/jail/inside", "inside");
	make_file("data/mine", "mine");
	make_file("deep/bottom", "bottom");
	make_file("file", "hosts");
	make_file("secret", "secret");
	make_link("usr/lib", "root/lib");
	make_link("/usr/lib/libc.so", "root/usr/lib/libc.so.6");
	make_link("/nowhere/at/all", "root/dangling");
	make_link("loop-b", "root/loop-a");
	make_link("loop-a", "root/loop-b");
	make_link("/data", "root/to-data");
	make_link("../../../../../../secret", "root/escape");
	make_link("/etc/passwd", "data/out");
	make_link("..", "data/up");
	make_link(folder, "root/host-folder");
	make_link("passwd/", "root/etc/slash");
	make_link("/proc/self", "root/me");
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/pathmap-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	fill();
	pathmap_init(&map);
	assert_int_equal(pathmap_add(&map, "/", in_folder("root"), 0), 0);
	assert_int_equal(pathmap_add(&map, "/data", in_folder("data"), 0), 0);
	assert_int_equal(pathmap_add(&map, "/data/in/deep", in_folder("deep"), 0), 0);
	assert_int_equal(pathmap_add(&map, "/etc/hosts", in_folder("file"), PATHMAP_FILE), 0);
	assert_int_equal(pathmap_add(&map, "/opt/secret", NULL, PATHMAP_HIDDEN), 0);
	assert_int_equal(pathmap_add(&map, "/proc", "/proc", PATHMAP_PROC), 0);
	root_fd = open(in_folder("root"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root_fd >= 0);
	dirfd_there = AT_FDCWD;
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	close(root_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static long resolve_in(const char *chroot, const char *path, unsigned want, uint64_t flags)
{
	const struct pathmap_request request = { .root_fd = root_fd,
						 .dirfd = dirfd_there,
						 .path = path,
						 .chroot = chroot,
						 .want = want,
						 .flags = flags | O_CLOEXEC,
						 .mode = 0644 };

	return pathmap_resolve(&map, &ops, NULL, &request, &room, &found);
}

static long resolve(const char *path, unsigned want, uint64_t flags)
{
	return resolve_in(NULL, path, want, flags);
}

/* As openat2(2), from the directory that is the root. */
static long resolve_as(uint64_t resolve_flags, const char *path)
{
	const struct pathmap_request request = { .root_fd = root_fd,
						 .dirfd = root_fd,
						 .path = path,
						 .want = PATHMAP_FOLLOW,
						 .flags = O_PATH | O_CLOEXEC,
						 .resolve = resolve_flags };
	long r = pathmap_resolve(&map, &ops, NULL, &request, &room, &found);

	if (r == 0)
		close(found.fd);
	return r;
}

static long opened(const char *path, unsigned want, uint64_t flags)
{
	long r = resolve(path, want, flags);

	if (r == 0)
		close(found.fd);
	return r;
}

static void assert_content(const char *path, const char *content)
{
	char bytes[32] = "";
	long r = resolve(path, PATHMAP_FOLLOW, O_RDONLY);

	if (r < 0)
		fail_msg("%s: %s", path, strerror((int)-r));
	assert_true(read(found.fd, bytes, sizeof(bytes) - 1) >= 0);
	close(found.fd);
	assert_string_equal(bytes, content);
}

static void assert_error(const char *path, int error)
{
	long r = resolve(path, PATHMAP_FOLLOW, O_RDONLY);

	if (r != -error)
		fail_msg("%s: %ld, not %s", path, r, strerror(error));
}

static void assert_text(const char *path, const char *guest)
{
	assert_int_equal(resolve(path, PATHMAP_FOLLOW, O_PATH), 0);
	close(found.fd);
	assert_string_equal(room.text, guest);
}

test(files_are_found_where_their_entry_is)
{
	assert_content("/etc/passwd", "passwd");
	assert_content("/data/mine", "mine");
	assert_content("/data/in/deep/bottom", "bottom");
	assert_content("/etc/hosts", "hosts");
	assert_content("//data///./in/deep/./bottom", "bottom");
}

test(what_an_entry_covers_is_not_there)
{
	assert_error("/data/covered", ENOENT);
	assert_error("/opt/secret", ENOENT);
	assert_error("/opt/secret/x", ENOENT);
}

test(one_call_is_enough_where_no_link_is_in_the_way)
{
	calls = 0;
	assert_content("/usr/lib/libc.so", "libc");
	assert_int_equal(calls, 1);
	calls = 0;
	assert_error("/usr/lib/python/none", ENOENT);
	assert_int_equal(calls, 1);
}

/* What is the lowest free descriptor? */
static int lowest(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

test(a_link_costs_little_and_leaves_nothing_open)
{
	int before = lowest();

	calls = 0;
	assert_content("/usr/lib/libc.so.6", "libc");
	assert_int_equal(calls, 3); /* met, its directory, its target from there */
	pathmap_add_link(&map, "lib");
	calls = 0;
	assert_content("/lib/libc.so", "libc");
	assert_int_equal(calls, 1);
	pathmap_add_link(&map, "usr"); /* it is none any more */
	assert_content("/usr/lib/libc.so", "libc");
	assert_content("/usr/../lib/libc.so.6", "libc");
	assert_error("/lib/libc.so.6/none", ENOTDIR);
	assert_int_equal(lowest(), before);
}

test(links_are_the_guests)
{
	assert_content("/lib/libc.so", "libc");
	assert_content("/lib/libc.so.6", "libc");
	assert_content("/to-data/mine", "mine");
	assert_content("/to-data/in/deep/bottom", "bottom");
	assert_content("/data/out", "passwd");
	assert_content("/data/up/etc/passwd", "passwd");
	assert_content("/to-data/up/data/mine", "mine");
}

test(nothing_leads_out)
{
	assert_error("/escape", ENOENT);
	assert_error("/../../secret", ENOENT);
	assert_error("/usr/../../../../../secret", ENOENT);
	assert_error("/host-folder/secret", ENOENT);
	assert_content("/../etc/passwd", "passwd");
}

test(dots_are_taken_back_in_the_guests_tree)
{
	assert_content("/data/../etc/passwd", "passwd");
	assert_content("/data/in/deep/../../mine", "mine");
	assert_content("/data/in/deep/../../../lib/../own/../lib/libc.so", "libc");
	assert_error("/etc/passwd/..", ENOTDIR);
	assert_error("/none/..", ENOENT);
	assert_text("/data/in/deep/..", "/data/in");
	assert_text("/data/..", "");
}

test(errors_are_the_kernels)
{
	char name[300];
	char long_path[PATHMAP_PATH_MAX + 1];

	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	memset(long_path, '/', sizeof(long_path));
	long_path[PATHMAP_PATH_MAX] = '\0';
	assert_error("", ENOENT);
	assert_error(name, ENAMETOOLONG);
	assert_error(long_path, ENAMETOOLONG);
	assert_error("/dangling", ENOENT);
	assert_error("/loop-a", ELOOP);
	assert_error("/loop-a/x", ELOOP);
	assert_error("/etc/passwd/x", ENOTDIR);
	assert_error("/etc/passwd/", ENOTDIR);
	assert_error("/etc/slash", ENOTDIR);
	assert_error("/etc/hosts/x", ENOTDIR);
	assert_int_equal(resolve("/lib", 0, O_RDONLY | O_NOFOLLOW), -ELOOP);
	assert_int_equal(resolve("/new/", PATHMAP_FOLLOW, O_WRONLY | O_CREAT), -EISDIR);
	assert_int_equal(resolve("/etc/passwd", PATHMAP_FOLLOW, O_RDONLY | O_DIRECTORY), -ENOTDIR);
}

test(a_link_at_the_end_can_be_meant_itself)
{
	char target[64] = "";

	assert_int_equal(resolve("/lib", 0, O_PATH | O_NOFOLLOW), 0);
	assert_int_equal(readlinkat(found.fd, "", target, sizeof(target)), 7);
	close(found.fd);
	assert_int_equal(resolve("/lib/", 0, O_PATH | O_NOFOLLOW), 0); /* the slash follows it */
	assert_int_equal(readlinkat(found.fd, "", target, sizeof(target)), -1);
	close(found.fd);
}

test(creating_follows_links_to_where_they_lead_in_the_guest)
{
	make_link("/data/made", "root/to-made");
	assert_int_equal(resolve("/to-made", PATHMAP_FOLLOW, O_WRONLY | O_CREAT), 0);
	close(found.fd);
	assert_int_equal(access(in_folder("data/made"), F_OK), 0);
	assert_int_equal(resolve("/to-made", PATHMAP_FOLLOW, O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
}

static void assert_parent(const char *path, unsigned want, const char *host, const char *name)
{
	char at[4096] = "";
	long r = resolve(path, want | PATHMAP_PARENT, O_PATH);

	if (r < 0)
		fail_msg("%s: %s", path, strerror((int)-r));
	assert_true(do_path_of(NULL, found.fd, at, sizeof(at) - 1) > 0);
	close(found.fd);
	assert_string_equal(at, in_folder(host));
	assert_string_equal(found.name, name);
}

test(names_are_given_with_their_directory)
{
	assert_parent("/etc/new", 0, "root/etc", "new");
	assert_parent("/new", 0, "root", "new");
	assert_parent("/lib/new/", 0, "root/usr/lib", "new/");
	assert_parent("/to-data/new", 0, "data", "new");
	assert_parent("/lib", 0, "root", "lib");
	assert_parent("/lib", PATHMAP_FOLLOW, "root/usr", "lib");
	assert_parent("/to-data/up/new", 0, "root", "new");
	assert_parent("/etc/.", 0, "root/etc", ".");
	assert_parent("/usr/lib/..", 0, "root/usr", "..");
	assert_parent("/", 0, "root", "/");
	assert_int_equal(resolve("/none/new", PATHMAP_PARENT, O_PATH), -ENOENT);
	assert_int_equal(resolve("/etc/passwd/new", PATHMAP_PARENT, O_PATH), -ENOTDIR);
}

test(the_place_of_an_entry_is_the_entry)
{
	assert_int_equal(resolve("/data", PATHMAP_PARENT, O_PATH), 0);
	assert_true(found.is_point);
	assert_string_equal(found.name, "");
	close(found.fd);
	assert_int_equal(resolve("/opt/secret", PATHMAP_PARENT, O_PATH), -ENOENT);
}

test(relative_paths_begin_where_the_descriptor_is)
{
	dirfd_there = open(in_folder("data/in"), O_PATH | O_DIRECTORY);
	assert_content("deep/bottom", "bottom");
	assert_content("../mine", "mine");
	assert_content("../../etc/passwd", "passwd");
	assert_text(".", "/data/in");
	assert_text("..", "/data");
	close(dirfd_there);
	dirfd_there = open(folder, O_PATH | O_DIRECTORY);
	assert_int_equal(resolve("secret", PATHMAP_FOLLOW, O_RDONLY), -EXDEV);
	close(dirfd_there);
}

test(a_chroot_has_its_own_root)
{
	assert_int_equal(resolve_in("/jail", "/inside", PATHMAP_FOLLOW, O_PATH), 0);
	close(found.fd);
	assert_int_equal(resolve_in("/jail", "/../etc/passwd", PATHMAP_FOLLOW, O_PATH), -ENOENT);
	make_link("/inside", "root/jail/link");
	assert_int_equal(resolve_in("/jail", "/link", PATHMAP_FOLLOW, O_PATH), 0);
	close(found.fd);
	assert_string_equal(room.text, "/jail/inside");
}

test(what_must_stay_beneath_does)
{
	make_link("../../etc/passwd", "root/jail/out");
	make_link("/etc/passwd", "root/jail/absolute");
	make_link("inside", "root/jail/within");
	assert_int_equal(resolve_as(RESOLVE_BENEATH, "jail/within"), 0);
	assert_int_equal(resolve_as(RESOLVE_BENEATH, "jail/../etc/passwd"), 0);
	assert_int_equal(resolve_as(RESOLVE_BENEATH, "../etc/passwd"), -EXDEV);
	assert_int_equal(resolve_as(RESOLVE_BENEATH, "/etc/passwd"), -EXDEV);
	assert_int_equal(resolve_as(RESOLVE_BENEATH, "jail/out"), -EXDEV);
	assert_int_equal(resolve_as(RESOLVE_BENEATH, "jail/absolute"), -EXDEV);
	assert_int_equal(resolve_as(RESOLVE_IN_ROOT, "jail/out"), 0);
	assert_int_equal(resolve_as(RESOLVE_IN_ROOT, "/../jail/absolute"), 0);
	assert_string_equal(room.text, "/etc/passwd");
	assert_int_equal(resolve_as(RESOLVE_NO_SYMLINKS, "jail/within"), -ELOOP);
	assert_int_equal(resolve_as(RESOLVE_NO_MAGICLINKS, "proc/self/cwd"), -ELOOP);
	assert_int_equal(resolve_as(RESOLVE_BENEATH, "proc/self/cwd"), -EXDEV);
	assert_int_equal(resolve_as(RESOLVE_NO_XDEV, "etc/passwd"), 0);
	assert_int_equal(resolve_as(RESOLVE_NO_XDEV, "data/mine"), -EXDEV);
	assert_int_equal(resolve_as(RESOLVE_NO_XDEV, "data/../etc/passwd"), -EXDEV);
}

test(proc_shows_the_guests_tree)
{
	int in_data = open(in_folder("data"), O_PATH | O_DIRECTORY);
	int mine = open(in_folder("secret"), O_RDONLY);
	char path[64];

	assert_content("/proc/self/root/etc/passwd", "passwd");
	assert_content("/me/root/etc/passwd", "passwd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d/mine", in_data);
	assert_content(path, "mine");
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d/../etc/passwd", in_data);
	assert_content(path, "passwd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mine); /* it is open already */
	assert_content(path, "secret");
	snprintf(path, sizeof(path), "/proc/self/fd/%d/x", mine);
	assert_error(path, EACCES);
	assert_error("/proc/self/fd/77", ENOENT);
	snprintf(path, sizeof(path), "/proc/%d/root/etc/passwd", getppid());
	assert_error(path, EACCES);
	assert_int_equal(resolve("/proc/self/root", PATHMAP_FOLLOW, O_PATH), 0);
	close(found.fd);
	assert_string_equal(room.text, "");
	close(in_data);
	close(mine);
}

test(a_link_of_the_kernels_can_be_named)
{
	assert_int_equal(resolve("/proc/self/fd/0", PATHMAP_PARENT | PATHMAP_FOLLOW, O_PATH), 0);
	assert_true(found.is_kernels_link);
	assert_string_equal(found.name, "0");
	close(found.fd);
	assert_int_equal(resolve("/proc/self/fd/0", PATHMAP_PARENT, O_PATH), 0);
	assert_false(found.is_kernels_link);
	close(found.fd);
}

test(processes_of_others_are_not_there_where_only_own_ones_are)
{
	char other[64];
	char own[64];

	snprintf(other, sizeof(other), "/proc/%d/status", getppid());
	snprintf(own, sizeof(own), "/proc/%d/status", getpid());
	assert_int_equal(opened(other, PATHMAP_FOLLOW, O_RDONLY), 0);
	assert_int_equal(pathmap_add(&map, "/proc", "/proc", PATHMAP_PROC | PATHMAP_OWN_PROCESSES),
			 0);
	assert_int_equal(opened(other, PATHMAP_FOLLOW, O_RDONLY), -ENOENT);
	*strrchr(other, '/') = '\0';
	assert_int_equal(opened(other, 0, O_PATH), -ENOENT);
	assert_int_equal(opened(other, PATHMAP_PARENT, O_PATH), -ENOENT);
	assert_int_equal(opened(own, PATHMAP_FOLLOW, O_RDONLY), 0);
	assert_int_equal(opened("/proc/self/status", PATHMAP_PARENT, O_PATH), 0);
	assert_int_equal(opened("/proc/sys/kernel", PATHMAP_FOLLOW, O_RDONLY), 0);
}

test(what_is_put_over_the_network_files_is_each_processes)
{
	static const char *const paths[] = { "/proc/net/mine", "/proc/self/net/mine",
					     "/proc/thread-self/net/mine" };

	assert_int_equal(pathmap_add(&map, "/proc/net", in_folder("data"), 0), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(opened(paths[i], PATHMAP_FOLLOW, O_RDONLY), 0);
	assert_int_equal(opened("/proc/self/net/route", PATHMAP_FOLLOW, O_RDONLY), -ENOENT);
	assert_int_equal(opened("/proc/self/net/../stat", PATHMAP_FOLLOW, O_RDONLY), 0);
	assert_int_equal(opened("/proc/self/net", PATHMAP_PARENT, O_PATH), 0);
	assert_true(found.is_point);
	assert_int_equal(opened("/proc/self/netx", 0, O_PATH), -ENOENT);
}

test(too_little_room_is_said)
{
	struct pathmap_room small = room;
	const struct pathmap_request request = { .root_fd = root_fd,
						 .dirfd = AT_FDCWD,
						 .path = "/lib/libc.so.6",
						 .want = PATHMAP_FOLLOW,
						 .flags = O_PATH };

	small.bytes = 16;
	assert_int_equal(pathmap_resolve(&map, &ops, NULL, &request, &small, &found), -ENOBUFS);
}

#define SET(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SET(files_are_found_where_their_entry_is),
		SET(what_an_entry_covers_is_not_there),
		SET(one_call_is_enough_where_no_link_is_in_the_way),
		SET(a_link_costs_little_and_leaves_nothing_open),
		SET(links_are_the_guests),
		SET(nothing_leads_out),
		SET(dots_are_taken_back_in_the_guests_tree),
		SET(errors_are_the_kernels),
		SET(a_link_at_the_end_can_be_meant_itself),
		SET(creating_follows_links_to_where_they_lead_in_the_guest),
		SET(names_are_given_with_their_directory),
		SET(the_place_of_an_entry_is_the_entry),
		SET(relative_paths_begin_where_the_descriptor_is),
		SET(a_chroot_has_its_own_root),
		SET(what_must_stay_beneath_does),
		SET(proc_shows_the_guests_tree),
		SET(a_link_of_the_kernels_can_be_named),
		SET(processes_of_others_are_not_there_where_only_own_ones_are),
		SET(what_is_put_over_the_network_files_is_each_processes),
		SET(too_little_room_is_said),
	};

	return RUN_ALL(tests);
}
