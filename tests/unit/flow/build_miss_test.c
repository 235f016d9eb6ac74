// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdio.h>

#include "flow/build_key.h"
#include "flow/build_miss.h"

/* Pairs of name and value, as a key has them. */
static const char *inputs(const char *const *pairs)
{
	static struct build_key keys[2];
	static int which;
	struct build_key *key = &keys[which = !which];

	build_key_done(key);
	build_key_init(key);
	for (; pairs[0]; pairs += 2)
		build_key_add(key, pairs[0], pairs[1]);
	return buf_text(&key->inputs);
}

#define INPUTS(...) inputs((const char *[]){ __VA_ARGS__, NULL })

static const char *reasons(const char *before, const char *now)
{
	static char text[4096];
	auto_strings list = { 0 };
	struct err err = { 0 };
	auto_buf all = { 0 };

	if (build_miss_compare(before, now, "[2/4] COPY . /src", &list, &err) < 0)
		fail_msg("%s", err.text);
	strings_each(&list, reason)
		buf_printf(&all, "%s\n", reason);
	snprintf(text, sizeof(text), "%s", buf_text(&all));
	return text;
}

test(the_same_inputs_give_no_reason)
{
	assert_string_equal(reasons(INPUTS("command", "make"), INPUTS("command", "make")), "");
}

test(a_changed_file_is_named_with_what_changed_of_it)
{
	assert_string_equal(reasons(INPUTS("file a/b", "100644 0:0 0123456789abcdef"),
				    INPUTS("file a/b", "100755 7:0 fedcba9876543210")),
			    "file a/b: its content changed (fedcba987654, was 0123456789ab), its "
			    "mode is 100755, was 100644, its owner is 7:0, was 0:0\n");
	assert_string_equal(reasons(INPUTS("file l", "120777 0:0 to here"),
				    INPUTS("file l", "120777 0:0 to there")),
			    "file l: its content changed (to there, was to here)\n");
}

test(files_that_came_and_went_are_named)
{
	assert_string_equal(
		reasons(INPUTS("file old", "100644 0:0 00"), INPUTS("file new", "100644 0:0 00")),
		"file new is new\nfile old is gone\n");
}

test(values_are_shown_and_long_ones_cut)
{
	assert_string_equal(reasons(INPUTS("variable CC", "gcc"), INPUTS("variable CC", "clang")),
			    "variable CC: 'gcc' became 'clang'\n");
	assert_string_equal(
		reasons(INPUTS("user", ""),
			INPUTS("user", "0123456789012345678901234567890123456789012345678901234567"
				       "890123456789")),
		"user: '' became "
		"'012345678901234567890123456789012345678901234567890123456789...'\n");
	assert_string_equal(reasons(INPUTS("user", "x"), INPUTS("user", "x", "network", "none")),
			    "input network is new\n");
}

test(the_layer_below_is_called_by_its_step)
{
	assert_string_equal(reasons(INPUTS("parent", "00"), INPUTS("parent", "11")),
			    "what is below it is not the same: [2/4] COPY . /src\n");
}

test(repeated_inputs_are_compared_in_order)
{
	assert_string_equal(reasons(INPUTS("mount", "cache /a", "mount", "cache /b"),
				    INPUTS("mount", "cache /a", "mount", "cache /c")),
			    "mount (2): 'cache /b' became 'cache /c'\n");
}

test(many_reasons_are_counted)
{
	static const char *pairs[2 * 25 + 1];
	static char names[25][8];
	const char *text;

	for (int i = 0; i < 25; i++) {
		snprintf(names[i], sizeof(names[i]), "file %d", i);
		pairs[2 * i] = names[i];
		pairs[2 * i + 1] = "100644 0:0 00";
	}
	text = reasons(INPUTS("user", "x"), inputs(pairs));
	assert_non_null(strstr(text, "file 9 is new\nand 16 more\n"));
	assert_null(strstr(text, "file 10"));
}

test(names_and_values_may_hold_anything)
{
	assert_string_equal(reasons(INPUTS("file \"q\" \\ \n", "x"), INPUTS("variable V", "a\"\n")),
			    "variable V is new\nfile \"q\" \\ \n is gone\n");
}

test(what_are_no_inputs_is_refused)
{
	static const char *const bad[] = { "x", "\"a\"", "\"a\" 7\n", "\"a\\",
					   "\"a\" \"b\" \"c\"" };
	struct err err = { 0 };
	auto_strings list = { 0 };

	for (size_t i = 0; i < array_count(bad); i++)
		assert_int_equal(build_miss_compare(bad[i], "", "", &list, &err), -EUCLEAN);
	assert_int_equal(list.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_same_inputs_give_no_reason),
		RUN(a_changed_file_is_named_with_what_changed_of_it),
		RUN(files_that_came_and_went_are_named),
		RUN(values_are_shown_and_long_ones_cut),
		RUN(the_layer_below_is_called_by_its_step),
		RUN(repeated_inputs_are_compared_in_order),
		RUN(many_reasons_are_counted),
		RUN(names_and_values_may_hold_anything),
		RUN(what_are_no_inputs_is_refused),
	};

	return RUN_ALL(tests);
}
