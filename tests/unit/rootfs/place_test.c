// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "rootfs/place.h"
#include "tree.h"

static struct tree tree;
static struct place place;
static const struct place_meta meta = { .uid = 33, .gid = 44, .mode = 04751, .mtime = { 1000, 0 } };

static int set_up(void **state)
{
	(void)state;
	return tree_init(&tree, TREE_IN_RECORD);
}

static int tear_down(void **state)
{
	(void)state;
	place_done(&place);
	return tree_done(&tree);
}

/* After the layers: an empty upper directory. */
static void begin(void)
{
	char path[128];
	struct err err = { 0 };

	snprintf(path, sizeof(path), "%s/upper", tree.folder);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(place_init(&place, &tree.view, path, &err), 0);
}

static void assert_disk(const char *path, mode_t mode, const char *text)
{
	auto_buf content = { 0 };
	struct stat st;
	struct err err = { 0 };

	if (fstatat(place.upper_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("'%s' is not in the upper directory", path);
	assert_int_equal(st.st_mode, mode);
	if (!text)
		return;
	assert_int_equal(io_read_file_at(place.upper_fd, path, 1000, &content, &err), 0);
	assert_string_equal(buf_text(&content), text);
}

static void assert_owner(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	const struct place_owner *owner = place_owner_of(&place, path);

	assert_non_null(owner);
	assert_int_equal(owner->uid, uid);
	assert_int_equal(owner->gid, gid);
	assert_int_equal(owner->mode, mode);
}

static void put(const char *path, const char *text)
{
	struct err err = { 0 };

	if (place_bytes(&place, path, text, strlen(text), &meta, &err) < 0)
		fail_msg("%s", err.text);
}

test(a_file_goes_to_the_upper_directory_with_its_owner_remembered)
{
	struct stat st;

	begin();
	put("a", "text");
	assert_disk("a", S_IFREG | 04751, "text");
	assert_owner("a", 33, 44, S_IFREG | 04751);
	assert_int_equal(fstatat(place.upper_fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_null(place_owner_of(&place, "b"));
}

test(missing_parents_are_made_and_existing_ones_copied_up_as_they_are)
{
	static struct owner owner = {
		.path = "usr", .uid = 7, .gid = 8, .has_mode = true, .mode = 01777
	};

	tree_push(&tree, LAYER("d usr", "f usr/low x"));
	tree.view.layer[0].owners = (struct owners){ .item = &owner, .count = 1 };
	begin();
	put("usr/new/dir/file", "y");
	assert_disk("usr", S_IFDIR | 01777, NULL);
	assert_owner("usr", 7, 8, S_IFDIR | 01777);
	assert_owner("usr/new", 0, 0, S_IFDIR | 0755);
	assert_disk("usr/new/dir", S_IFDIR | 0755, NULL);
	assert_disk("usr/new/dir/file", S_IFREG | 04751, "y");
	place.parents_uid = 5;
	place.parents_gid = 6;
	put("usr/other/file", "z");
	assert_owner("usr/other", 5, 6, S_IFDIR | 0755);
	assert_owner("usr/new", 0, 0, S_IFDIR | 0755);
}

test(a_file_replaces_what_is_no_directory)
{
	struct stat st;

	tree_push(&tree, LAYER("l link /etc/passwd", "f file low"));
	begin();
	put("link", "new");
	put("file", "one");
	put("file", "two");
	assert_disk("link", S_IFREG | 04751, "new");
	assert_disk("file", S_IFREG | 04751, "two");
	assert_int_equal(stat("/etc/passwd", &st), 0);
	assert_int_not_equal(st.st_mode, S_IFREG | 04751);
}

test(a_directory_in_the_way_and_a_parent_that_is_none_are_refused)
{
	struct err err = { 0 };

	tree_push(&tree, LAYER("d d", "f f x", "l l d"));
	begin();
	assert_int_equal(place_bytes(&place, "d", "x", 1, &meta, &err), -EISDIR);
	assert_int_equal(place_bytes(&place, "", "x", 1, &meta, &err), -EISDIR);
	assert_int_equal(place_bytes(&place, "f/x", "x", 1, &meta, &err), -ENOTDIR);
	assert_int_equal(place_bytes(&place, "l/x", "x", 1, &meta, &err), -ENOTDIR);
	assert_int_equal(place_directory(&place, "f", &meta, false, &err), -ENOTDIR);
	assert_true(faccessat(place.upper_fd, "f", F_OK, 0) < 0);
}

test(an_existing_directory_keeps_its_meta_unless_told)
{
	struct err err = { 0 };

	tree_push(&tree, LAYER("d d"));
	begin();
	assert_int_equal(place_directory(&place, "d", &meta, false, &err), 0);
	assert_owner("d", 0, 0, S_IFDIR | 0755);
	assert_int_equal(place_directory(&place, "d", &meta, true, &err), 0);
	assert_owner("d", 33, 44, S_IFDIR | 04751);
	assert_int_equal(place_directory(&place, "", &meta, true, &err), 0);
}

test(a_directory_its_owner_may_not_enter_stays_usable_on_disk)
{
	const struct place_meta closed = { .mode = 0 };
	struct err err = { 0 };

	begin();
	assert_int_equal(place_directory(&place, "closed", &closed, true, &err), 0);
	assert_disk("closed", S_IFDIR | 0700, NULL);
	assert_owner("closed", 0, 0, S_IFDIR);
	put("closed/file", "x");
}

test(links_and_special_files_are_placed)
{
	struct stat a;
	struct stat b;
	struct err err = { 0 };

	begin();
	put("a", "x");
	assert_int_equal(place_hard_link(&place, "dir/b", "a", &err), 0);
	assert_int_equal(fstatat(place.upper_fd, "a", &a, 0), 0);
	assert_int_equal(fstatat(place.upper_fd, "dir/b", &b, 0), 0);
	assert_true(a.st_ino == b.st_ino);
	assert_owner("dir/b", 33, 44, S_IFREG | 04751);
	assert_int_equal(place_symlink(&place, "s", "../anywhere", &meta, &err), 0);
	assert_owner("s", 33, 44, S_IFLNK | 0777);
	assert_int_equal(place_special(&place, "null", S_IFCHR, 0x103, &meta, &err), 0);
	assert_disk("null", S_IFREG | 04751, "");
	assert_owner("null", 33, 44, S_IFCHR | 04751);
	assert_int_equal(place_owner_of(&place, "null")->rdev, 0x103);
}

test(what_was_deleted_below_can_be_placed_again)
{
	tree_push(&tree, LAYER("d d", "f d/f low"));
	tree_push(&tree, LAYER("w d"));
	begin();
	put("d/f", "new");
	assert_disk("d", S_IFDIR | 0755, NULL);
	assert_owner("d", 0, 0, S_IFDIR | 0755);
	assert_disk("d/f", S_IFREG | 04751, "new");
}

test(directories_have_their_times_although_files_came_later)
{
	struct stat st;
	struct err err = { 0 };

	tree_push(&tree, LAYER("d old"));
	begin();
	assert_int_equal(place_directory(&place, "new", &meta, true, &err), 0);
	put("new/file", "x");
	put("old/file", "x");
	assert_int_equal(place_finish(&place, &err), 0);
	assert_int_equal(fstatat(place.upper_fd, "new", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(fstatat(place.upper_fd, "old", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, place_owner_of(&place, "old")->mtime.tv_sec);
}

test(in_a_new_directory_files_replace_each_other_and_directories_stand)
{
	struct err err = { 0 };

	begin();
	put("new/file", "one");
	put("new/file", "two");
	assert_disk("new/file", S_IFREG | 04751, "two");
	assert_int_equal(place_directory(&place, "new/sub", &meta, true, &err), 0);
	assert_int_equal(place_bytes(&place, "new/sub", "x", 1, &meta, &err), -EISDIR);
	assert_int_equal(place_directory(&place, "new/file", &meta, true, &err), -ENOTDIR);
	place.replaces = true;
	put("new/sub", "a file now");
	assert_disk("new/sub", S_IFREG | 04751, "a file now");
	put("new/file/below", "x");
	assert_disk("new/file/below", S_IFREG | 04751, "x");
}

test(a_directory_copied_up_keeps_the_attributes_its_layer_recorded)
{
	static struct xattr xattr = { .name = "security.test", .value = "v", .size_bytes = 1 };
	static struct owner owner = { .path = "usr", .xattrs = &xattr, .xattr_count = 1 };
	const struct place_owner *placed;

	tree_push(&tree, LAYER("d usr"));
	tree.view.layer[0].owners = (struct owners){ .item = &owner, .count = 1 };
	begin();
	put("usr/file", "x");
	placed = place_owner_of(&place, "usr");
	assert_int_equal(placed->xattr_count, 1);
	assert_string_equal(placed->xattrs[0].name, "security.test");
}

/* What the file "from" holds, placed in two halves. */
static const struct place_owner *fill_from(const char *text, const struct place_meta *file_meta)
{
	char path[128];
	struct place_file file;
	struct err err = { 0 };
	auto_fd from = -1;
	auto_fd to = -1;

	snprintf(path, sizeof(path), "%s/from", tree.folder);
	from = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(io_write_all(from, text, strlen(text)), 0);
	assert_int_equal(lseek(from, 0, SEEK_SET), 0);
	assert_int_equal(place_create(&place, "to", file_meta, &file, &err), 0);
	to = file.fd;
	assert_int_equal(place_fill(&file, from, &err), 0);
	return place_owner_of(&place, "to");
}

test(a_small_file_is_kept_in_memory_as_it_is_on_disk_and_has_its_mode_whatever_the_umask)
{
	const struct place_meta open_to_all = { .mode = 0666 };
	const struct place_owner *owner;
	mode_t before = umask(027);

	begin();
	owner = fill_from("some text", &open_to_all);
	umask(before);
	assert_int_equal(owner->content_bytes, 9);
	assert_memory_equal(owner->content, "some text", 9);
	assert_disk("to", S_IFREG | 0666, "some text");
	assert_int_equal(fill_from("", &meta)->content_bytes, 0);
	assert_disk("to", S_IFREG | 04751, "");
}

#define WITH_TREE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(a_file_goes_to_the_upper_directory_with_its_owner_remembered),
		WITH_TREE(missing_parents_are_made_and_existing_ones_copied_up_as_they_are),
		WITH_TREE(a_file_replaces_what_is_no_directory),
		WITH_TREE(a_directory_in_the_way_and_a_parent_that_is_none_are_refused),
		WITH_TREE(an_existing_directory_keeps_its_meta_unless_told),
		WITH_TREE(a_directory_its_owner_may_not_enter_stays_usable_on_disk),
		WITH_TREE(directories_have_their_times_although_files_came_later),
		WITH_TREE(in_a_new_directory_files_replace_each_other_and_directories_stand),
		WITH_TREE(a_directory_copied_up_keeps_the_attributes_its_layer_recorded),
		WITH_TREE(
			a_small_file_is_kept_in_memory_as_it_is_on_disk_and_has_its_mode_whatever_the_umask),
		WITH_TREE(links_and_special_files_are_placed),
		WITH_TREE(what_was_deleted_below_can_be_placed_again),
	};

	return RUN_ALL(tests);
}
