// SPDX-License-Identifier: Apache-2.0
/* The walk against the kernel: every path of up to three words of a torture tree, opened both ways
 * with several flags, must end at the same file or with the same error. */
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attributes.h"
#include "scratch.h"
#include "sys/openat2.h"
#include "sys/remove.h"

static char folder[SCRATCH_BYTES];
static int root_fd = -1;

static void put_link(const char *target, const char *name)
{
	assert_int_equal(symlinkat(target, root_fd, name), 0);
}

static void put_file(const char *name)
{
	assert_int_equal(mknodat(root_fd, name, S_IFREG | 0644, 0), 0);
}

static void put_directory(const char *name)
{
	assert_int_equal(mkdirat(root_fd, name, 0755), 0);
}

static int set_up(void **state)
{
	char root[80];

	(void)state;
	if (scratch_make(folder) < 0)
		return -1;
	snprintf(root, sizeof(root), "%s/root", folder);
	if (mkdir(root, 0755) < 0)
		return -1;
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct err err = { 0 };

	(void)state;
	close(root_fd);
	return remove_tree(AT_FDCWD, folder, &err);
}

static void make_torture_tree(void)
{
	put_directory("d");
	put_directory("d/e");
	put_directory("d/e/d");
	put_file("f");
	put_file("d/f");
	put_link("/d", "abs"); /* an absolute link means the root's, not the host's */
	put_link("d/e", "rel");
	put_link("../../../../../d", "up"); /* never above the root */
	put_link("../f", "d/e/back");
	put_link("/f", "abs-file");
	put_link("f", "d/rel-file");
	put_link("/nowhere/at/all", "dangling");
	put_link("nowhere", "d/dangling");
	put_link("loop-b", "loop-a");
	put_link("loop-a", "loop-b");
	put_link("self/x", "self");
	put_link("/", "top");
	put_link(".", "here");
	put_link("..", "d/parent");
	put_link("rel/", "slashed");
	put_link("f/", "slashed-file");
	put_link("/etc/passwd", "host-file");
}

static const char *const words[] = {
	"d",	    "e",	"f",	    "abs",    "rel",	      "up",	 "back",
	"abs-file", "rel-file", "dangling", "loop-a", "self",	      "top",	 "here",
	"parent",   "slashed",	"..",	    ".",      "slashed-file", "missing", "host-file",
};

static int kernel_open(const char *path, int flags, mode_t mode)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
				.mode = flags & O_CREAT ? mode : 0,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd;

	do /* EAGAIN: someone renamed something on this machine while `..` was resolved */
		fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : fd;
}

static bool kernel_has_openat2(void)
{
	auto_fd fd = kernel_open(".", O_PATH, 0);

	return fd >= 0;
}

/* Where an fd lies, or the error, as text. */
static void describe(int fd, char text[PATH_MAX])
{
	char link[32];
	ssize_t length;

	if (fd < 0) {
		snprintf(text, PATH_MAX, "%s", strerrorname_np(-fd));
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, text, PATH_MAX - 1);
	text[length < 0 ? 0 : length] = '\0';
}

static unsigned compare(const char *path, int flags)
{
	int kernel_fd = kernel_open(path, flags, 0600);
	char kernel[PATH_MAX];
	char walk[PATH_MAX];
	int walk_fd;

	describe(kernel_fd, kernel);
	if (kernel_fd >= 0 && (flags & O_EXCL))
		unlink(kernel);
	walk_fd = openat2_walk(root_fd, path, flags, 0600);
	describe(walk_fd, walk);
	if (walk_fd >= 0 && (flags & O_CREAT) && strstr(walk, "missing"))
		unlink(walk);
	if (kernel_fd >= 0)
		close(kernel_fd);
	if (walk_fd >= 0)
		close(walk_fd);
	if (strcmp(kernel, walk) == 0)
		return 0;
	print_error("'%s' with flags %#o: kernel %s, walk %s\n", path, (unsigned)flags, kernel,
		    walk);
	return 1;
}

static unsigned compare_all_flags(const char *path)
{
	static const int flags[] = { O_PATH,
				     O_RDONLY,
				     O_PATH | O_NOFOLLOW,
				     O_RDONLY | O_NOFOLLOW,
				     O_PATH | O_DIRECTORY,
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
				     O_WRONLY };
	unsigned wrong = 0;

	for (size_t i = 0; i < array_count(flags); i++)
		wrong += compare(path, flags[i]);
	return wrong;
}

/* Each path plainly, absolute, with a slash behind and with doubled slashes. */
static unsigned compare_forms(const char *a, const char *b, const char *c)
{
	static const char *const forms[] = { "%s/%s/%s", "//%s//%s/%s//" };
	char path[PATH_MAX];
	unsigned wrong = 0;

	for (size_t i = 0; i < array_count(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(path, sizeof(path), forms[i], a, b, c);
#pragma GCC diagnostic pop
		wrong += compare_all_flags(path);
	}
	return wrong;
}

test(walk_and_kernel_agree_on_every_path_of_a_torture_tree)
{
	unsigned wrong = 0;

	if (!kernel_has_openat2())
		skip();
	make_torture_tree();
	for (size_t a = 0; a < array_count(words); a++)
		for (size_t b = 0; b < array_count(words); b++)
			for (size_t c = 0; c < array_count(words); c++)
				wrong += compare_forms(words[a], words[b], words[c]);
	for (size_t a = 0; a < array_count(words); a++)
		wrong += compare_forms(words[a], ".", ".") + compare_all_flags(words[a]);
	assert_int_equal(wrong, 0);
}

test(walk_and_kernel_agree_on_paths_at_the_edge)
{
	char long_name[NAME_MAX + 2];
	char long_path[PATH_MAX + 2];
	unsigned wrong;

	if (!kernel_has_openat2())
		skip();
	memset(long_name, 'n', sizeof(long_name));
	long_name[NAME_MAX + 1] = '\0';
	memset(long_path, '/', sizeof(long_path));
	long_path[PATH_MAX + 1] = '\0';
	wrong = compare_all_flags(long_name);
	long_name[NAME_MAX] = '\0';
	wrong += compare_all_flags(long_name) + compare_all_flags(long_path);
	long_path[PATH_MAX - 1] = '\0';
	wrong += compare_all_flags(long_path) + compare_all_flags("") + compare_all_flags("/") +
		 compare_all_flags("..") + compare_all_flags("/../..//./");
	assert_int_equal(wrong, 0);
}

test(walk_and_kernel_agree_on_creating)
{
	static const char *const parents[] = { "",	"d/", "abs/",	  "rel/../",
					       "up/e/", "f/", "dangling/" };
	static const char *const names[] = { "missing", "f", "dangling", "..", "abs-file" };
	static const int flags[] = { O_WRONLY | O_CREAT | O_EXCL, O_WRONLY | O_CREAT,
				     O_WRONLY | O_CREAT | O_NOFOLLOW };
	char path[PATH_MAX];
	unsigned wrong = 0;

	if (!kernel_has_openat2())
		skip();
	make_torture_tree();
	for (size_t p = 0; p < array_count(parents); p++)
		for (size_t n = 0; n < array_count(names); n++)
			for (size_t i = 0; i < array_count(flags); i++) {
				snprintf(path, sizeof(path), "%s%s", parents[p], names[n]);
				wrong += compare(path, flags[i]);
			}
	assert_int_equal(wrong, 0);
}

test(the_walk_gives_up_after_as_many_links_as_the_kernel)
{
	char name[16];
	char target[16];

	put_file("link0");
	for (int i = 1; i <= OPENAT2_SYMLINKS_MAX + 1; i++) {
		snprintf(name, sizeof(name), "link%d", i);
		snprintf(target, sizeof(target), "link%d", i - 1);
		put_link(target, name);
	}
	snprintf(name, sizeof(name), "link%d", OPENAT2_SYMLINKS_MAX);
	if (kernel_has_openat2())
		assert_int_equal(compare(name, O_PATH), 0);
	snprintf(name, sizeof(name), "link%d", OPENAT2_SYMLINKS_MAX + 1);
	assert_int_equal(openat2_walk(root_fd, name, O_PATH, 0), -ELOOP);
}

test(no_symlinks_refuses_a_link_anywhere)
{
	auto_fd file = -1;
	auto_fd link = -1;

	make_torture_tree();
	file = openat2_no_symlinks(root_fd, "d/f", O_RDONLY, 0);
	link = openat2_no_symlinks(root_fd, "d/e/back", O_PATH | O_NOFOLLOW, 0);
	assert_true(file >= 0);
	assert_true(link >= 0);
	assert_int_equal(openat2_no_symlinks(root_fd, "abs/f", O_RDONLY, 0), -ELOOP);
	assert_int_equal(openat2_no_symlinks(root_fd, "abs-file", O_RDONLY, 0), -ELOOP);
	assert_int_equal(openat2_no_symlinks(root_fd, "d/../..", O_PATH, 0), -EXDEV);
	assert_int_equal(openat2_no_symlinks(root_fd, "missing/f", O_PATH, 0), -ENOENT);
}

/* A mount point made at `path` must be the file at `where`, of the kind asked for. */
static void assert_target(const char *path, bool directory, const char *where, unsigned expect_made)
{
	unsigned made = ~expect_made;
	auto_fd fd = openat2_make_target(root_fd, path, directory, &made, NULL);
	struct stat by_fd;
	struct stat by_path;

	if (fd < 0)
		fail_msg("'%s': %s", path, strerror(-fd));
	assert_int_equal(fstat(fd, &by_fd), 0);
	if (fstatat(root_fd, where, &by_path, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("'%s' was made, but not as '%s'", path, where);
	assert_true(by_fd.st_ino == by_path.st_ino);
	assert_int_equal(S_ISDIR(by_path.st_mode), directory);
	assert_int_equal(made, expect_made);
}

test(a_target_is_made_where_its_links_lead)
{
	make_torture_tree();
	assert_target("/d", true, "d", 0);
	assert_target("/new/deep/er", true, "new/deep/er", 3);
	assert_target("/new/deep/file", false, "new/deep/file", 1);
	assert_target("/abs/x", true, "d/x", 1);
	assert_target("/rel/y", false, "d/e/y", 1);
	assert_target("/up/../z", true, "z", 1);
	assert_target("/d/dangling", false, "d/nowhere", 1);
	assert_target("/dangling", true, "nowhere/at/all", 3);
	put_link("/later/dir", "parent-dangles");
	assert_target("/parent-dangles/inside", false, "later/dir/inside", 3);
	put_link("one", "d/two");
	put_link("three/four", "d/one");
	assert_target("/d/two/", true, "d/three/four", 2);
	put_link("../../../../../escaped", "d/out");
	assert_target("/d/out", true, "escaped", 1);
}

test(a_target_that_cannot_be_is_refused)
{
	unsigned made;

	make_torture_tree();
	assert_int_equal(openat2_make_target(root_fd, "/f/below", true, &made, NULL), -ENOTDIR);
	assert_int_equal(openat2_make_target(root_fd, "/loop-a", true, &made, NULL), -ELOOP);
	assert_int_equal(openat2_make_target(root_fd, "/loop-a/x", false, &made, NULL), -ELOOP);
	assert_int_equal(openat2_make_target(root_fd, "/missing/..", true, &made, NULL), -ENOENT);
	assert_int_equal(made, 0);
	assert_true(faccessat(root_fd, "missing", F_OK, 0) < 0);
}

/* Nobody can make anything in sysfs, not even root. */
test(the_directory_that_takes_no_entry_is_told)
{
	auto_fd sys_fd = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat expected;
	struct stat st;
	int refusing_fd;
	unsigned made;
	int r = openat2_make_target(sys_fd, "/kernel/../kernel/none/below", true, &made,
				    &refusing_fd);

	assert_true(r == -EPERM || r == -EACCES || r == -EROFS);
	assert_int_equal(made, 0);
	assert_true(refusing_fd >= 0);
	assert_int_equal(fstat(refusing_fd, &st), 0);
	assert_int_equal(stat("/sys/kernel", &expected), 0);
	assert_true(st.st_dev == expected.st_dev && st.st_ino == expected.st_ino);
	close(refusing_fd);
	put_file("file");
	r = openat2_make_target(root_fd, "/file/below", true, &made, &refusing_fd);
	assert_int_equal(r, -ENOTDIR);
	assert_int_equal(refusing_fd, -1);
}

test(directories_are_made_with_their_mode_and_kept_when_there)
{
	auto_fd made = openat2_make_directories(root_fd, "/a/b/c", 0700);
	auto_fd again = openat2_make_directories(root_fd, "a/b/c/", 0755);
	struct stat st;

	assert_true(made >= 0);
	assert_true(again >= 0);
	assert_int_equal(fstat(again, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	put_file("file");
	assert_int_equal(openat2_make_directories(root_fd, "/file", 0755), -ENOTDIR);
}

#define WITH_ROOT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROOT(walk_and_kernel_agree_on_every_path_of_a_torture_tree),
		WITH_ROOT(walk_and_kernel_agree_on_paths_at_the_edge),
		WITH_ROOT(walk_and_kernel_agree_on_creating),
		WITH_ROOT(the_walk_gives_up_after_as_many_links_as_the_kernel),
		WITH_ROOT(no_symlinks_refuses_a_link_anywhere),
		WITH_ROOT(a_target_is_made_where_its_links_lead),
		WITH_ROOT(a_target_that_cannot_be_is_refused),
		WITH_ROOT(the_directory_that_takes_no_entry_is_told),
		WITH_ROOT(directories_are_made_with_their_mode_and_kept_when_there),
	};

	return RUN_ALL(tests);
}
