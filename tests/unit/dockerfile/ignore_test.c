// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "dockerfile/glob.h"
#include "dockerfile/ignore.h"
#include "dockerfile/path.h"

static struct arena arena;
static struct ignore ignore;

static int parse(const char *text, struct err *err)
{
	const struct source source = { ".dockerignore", text, strlen(text) };

	arena_done(&arena);
	return ignore_parse(&arena, &source, &ignore, NULL, err);
}

static void must_parse(const char *text)
{
	struct err err = { 0 };

	parse(text, &err);
	assert_string_equal(err.text, "");
}

static void assert_ignored(const char *path, bool expected)
{
	if (ignore_matches(&ignore, path) != expected)
		print_error("%s\n", path);
	assert_int_equal(ignore_matches(&ignore, path), expected);
}

test(comments_blanks_and_slashes_do_not_matter)
{
	must_parse("\xef\xbb\xbf# comment\n\n  /a/b/  \r\n\tc/./d//\n#e\n !  /a/b/keep\n");
	assert_int_equal(ignore.count, 3);
	assert_ignored("a/b", true);
	assert_ignored("a/b/x", true);
	assert_ignored("a/b/keep", false);
	assert_ignored("c/d/x", true);
	assert_ignored("#e", false);
	assert_ignored("a", false);
}

test(the_last_match_decides)
{
	must_parse("*\n!src\nsrc/*.o\n!src/keep.o\n");
	assert_ignored("README", true);
	assert_ignored("src", false);
	assert_ignored("src/a.c", false);
	assert_ignored("src/a.o", true);
	assert_ignored("src/keep.o", false);
	assert_ignored("src/deep/b.o", false);
	must_parse("!src/keep.o\nsrc\n");
	assert_ignored("src/keep.o", true);
}

test(star_star_crosses_directories)
{
	must_parse("**/*.log\nbuild/**/tmp\nend/**\n**.bak\n");
	assert_ignored("a.log", true);
	assert_ignored("x/y/a.log", true);
	assert_ignored("build/tmp", true);
	assert_ignored("build/a/b/tmp/x", true);
	assert_ignored("build/a/btmp", false);
	assert_ignored("end", false);
	assert_ignored("end/x", true);
	assert_ignored("x/y.bak", true);
}

test(a_star_and_a_question_mark_stay_within_a_name)
{
	must_parse("a*c\nd?f\n");
	assert_ignored("abbbc", true);
	assert_ignored("ab/c", false);
	assert_ignored("d/f", false);
	assert_ignored("déf", true);
}

test(classes_and_escapes_are_understood)
{
	must_parse("[a-cx]1\n[^a]2\n\\*3\n[\\]]4\n");
	assert_ignored("b1", true);
	assert_ignored("x1", true);
	assert_ignored("d1", false);
	assert_ignored("b2", true);
	assert_ignored("a2", false);
	assert_ignored("*3", true);
	assert_ignored("a3", false);
	assert_ignored("]4", true);
}

test(broken_patterns_are_refused_with_their_line)
{
	struct err err = { 0 };

	assert_int_equal(parse("a\n\n[a-\n", &err), -EINVAL);
	assert_string_equal(err.text,
			    ".dockerignore:3: '[a-': pattern '[a-': a class is not closed");
	assert_int_equal(parse("!\n", &err), -EINVAL);
	assert_int_equal(parse("[]a]\n", &err), -EINVAL);
	assert_int_equal(parse("[b-a]\n", &err), -EINVAL);
	assert_int_equal(parse("a\\\n", &err), -EINVAL);
	assert_int_equal(parse("[a\n", &err), -EINVAL);
}

/* Walk down the names of a path as a program would, and say how it ends. */
static struct ignore_verdict walk(const char *path)
{
	struct ignore_dir above = { 0 };
	struct ignore_verdict verdict = { 0 };

	for (const char *slash = strchr(path, '/');; slash = strchr(slash + 1, '/')) {
		size_t size = slash ? (size_t)(slash - path) : strlen(path);
		struct ignore_dir dir = { 0 };

		verdict = ignore_check(&ignore, &above, arena_copy_bytes(&arena, path, size), &dir);
		ignore_dir_done(&above);
		above = dir;
		if (!slash)
			break;
	}
	ignore_dir_done(&above);
	return verdict;
}

test(a_walk_agrees_with_single_questions)
{
	static const char *const paths[] = { "a",     "a/b",   "a/b/c", "a/b/c/d", "b",
					     "b/a",   "b/a/b", "c",	"c/a",	   "a/c",
					     "a/c/b", "d/a",   "a/b/a", "a/b/b",   "b/c/a" };
	static const char *const files[] = {
		"a\n!a/b\na/b/c\n!a/b/c/d\n",
		"*\n!*/a\n*/a/b\n",
		"**/b\n!a/b/c\n",
		"a\n!a/b/c\n",
		"**\n!**/a\n",
		"a/**\n!a/b\n!b\nb/c\n",
		"!a\na/b\n",
		"*/*\n!a/b\na/b/a\n",
	};

	for (size_t i = 0; i < array_count(files); i++) {
		must_parse(files[i]);
		for (size_t k = 0; k < array_count(paths); k++) {
			if (walk(paths[k]).ignored != ignore_matches(&ignore, paths[k]))
				print_error("%s: %s\n", files[i], paths[k]);
			assert_int_equal(walk(paths[k]).ignored, ignore_matches(&ignore, paths[k]));
		}
	}
}

test(an_ignored_directory_is_entered_only_for_exceptions_below_it)
{
	must_parse("*\n!src/lib/keep\n!doc/*.md\n!x\n");
	assert_true(walk("src").ignored);
	assert_true(walk("src").descend);
	assert_true(walk("src/lib").descend);
	assert_false(walk("src/other").descend);
	assert_false(walk("srcs").descend);
	assert_true(walk("doc").descend);
	assert_false(walk("build").descend);
	assert_false(walk("x").ignored);
	must_parse("*\n!**/keep\n");
	assert_true(walk("any/where").descend);
	must_parse("*\n");
	assert_false(walk("any").descend);
}

static bool glob(const char *pattern, const char *path)
{
	const struct glob *compiled;
	struct err err = { 0 };

	assert_int_equal(glob_parse(&arena, pattern, 0, &compiled, &err), 0);
	return glob_matches(compiled, path, strlen(path));
}

test(globs_match_as_in_the_shell_but_for_slashes)
{
	assert_true(glob("*", "a"));
	assert_true(glob("*", ""));
	assert_false(glob("*", "a/b"));
	assert_true(glob("a*/b", "a/b"));
	assert_false(glob("a*/b", "a/c/b"));
	assert_true(glob("a*b?c*x", "abxbbxdbxebxczzx"));
	assert_false(glob("**/a", "x/y/a"));
	assert_true(glob("a[^b]", "aé"));
	assert_true(glob("?", "\xff"));
	assert_false(glob("\xc3\xa9", "\xc3"));
	assert_false(glob("abc", "ab"));
	assert_false(glob("ab", "abc"));
}

test(wildcards_are_told_from_escaped_ones)
{
	assert_true(glob_has_wildcards("a*"));
	assert_true(glob_has_wildcards("a[b"));
	assert_false(glob_has_wildcards("a\\*b"));
	assert_true(glob_has_wildcards("a\\\\*b"));
	assert_int_equal(glob_literal_prefix("src/*.c"), 4);
}

test(paths_are_cleaned_as_text)
{
	static const char *const cases[][2] = {
		{ "", "." },
		{ "/", "/" },
		{ "//a//b/", "/a/b" },
		{ "a/..", "." },
		{ "a/../..", ".." },
		{ "../../a", "../../a" },
		{ "/../a/./b", "/a/b" },
		{ "a/b/../c", "a/c" },
		{ "..a/..", "." },
		{ ".../x", ".../x" },
		{ "./a", "a" },
	};

	for (size_t i = 0; i < array_count(cases); i++)
		assert_string_equal(path_clean(&arena, cases[i][0]), cases[i][1]);
	assert_string_equal(path_resolve(&arena, "/a/b", "../c"), "/a/c");
	assert_string_equal(path_resolve(&arena, "/a", "/b/../.."), "/");
	assert_string_equal(path_resolve(&arena, "", "b"), "/b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(comments_blanks_and_slashes_do_not_matter),
		RUN(the_last_match_decides),
		RUN(star_star_crosses_directories),
		RUN(a_star_and_a_question_mark_stay_within_a_name),
		RUN(classes_and_escapes_are_understood),
		RUN(broken_patterns_are_refused_with_their_line),
		RUN(a_walk_agrees_with_single_questions),
		RUN(an_ignored_directory_is_entered_only_for_exceptions_below_it),
		RUN(globs_match_as_in_the_shell_but_for_slashes),
		RUN(wildcards_are_told_from_escaped_ones),
		RUN(paths_are_cleaned_as_text),
	};
	int failed = RUN_ALL(tests);

	arena_done(&arena);
	return failed;
}
