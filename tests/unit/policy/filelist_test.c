// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdio.h>

#include "host.h"
#include "policy/filelist.h"

static struct host host;
static struct visible visible;
static struct elf_closure closure;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (host_init(&host) < 0)
		return -1;
	visible_init(&visible, host.root_fd);
	host_file(&host, "/a/one.h", "");
	host_file(&host, "/a/two.h", "");
	host_file(&host, "/a/two.c", "");
	host_file(&host, "/b/c/x y", "");
	host_file(&host, "/b/#1", "");
	host_file(&host, "/bin/tool", "");
	return elf_closure_open(&closure, &visible, &err);
}

static int tear_down(void **state)
{
	(void)state;
	elf_closure_done(&closure);
	visible_done(&visible);
	return host_done(&host);
}

/* The list is a file of the host as well. */
static int show(const char *text, struct err *err)
{
	const struct filelist_sources sources = { .visible = &visible, .closure = &closure };
	char path[128];

	host_file(&host, "/list", text);
	snprintf(path, sizeof(path), "%s/list", host.folder);
	return filelist_show(&sources, path, err);
}

static void assert_shows(const char *text, const char *expected)
{
	struct err err = { 0 };

	if (show(text, &err) < 0)
		fail_msg("%s", err.text);
	assert_visible(&visible, expected);
}

static void assert_refused(const char *text, const char *reason)
{
	struct err err = { 0 };

	assert_true(show(text, &err) < 0);
	if (!strstr(err.text, reason))
		fail_msg("'%s' does not say '%s'", err.text, reason);
}

test(files_and_directories_are_shown)
{
	assert_shows("# a comment\n\n  /a/one.h \n/b", "+/a/\n+/a/one.h\n*/b/\n");
}

test(globs_match_within_a_name)
{
	assert_shows("/a/*.h\n/[b]/?/*", "+/a/\n+/a/one.h\n+/a/two.h\n+/b/\n+/b/c/\n+/b/c/x y\n");
}

test(an_exclamation_mark_hides)
{
	assert_shows("/a\n!/a/t*.?\n/a/two.c", "*/a/\n-/a/two.h\n");
}

test(an_arrow_puts_elsewhere)
{
	assert_shows("/a => /opt/a\n/a/one.h=>/h", "/h</a/one.h\n+/opt/\n/opt/a/</a\n");
}

test(escapes_take_blanks_and_hashes)
{
	assert_shows("/b/c/x\\ y # and more\n/b/\\#1", "+/b/\n+/b/#1\n+/b/c/\n+/b/c/x y\n");
}

test(what_is_escaped_is_hidden_as_it_is_and_alone)
{
	host_file(&host, "/e/a*b", "");
	host_file(&host, "/e/axb", "");
	host_file(&host, "/e/s\\t", "");
	assert_shows("/e\n!/e/a\\*b\n!/e/s\\\\t", "*/e/\n-/e/a*b\n-/e/s\\t\n");
}

test(a_question_mark_allows_to_be_missing)
{
	assert_shows("?/none\n?/none/*\n?exe:none\n?include none\n? /a/one.h", "+/a/\n+/a/one.h\n");
}

test(a_program_is_found_on_path)
{
	assert_shows("exe:tool", "+/bin/\n+/bin/tool\n");
}

test(lists_include_each_other)
{
	host_file(&host, "/more", "/a/one.h\n");
	assert_shows("include more\n", "+/a/\n+/a/one.h\n");
}

test(mistakes_name_file_and_line)
{
	assert_refused("\n\n/none\n", "list:3: '/none' is not there");
	assert_refused("a/b", "list:1: 'a/b' is no absolute path");
	assert_refused("exe:", "list:1: exe: lacks a name");
	assert_refused("exe:a b", "one name in each line");
	assert_refused("pkg:make", "no package database");
	assert_refused("!exe:sh", "'!' hides paths");
	assert_refused("!!/a", "twice");
	assert_refused("/a/* => /b", "glob");
	assert_refused("/a => b", "'b' behind =>");
	assert_refused("/a => /b => /c", "'=>' twice");
	assert_refused("/none/*", "is not there");
	assert_refused("include list", "more than 16 deep");
}

/* Any bytes: a list or a mistake, and never a crash. */
test(arbitrary_text_is_read_or_refused)
{
	static const char alphabet[] = "/a!?#\\ =>*[]\n\tpkg:exinclud";
	unsigned state_number = 1;

	for (int round = 0; round < 20000; round++) {
		char text[48];
		auto_arena arena = { 0 };
		struct filelist list;
		struct err err = { 0 };
		size_t length;

		state_number = state_number * 1103515245 + 12345;
		length = (state_number >> 16) % (sizeof(text) - 1);
		for (size_t i = 0; i < length; i++) {
			state_number = state_number * 1103515245 + 12345;
			text[i] = alphabet[(state_number >> 16) % (sizeof(alphabet) - 1)];
		}
		text[length] = '\0';
		if (filelist_parse(text, "x", &arena, &list, &err) < 0)
			assert_true(strncmp(err.text, "x:", 2) == 0);
		else
			for (size_t i = 0; i < list.count; i++)
				assert_non_null(list.line[i].text);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(files_and_directories_are_shown),
		CASE(globs_match_within_a_name),
		CASE(an_exclamation_mark_hides),
		CASE(an_arrow_puts_elsewhere),
		CASE(escapes_take_blanks_and_hashes),
		CASE(what_is_escaped_is_hidden_as_it_is_and_alone),
		CASE(a_question_mark_allows_to_be_missing),
		CASE(a_program_is_found_on_path),
		CASE(lists_include_each_other),
		CASE(mistakes_name_file_and_line),
		RUN(arbitrary_text_is_read_or_refused),
	};

	return RUN_ALL(tests);
}
