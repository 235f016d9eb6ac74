// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/strings.h"

test(a_list_serves_as_argv)
{
	auto_strings list = { 0 };

	for (int i = 0; i < 20; i++)
		strings_printf(&list, "%d", i);
	assert_int_equal(list.count, 20);
	assert_string_equal(list.item[19], "19");
	assert_null(list.item[20]);
}

test(removing_closes_the_gap)
{
	auto_strings list = { 0 };

	strings_add_all(&list,
			(char *[]){ (char[]){ "a" }, (char[]){ "b" }, (char[]){ "c" }, NULL });
	strings_remove(&list, 1);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.item[1], "c");
	assert_null(list.item[2]);
	assert_false(strings_contains(&list, "b"));
}

test(setting_a_variable_replaces_it_in_place)
{
	auto_strings env = { 0 };

	strings_env_set(&env, "A", "1");
	strings_env_set(&env, "AB", "2");
	strings_env_set(&env, "A", "3");
	assert_int_equal(env.count, 2);
	assert_string_equal(env.item[0], "A=3");
	assert_string_equal(strings_env_get(&env, "AB"), "2");
}

test(a_name_is_no_prefix_of_another)
{
	auto_strings env = { 0 };

	strings_env_set(&env, "AB", "2");
	assert_null(strings_env_get(&env, "A"));
	strings_env_unset(&env, "A");
	assert_int_equal(env.count, 1);
}

test(sorting_is_by_byte)
{
	auto_strings list = { 0 };

	strings_add(&list, "b");
	strings_add(&list, "\xc3\xa4");
	strings_add(&list, "B");
	strings_sort(&list);
	assert_string_equal(list.item[0], "B");
	assert_string_equal(list.item[2], "\xc3\xa4");
}

test(each_visits_every_item_and_none_of_an_empty_list)
{
	auto_strings list = { 0 };
	size_t seen = 0;

	strings_each(&list, item)
		seen += strlen(item);
	assert_int_equal(seen, 0);
	strings_add(&list, "ab");
	strings_add(&list, "c");
	strings_each(&list, item)
		seen += strlen(item);
	assert_int_equal(seen, 3);
}

test(words_stand_between_separators_and_none_is_empty)
{
	auto_strings words = { 0 };

	strings_add_words(&words, ",a,,bc d,", ",");
	assert_int_equal(words.count, 2);
	assert_string_equal(words.item[0], "a");
	assert_string_equal(words.item[1], "bc d");
	strings_add_words(&words, "", ",");
	strings_add_words(&words, ",,", ",");
	assert_int_equal(words.count, 2);
	strings_add_words(&words, "e f\tg", " \t");
	assert_int_equal(words.count, 5);
}

test(a_path_is_below_a_folder_by_whole_names)
{
	assert_true(path_is_below("/a/b", "/a"));
	assert_true(path_is_below("a/b/c", "a"));
	assert_false(path_is_below("/ab", "/a"));
	assert_false(path_is_below("/a", "/a"));
	assert_false(path_is_below("/a", "/a/b"));
	assert_true(path_is_in("/a", "/a"));
	assert_true(path_is_in("/a/b", "/a"));
	assert_false(path_is_in("/ab", "/a"));
}

test(everything_is_below_the_root_but_itself)
{
	assert_true(path_is_below("/a", "/"));
	assert_false(path_is_below("/", "/"));
	assert_true(path_is_in("/", "/"));
	assert_true(path_is_below("a", ""));
	assert_false(path_is_below("", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_list_serves_as_argv),
		RUN(removing_closes_the_gap),
		RUN(setting_a_variable_replaces_it_in_place),
		RUN(a_name_is_no_prefix_of_another),
		RUN(sorting_is_by_byte),
		RUN(each_visits_every_item_and_none_of_an_empty_list),
		RUN(words_stand_between_separators_and_none_is_empty),
		RUN(a_path_is_below_a_folder_by_whole_names),
		RUN(everything_is_below_the_root_but_itself),
	};

	return RUN_ALL(tests);
}
