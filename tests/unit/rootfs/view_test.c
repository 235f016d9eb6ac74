// SPDX-License-Identifier: Apache-2.0
/* Each claim holds for marks on disk, in the record, and both. */
#include "unit.h"

#include <limits.h>
#include <stdio.h>

#include "rootfs/view.h"
#include "tree.h"

static struct tree tree;

static int set_up_on_disk(void **state)
{
	(void)state;
	return tree_init(&tree, TREE_ON_DISK);
}

static int set_up_recorded(void **state)
{
	(void)state;
	return tree_init(&tree, TREE_IN_RECORD);
}

static int set_up_both(void **state)
{
	(void)state;
	return tree_init(&tree, TREE_BOTH);
}

static int tear_down(void **state)
{
	(void)state;
	return tree_done(&tree);
}

/* The text of the file at a guest path, "-" when there is none. */
static void assert_reads(const char *path, const char *expected)
{
	struct view_entry entry;
	auto_arena arena = { 0 };
	auto_buf text = { 0 };
	const char *resolved;
	struct err err = { 0 };

	if (view_resolve(&tree.view, path, true, &arena, &resolved, &err) < 0)
		fail_msg("%s", err.text);
	if (view_lookup(&tree.view, resolved, &entry) < 0) {
		assert_string_equal("-", expected);
		return;
	}
	view_read_text(&tree.view, path, 1000, &text);
	if (strcmp(buf_text(&text), expected) != 0)
		fail_msg("'%s' reads '%s', not '%s'", path, buf_text(&text), expected);
}

static void assert_lookup(const char *path, int expected)
{
	struct view_entry entry;
	int r = view_lookup(&tree.view, path, &entry);

	if (r != expected)
		fail_msg("'%s': %s, not %s", path, strerror(-r), strerror(-expected));
}

static void assert_lists(const char *path, const char *expected)
{
	auto_strings names = { 0 };
	auto_buf joined = { 0 };
	struct err err = { 0 };

	assert_int_equal(view_list(&tree.view, path, &names, &err), 0);
	strings_each(&names, name)
		buf_printf(&joined, "%s%s", joined.size_bytes ? " " : "", name);
	assert_string_equal(buf_text(&joined), expected);
}

static void assert_resolves(const char *path, bool follow_last, const char *expected)
{
	auto_arena arena = { 0 };
	const char *resolved;
	struct err err = { 0 };

	if (view_resolve(&tree.view, path, follow_last, &arena, &resolved, &err) < 0)
		fail_msg("%s", err.text);
	if (strcmp(resolved, expected) != 0)
		fail_msg("'%s' is '%s', not '%s'", path, resolved, expected);
}

test(the_topmost_layer_wins_and_the_others_show_through)
{
	tree_push(&tree, LAYER("d etc", "f etc/a low", "f etc/b low", "d low"));
	tree_push(&tree, LAYER("d etc", "f etc/b high", "d high"));
	assert_reads("/etc/a", "low");
	assert_reads("/etc/b", "high");
	assert_lists("", "etc high low");
	assert_lists("etc", "a b");
}

test(a_whiteout_hides_and_a_new_file_above_shows_again)
{
	tree_push(&tree, LAYER("d d", "f d/gone x", "f d/back x", "d e", "f e/deep x"));
	tree_push(&tree, LAYER("d d", "w d/gone", "w d/back", "w e"));
	assert_lookup("d/gone", -ENOENT);
	assert_lookup("e", -ENOENT);
	assert_lookup("e/deep", -ENOENT);
	assert_lists("d", "");
	assert_lists("", "d");
	tree_push(&tree, LAYER("d d", "f d/back y", "d e"));
	assert_reads("/d/back", "y");
	assert_lookup("d/gone", -ENOENT);
	assert_lookup("e/deep", -ENOENT);
	assert_lists("d", "back");
	assert_lists("e", "");
}

test(an_opaque_directory_hides_only_what_is_below_it)
{
	tree_push(&tree, LAYER("d a", "d a/b", "f a/b/low x", "f a/beside x", "f c x"));
	tree_push(&tree, LAYER("d a", "o a/b", "f a/b/high y"));
	assert_lookup("a/b/low", -ENOENT);
	assert_reads("/a/b/high", "y");
	assert_reads("/a/beside", "x");
	assert_reads("/c", "x");
	assert_lists("a/b", "high");
	assert_lists("a", "b beside");
}

test(a_layer_between_keeps_hiding_when_another_comes_on_top)
{
	tree_push(&tree, LAYER("d a", "f a/low x", "d b", "f b/low x"));
	tree_push(&tree, LAYER("f a file", "l b c"));
	tree_push(&tree, LAYER("d a", "d b"));
	assert_lookup("a/low", -ENOENT);
	assert_lookup("b/low", -ENOENT);
	assert_lists("a", "");
	assert_lists("b", "");
}

test(a_file_among_the_parents_is_enotdir)
{
	tree_push(&tree, LAYER("d a", "f a/low x", "l b a"));
	tree_push(&tree, LAYER("f a file"));
	assert_lookup("a/low", -ENOTDIR);
	assert_lookup("b/low", -ENOTDIR);
	assert_lookup("nothing/low", -ENOENT);
}

test(a_link_in_a_lower_layer_is_never_followed_for_a_directory_above)
{
	/* were it followed, /lib/passwd would be the host's or another file of the layer */
	tree_push(&tree, LAYER("l lib /etc", "d etc", "f etc/passwd wrong"));
	tree_push(&tree, LAYER("d lib", "f lib/own right"));
	assert_lookup("lib/passwd", -ENOENT);
	assert_reads("/lib/passwd", "-");
	assert_reads("/lib/own", "right");
	assert_lists("lib", "own");
	assert_reads("/etc/passwd", "wrong");
}

test(links_resolve_through_all_layers)
{
	tree_push(&tree, LAYER("d usr", "d usr/lib", "f usr/lib/so x", "l lib usr/lib", "f top x"));
	tree_push(&tree, LAYER("d opt", "l opt/l /lib", "l opt/up ../../../../top",
			       "l opt/twice l/so", "l opt/back l/../.."));
	assert_resolves("/opt/l/so", true, "usr/lib/so");
	assert_resolves("opt//l/./so", true, "usr/lib/so");
	assert_resolves("/opt/up", true, "top");
	assert_resolves("/opt/twice", true, "usr/lib/so");
	assert_resolves("/opt/twice", false, "opt/twice");
	assert_resolves("/opt/back", true, "");
	assert_resolves("/opt/l/../..", true, "");
	assert_resolves("/../../top", true, "top");
	assert_resolves("/opt/l/new/file", true, "usr/lib/new/file");
	assert_reads("/opt/l/so", "x");
}

test(a_link_whose_target_was_deleted_above_dangles)
{
	tree_push(&tree, LAYER("d etc", "f etc/real x", "l etc/passwd real"));
	tree_push(&tree, LAYER("d etc", "w etc/real"));
	assert_reads("/etc/passwd", "-");
	assert_resolves("/etc/passwd", true, "etc/real");
}

test(loops_and_long_names_are_refused)
{
	auto_arena arena = { 0 };
	char name[NAME_MAX + 2];
	const char *path;
	struct err err = { 0 };

	tree_push(&tree, LAYER("l a b", "l b a", "l c c/d"));
	assert_int_equal(view_resolve(&tree.view, "/a", true, &arena, &path, &err), -ELOOP);
	assert_int_equal(view_resolve(&tree.view, "/c/x", true, &arena, &path, &err), -ELOOP);
	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	assert_int_equal(view_resolve(&tree.view, name, true, &arena, &path, &err), -ENAMETOOLONG);
}

test(only_regular_files_are_read_as_text)
{
	tree_push(&tree, LAYER("d d", "l l d", "l host /etc/hostname", "f f text"));
	assert_reads("/d", "");
	assert_reads("/l", "");
	assert_reads("/host", "-");
	assert_reads("/f", "text");
}

test(a_record_says_owner_mode_and_type)
{
	struct owner owner[] = {
		{ .path = "device", .type = S_IFBLK, .has_mode = true, .mode = 0660, .gid = 6 },
		{ .path = "file", .uid = 1000, .gid = 1001, .has_mode = true, .mode = 04711 },
	};
	struct owners owners = { .item = owner, .count = 2 };
	struct view_entry entry;
	struct digest diff_id;
	struct err err = { 0 };

	tree_push(&tree, LAYER("f plain x", "f file x", "f device"));
	assert_int_equal(digest_parse("sha256:0000000000000000000000000000000000000000000000000000"
				      "000000000001",
				      &diff_id, &err),
			 0);
	tree.view.layer[0].owners = owners;
	assert_int_equal(view_lookup(&tree.view, "file", &entry), 0);
	assert_int_equal(entry.uid, 1000);
	assert_int_equal(entry.gid, 1001);
	assert_int_equal(entry.mode, S_IFREG | 04711);
	assert_int_equal(view_lookup(&tree.view, "device", &entry), 0);
	assert_int_equal(entry.mode, S_IFBLK | 0660);
	assert_int_equal(view_lookup(&tree.view, "plain", &entry), 0);
	assert_int_equal(entry.uid, 0);
	assert_int_equal(entry.mode, S_IFREG | 0644);
}

#define IN(name, how) cmocka_unit_test_setup_teardown(name, set_up_##how, tear_down)
#define EACH(how)                                                                         \
	IN(the_topmost_layer_wins_and_the_others_show_through, how),                      \
		IN(a_whiteout_hides_and_a_new_file_above_shows_again, how),               \
		IN(an_opaque_directory_hides_only_what_is_below_it, how),                 \
		IN(a_layer_between_keeps_hiding_when_another_comes_on_top, how),          \
		IN(a_file_among_the_parents_is_enotdir, how),                             \
		IN(a_link_in_a_lower_layer_is_never_followed_for_a_directory_above, how), \
		IN(links_resolve_through_all_layers, how),                                \
		IN(a_link_whose_target_was_deleted_above_dangles, how),                   \
		IN(loops_and_long_names_are_refused, how),                                \
		IN(only_regular_files_are_read_as_text, how)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(on_disk),
		EACH(recorded),
		EACH(both),
		IN(a_record_says_owner_mode_and_type, recorded),
		IN(a_record_says_owner_mode_and_type, both),
	};

	return RUN_ALL(tests);
}
