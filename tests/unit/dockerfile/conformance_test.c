// SPDX-License-Identifier: Apache-2.0
/* Runs every case under tests/conformance/parser; see the README there. One test a case. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "ast.h"
#include "base/arena.h"
#include "base/io.h"
#include "base/strings.h"
#include "dockerfile/expand.h"
#include "dockerfile/ignore.h"
#include "dockerfile/list.h"

#define CASE_MAX_BYTES ((size_t)1 << 20)

struct line_case {
	const char *input;
	const char *path; /* of an ignore case */
	const char *expected;
};

static const char *directory(void)
{
	const char *path = getenv("CONFORMANCE_DIR");

	return path ? path : "tests/conformance/parser";
}

static void must_work(int r, const struct err *err)
{
	assert_string_equal(r < 0 ? err->text : "", "");
}

static void read_file(struct buf *buf, const char *name)
{
	auto_buf path = { 0 };
	struct err err = { 0 };

	buf_printf(&path, "%s/%s", directory(), name);
	must_work(io_read_file_at(AT_FDCWD, path.bytes, CASE_MAX_BYTES, buf, &err), &err);
}

static void read_case(struct buf *buf, const char *kind, const char *name, const char *file)
{
	auto_buf path = { 0 };

	buf_printf(&path, "%s/%s/%s", kind, name, file);
	read_file(buf, path.bytes);
}

static void ast_is_as_expected(void **state)
{
	auto_arena arena = { 0 };
	auto_buf text = { 0 };
	auto_buf expected = { 0 };
	auto_buf tree = { 0 };
	struct dockerfile dockerfile;
	struct err err = { 0 };

	read_case(&text, "ast", *state, "Dockerfile");
	read_case(&expected, "ast", *state, "result");
	must_work(dockerfile_parse(&arena, "Dockerfile", text.bytes, text.size_bytes, &dockerfile,
				   &err),
		  &err);
	ast_add(&tree, &dockerfile);
	while (expected.size_bytes && expected.bytes[expected.size_bytes - 1] == '\n')
		buf_truncate(&expected, expected.size_bytes - 1);
	buf_add_char(&expected, '\n');
	assert_string_equal(tree.bytes, expected.bytes);
}

static void parsing_fails_at_a_line(void **state)
{
	auto_arena arena = { 0 };
	auto_buf text = { 0 };
	struct dockerfile dockerfile;
	struct err err = { 0 };

	read_case(&text, "negative", *state, "Dockerfile");
	assert_int_equal(dockerfile_parse(&arena, "Dockerfile", text.bytes, text.size_bytes,
					  &dockerfile, &err),
			 -EINVAL);
	assert_true(dockerfile.fault.at.line > 0);
	assert_true(text_starts(err.text, "Dockerfile:"));
}

static const char *get_sample(const void *data, const char *name)
{
	static const char *const samples[][2] = {
		{ "PWD", "/home" }, { "SHELL", "bash" }, { "KOREAN", "한국어" }, { "NULL", "" }
	};

	(void)data;
	for (size_t i = 0; i < array_count(samples); i++)
		if (!strcmp(name, samples[i][0]))
			return samples[i][1];
	return NULL;
}

static void word_expands_as_expected(void **state)
{
	const struct line_case *line = *state;
	const struct variables variables = { get_sample, NULL };
	auto_arena arena = { 0 };
	struct expansion expansion = { .arena = &arena, .escape = '\\', .variables = &variables };
	const char *result = "error";
	struct err err = { 0 };
	int r = expand_word(&expansion, line->input, &result, &err);

	assert_int_equal(r < 0, !strcmp(line->expected, "error"));
	if (r == 0)
		assert_string_equal(result, line->expected);
	else
		assert_true(err.text[0] != '\0');
}

static void path_is_ignored_as_expected(void **state)
{
	const struct line_case *line = *state;
	auto_arena arena = { 0 };
	struct ignore ignore = { .arena = &arena };
	struct err err = { 0 };

	must_work(ignore_add(&ignore, line->input, &err), &err);
	assert_int_equal(ignore_matches(&ignore, line->path), !strcmp(line->expected, "yes"));
}

struct cases {
	struct arena arena;
	struct CMUnitTest *test;
	size_t count;
};

static void add_case(struct cases *cases, const char *kind, const char *name,
		     CMUnitTestFunction function, void *state)
{
	*list_add(&cases->arena, cases->test, cases->count) = (struct CMUnitTest){
		.name = arena_printf(&cases->arena, "%s: %s", kind, name),
		.test_func = function,
		.initial_state = state,
	};
}

static void add_directory(struct cases *cases, const char *kind, CMUnitTestFunction function)
{
	auto_strings names = { 0 };
	char *path = arena_printf(&cases->arena, "%s/%s", directory(), kind);
	DIR *dir = opendir(path);

	if (!dir) {
		perror(path);
		exit(1);
	}
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if (entry->d_name[0] != '.')
			strings_add(&names, entry->d_name);
	closedir(dir);
	strings_sort(&names);
	strings_each(&names, name)
		add_case(cases, kind, name, function, arena_copy(&cases->arena, name));
}

static char *trim(char *text)
{
	text += strspn(text, " ");
	for (size_t length = strlen(text); length && text[length - 1] == ' '; length--)
		text[length - 1] = '\0';
	return text;
}

/* "word|     result" a line. */
static void add_expand_cases(struct cases *cases)
{
	auto_buf text = { 0 };
	char *save;

	read_file(&text, "expand.txt");
	for (char *line = strtok_r(text.bytes, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *bar = strrchr(line, '|');
		struct line_case *item;

		if (*line == '#' || !bar)
			continue;
		*bar = '\0';
		item = arena_new(&cases->arena, struct line_case);
		item->input = arena_copy(&cases->arena, trim(line));
		item->expected = arena_copy(&cases->arena, trim(bar + 1));
		add_case(cases, "expand", item->input, word_expands_as_expected, item);
	}
}

/* pattern, path, yes or no, divided by tabs. */
static void add_ignore_cases(struct cases *cases)
{
	auto_buf text = { 0 };
	char *save;

	read_file(&text, "ignore.txt");
	for (char *line = strtok_r(text.bytes, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *path = strchr(line, '\t');
		char *expected = path ? strchr(path + 1, '\t') : NULL;
		struct line_case *item;

		if (*line == '#' || !expected)
			continue;
		*path++ = *expected++ = '\0';
		item = arena_new(&cases->arena, struct line_case);
		item->input = arena_copy(&cases->arena, line);
		item->path = arena_copy(&cases->arena, path);
		item->expected = arena_copy(&cases->arena, expected);
		add_case(cases, "ignore", arena_printf(&cases->arena, "%s %s", line, path),
			 path_is_ignored_as_expected, item);
	}
}

int main(void)
{
	struct cases cases = { 0 };
	int failed;

	add_directory(&cases, "ast", ast_is_as_expected);
	add_directory(&cases, "negative", parsing_fails_at_a_line);
	add_expand_cases(&cases);
	add_ignore_cases(&cases);
	failed = _cmocka_run_group_tests("conformance", cases.test, cases.count, NULL, NULL);
	arena_done(&cases.arena);
	return failed;
}
