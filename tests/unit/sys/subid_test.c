// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "sys/subid.h"

static const char file[] = "alice:100000:65536\n"
			   "# a comment\n"
			   "bob:165536:1000\n"
			   "1001:300000:70000\n"
			   "bob:400000:2000\n"
			   "alice2:500000:99999\n";

test(the_largest_range_of_a_user_is_taken)
{
	struct subid_range range;

	assert_true(subid_largest(file, "bob", 1, &range));
	assert_int_equal(range.first, 400000);
	assert_int_equal(range.count, 2000);
}

test(a_user_may_stand_there_by_number)
{
	struct subid_range range;

	assert_true(subid_largest(file, "carol", 1001, &range));
	assert_int_equal(range.first, 300000);
}

test(a_name_is_no_prefix_of_another)
{
	struct subid_range range = { 1, 2 };

	assert_true(subid_largest(file, "alice", 1, &range));
	assert_int_equal(range.count, 65536);
	assert_false(subid_largest(file, "ali", 1, &range));
}

test(lines_that_are_none_are_passed_over)
{
	static const char *const bad[] = {
		"",	      "bob\n",	     "bob:1\n",	   "bob:x:5\n",
		"bob:1:5x\n", "bob:1:2:3\n", "bob:-1:5\n", "bob:99999999999:5\n",
		"bob:1:0\n",
	};
	struct subid_range range;

	for (size_t i = 0; i < array_count(bad); i++)
		assert_false(subid_largest(bad[i], "bob", 1, &range));
}

test(a_last_line_needs_no_newline)
{
	struct subid_range range;

	assert_true(subid_largest("bob:7:8", "bob", 1, &range));
	assert_int_equal(range.first, 7);
}

test(a_new_range_goes_above_all_others)
{
	assert_int_equal(subid_first_free(""), 100000);
	assert_int_equal(subid_first_free(file), 599999);
	assert_int_equal(subid_first_free("bob:4294967295:10\n"), 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_largest_range_of_a_user_is_taken), RUN(a_user_may_stand_there_by_number),
		RUN(a_name_is_no_prefix_of_another),	   RUN(lines_that_are_none_are_passed_over),
		RUN(a_last_line_needs_no_newline),	   RUN(a_new_range_goes_above_all_others),
	};

	return RUN_ALL(tests);
}
