// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "host.h"

static struct host host;
static struct visible visible;

static int set_up(void **state)
{
	(void)state;
	if (host_init(&host) < 0)
		return -1;
	visible_init(&visible, host.root_fd);
	host_file(&host, "/usr/bin/sh", "");
	host_file(&host, "/usr/bin/gcc-12", "");
	host_link(&host, "/usr/bin/gcc", "gcc-12");
	host_link(&host, "/bin", "usr/bin");
	host_file(&host, "/usr/lib/a/x", "");
	host_file(&host, "/usr/lib/a/y", "");
	host_link(&host, "/loop", "loop");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	visible_done(&visible);
	return host_done(&host);
}

static void add(const char *path)
{
	struct err err = { 0 };

	assert_int_equal(visible_add(&visible, path, &err), 0);
}

static void add_tree(const char *path)
{
	struct err err = { 0 };

	assert_int_equal(visible_add_tree(&visible, path, &err), 0);
}

static void hide(const char *path)
{
	struct err err = { 0 };

	assert_int_equal(visible_hide(&visible, path, &err), 0);
}

test(files_come_with_the_links_and_directories_above_them)
{
	add("/bin/sh");
	assert_visible(&visible, "+/bin\n+/usr/\n+/usr/bin/\n+/usr/bin/sh\n");
}

test(a_link_is_shown_as_it_is)
{
	add("/usr/bin/gcc");
	assert_visible(&visible, "+/usr/\n+/usr/bin/\n+/usr/bin/gcc\n");
}

test(in_a_loose_directory_hiding_matters_even_what_nobody_has_shown)
{
	add("/usr/lib/a");
	add("/usr/bin");
	hide("/usr/lib/a/x");
	hide("/usr/bin/sh");
	visible_let_loose(&visible, "/usr/lib/a");
	assert_visible(&visible, "+/usr/\n+/usr/bin/\n+/usr/lib/\n+/usr/lib/a/\n-/usr/lib/a/x\n");
}

test(a_chain_is_shown_to_its_end)
{
	struct err err = { 0 };
	const char *real;

	assert_int_equal(visible_add_chain(&visible, "/bin/gcc", &real, &err), 0);
	assert_string_equal(real, "/usr/bin/gcc-12");
	assert_visible(&visible, "+/bin\n+/usr/\n+/usr/bin/\n+/usr/bin/gcc\n+/usr/bin/gcc-12\n");
}

test(what_is_missing_is_enoent_without_words)
{
	struct err err = { 0 };

	assert_int_equal(visible_add(&visible, "/usr/bin/tcc", &err), -ENOENT);
	assert_int_equal(visible_add(&visible, "/usr/bin/sh/x", &err), -ENOENT);
	assert_int_equal(visible_add(&visible, "/usr/none/x", &err), -ENOENT);
	assert_int_equal(err.code, 0);
}

test(a_loop_of_links_is_refused)
{
	struct err err = { 0 };

	assert_int_equal(visible_add(&visible, "/loop/x", &err), -ELOOP);
	assert_int_equal(visible_add_chain(&visible, "/loop", NULL, &err), -ELOOP);
}

test(dots_cannot_leave_the_root)
{
	const char *real;
	struct err err = { 0 };

	assert_int_equal(visible_resolve(&visible, "/../usr/./lib/../bin/../bin/sh", &real, &err),
			 0);
	assert_string_equal(real, "/usr/bin/sh");
	assert_int_equal(visible_resolve(&visible, "/bin/..", &real, &err), 0);
	assert_string_equal(real, "/usr");
	assert_int_equal(visible_resolve(&visible, "/", &real, &err), 0);
	assert_string_equal(real, "/");
}

test(a_tree_says_all_that_is_below)
{
	add("/usr/lib/a/x");
	add_tree("/usr/lib");
	add("/usr/lib/a/y");
	assert_visible(&visible, "+/usr/\n*/usr/lib/\n");
}

test(hiding_takes_out_of_a_tree_and_showing_puts_back)
{
	add_tree("/usr/lib");
	hide("/usr/lib/a");
	add("/usr/lib/a/y");
	assert_visible(&visible, "+/usr/\n*/usr/lib/\n-/usr/lib/a\n+/usr/lib/a/y\n");
}

test(hiding_deep_in_a_tree_hides_there)
{
	add_tree("/usr");
	hide("/usr/lib/a/x");
	hide("/usr/lib/none/x");
	assert_visible(&visible, "*/usr/\n*/usr/lib/\n*/usr/lib/a/\n-/usr/lib/a/x\n");
}

test(a_tree_said_later_shows_what_was_hidden)
{
	hide("/usr/lib/a");
	add_tree("/usr/lib");
	assert_visible(&visible, "+/usr/\n*/usr/lib/\n");
}

test(hiding_drops_what_was_named_before)
{
	add("/usr/bin/sh");
	add("/usr/lib/a/x");
	hide("/usr/lib");
	assert_visible(&visible, "+/usr/\n+/usr/bin/\n+/usr/bin/sh\n");
}

test(what_was_hidden_stays_so_when_it_is_finished_again)
{
	struct err err = { 0 };

	add("/usr/bin/sh");
	hide("/usr/lib/a/x");
	assert_int_equal(visible_finish(&visible, &err), 0);
	assert_visible(&visible, "+/usr/\n+/usr/bin/\n+/usr/bin/sh\n");
}

test(what_is_named_later_opens_a_hidden_directory)
{
	add("/usr/lib/a/x");
	hide("/usr/lib");
	add("/usr/lib/a/y");
	assert_visible(&visible, "+/usr/\n+/usr/lib/\n+/usr/lib/a/\n+/usr/lib/a/y\n");
}

test(things_may_come_from_elsewhere_or_nowhere)
{
	struct err err = { 0 };

	assert_int_equal(visible_add_at(&visible, "/usr/lib/a", "/opt/a", &err), 0);
	assert_int_equal(visible_add_link(&visible, "/bin/cc", "gcc", &err), 0);
	assert_int_equal(visible_add_file(&visible, "/etc/issue", "hi", 2, 0644, &err), 0);
	assert_visible(&visible,
		       "+/bin\n+/etc/\n/etc/issue=hi\n+/opt/\n/opt/a/</usr/lib/a\n+/usr/\n"
		       "+/usr/bin/\n/usr/bin/cc>gcc\n");
}

test(nothing_goes_below_a_file)
{
	struct err err = { 0 };

	assert_int_equal(visible_add_link(&visible, "/x", "y", &err), 0);
	assert_int_equal(visible_add_link(&visible, "/x/y", "z", &err), 0);
	assert_int_equal(visible_finish(&visible, &err), -ENOTDIR);
}

test(directories_come_before_their_content)
{
	assert_true(visible_compare("/a", "/a/b") < 0);
	assert_true(visible_compare("/a/b", "/a-b") < 0);
	assert_true(visible_compare("/a-b", "/ab") < 0);
	assert_true(visible_compare("/b", "/a/z") > 0);
	assert_int_equal(visible_compare("/a", "/a"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(files_come_with_the_links_and_directories_above_them),
		CASE(a_link_is_shown_as_it_is),
		CASE(in_a_loose_directory_hiding_matters_even_what_nobody_has_shown),
		CASE(a_chain_is_shown_to_its_end),
		CASE(what_is_missing_is_enoent_without_words),
		CASE(a_loop_of_links_is_refused),
		CASE(dots_cannot_leave_the_root),
		CASE(a_tree_says_all_that_is_below),
		CASE(hiding_takes_out_of_a_tree_and_showing_puts_back),
		CASE(hiding_deep_in_a_tree_hides_there),
		CASE(a_tree_said_later_shows_what_was_hidden),
		CASE(hiding_drops_what_was_named_before),
		CASE(what_was_hidden_stays_so_when_it_is_finished_again),
		CASE(what_is_named_later_opens_a_hidden_directory),
		CASE(things_may_come_from_elsewhere_or_nowhere),
		CASE(nothing_goes_below_a_file),
		CASE(directories_come_before_their_content),
	};

	return RUN_ALL(tests);
}
