// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/buf.h"
#include "flow/spack_words.h"

static struct spack_words parse(const char *const *words, struct strings *list)
{
	struct spack_words parsed;

	strings_clear(list);
	for (; *words; words++)
		strings_add(list, *words);
	spack_words_parse(list, &parsed);
	return parsed;
}
#define PARSE(list, ...) parse((const char *const[]){ __VA_ARGS__, NULL }, list)

test(the_command_is_the_first_word_that_belongs_to_no_option)
{
	auto_strings list = { 0 };

	assert_int_equal(PARSE(&list, "install", "x").command, 0);
	assert_int_equal(PARSE(&list, "-d", "-e", "find", "install").command, 3);
	assert_int_equal(PARSE(&list, "--env=a", "-C", "edit", "install").command, 3);
	assert_int_equal(PARSE(&list, "-C").command, 1);
	assert_int_equal(parse((const char *const[]){ NULL }, &list).command, 0);
}

test(each_command_runs_where_it_has_to)
{
	auto_strings list = { 0 };

	assert_int_equal(PARSE(&list, "install", "x").place, SPACK_FETCH_FIRST);
	assert_int_equal(PARSE(&list, "install", "--cache-only", "x").place, SPACK_WITH_NETWORK);
	assert_int_equal(PARSE(&list, "install", "--help").place, SPACK_ON_HOST);
	assert_int_equal(PARSE(&list, "install", "--fake", "x").place, SPACK_INSIDE);
	assert_int_equal(PARSE(&list, "mirror", "create", "x").place, SPACK_WITH_NETWORK);
	assert_int_equal(PARSE(&list, "mirror", "--scope=site", "add").place, SPACK_ON_HOST);
	assert_int_equal(PARSE(&list, "config", "get", "x").place, SPACK_INSIDE);
	assert_int_equal(PARSE(&list, "config", "add", "x").place, SPACK_ON_HOST);
	assert_int_equal(PARSE(&list, "load", "--sh", "x").place, SPACK_ON_HOST);
	assert_int_equal(PARSE(&list, "of-an-extension").place, SPACK_INSIDE);
	assert_int_equal(PARSE(&list, "--version").place, SPACK_ON_HOST);
	assert_int_equal(parse((const char *const[]){ NULL }, &list).place, SPACK_ON_HOST);
}

test(an_install_has_specs_or_is_of_an_environment)
{
	auto_strings list = { 0 };

	assert_true(PARSE(&list, "install", "x").has_specs);
	assert_true(PARSE(&list, "install", "-f", "x.json").has_specs);
	assert_false(PARSE(&list, "install", "-j", "4", "--fail-fast").has_specs);
}

test(what_is_fetched_is_what_is_installed)
{
	static const char *const words[] = {
		"-e", "all",	 "install",	"-j", "4", "--log-file",       "l", "-n", "hdf5",
		"+x", "--fresh", "--overwrite", "-f", "s", "^zlib cflags=a b", NULL
	};
	auto_strings list = { 0 };
	auto_strings fetch = { 0 };
	auto_buf text = { 0 };
	struct spack_words parsed = parse(words, &list);

	spack_words_fetch(&list, &parsed, &fetch);
	strings_each(&fetch, word)
		buf_printf(&text, "%s|", word);
	assert_string_equal(buf_text(&text), "-e|all|fetch|--missing|--dependencies|-n|hdf5|+x|"
					     "--fresh|s|^zlib cflags=a b|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_command_is_the_first_word_that_belongs_to_no_option),
		RUN(each_command_runs_where_it_has_to),
		RUN(an_install_has_specs_or_is_of_an_environment),
		RUN(what_is_fetched_is_what_is_installed),
	};

	return RUN_ALL(tests);
}
