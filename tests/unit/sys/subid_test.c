// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "sys/subid.h"

static const char file[] = "alice:100000:65536\n"
			   "# a comment\n"
			   "bob:165536:1000\n"
			   "1001:300000:70000\n"
			   "bob:400000:2000\n"
			   "alice2:500000:99999\n";

test(all_ranges_of_a_user_are_taken_in_order)
{
	struct subid_ranges ranges;

	assert_true(subid_ranges(file, "bob", 1, &ranges));
	assert_int_equal(ranges.count, 2);
	assert_int_equal(ranges.item[0].first, 165536);
	assert_int_equal(ranges.item[1].first, 400000);
	assert_int_equal(ranges.total, 3000);
}

test(a_range_given_twice_counts_once)
{
	struct subid_ranges ranges;

	assert_true(subid_ranges("bob:1000:10\n1001:1000:10\nbob:1009:5\n", "bob", 1001, &ranges));
	assert_int_equal(ranges.count, 1);
	assert_int_equal(ranges.total, 10);
}

test(a_user_may_stand_there_by_number)
{
	struct subid_ranges ranges;

	assert_true(subid_ranges(file, "carol", 1001, &ranges));
	assert_int_equal(ranges.item[0].first, 300000);
}

test(a_name_is_no_prefix_of_another)
{
	struct subid_ranges ranges;

	assert_true(subid_ranges(file, "alice", 1, &ranges));
	assert_int_equal(ranges.total, 65536);
	assert_false(subid_ranges(file, "ali", 1, &ranges));
}

test(lines_that_are_none_are_passed_over)
{
	static const char *const bad[] = {
		"",	      "bob\n",
		"bob:1\n",    "bob:x:5\n",
		"bob:1:5x\n", "bob:1:2:3\n",
		"bob:-1:5\n", "bob:99999999999:5\n",
		"bob:1:0\n",  "bob:1:4294967295\n",
	};
	struct subid_ranges ranges;

	for (size_t i = 0; i < array_count(bad); i++)
		assert_false(subid_ranges(bad[i], "bob", 1, &ranges));
}

test(a_last_line_needs_no_newline)
{
	struct subid_ranges ranges;

	assert_true(subid_ranges("bob:7:8", "bob", 1, &ranges));
	assert_int_equal(ranges.item[0].first, 7);
}

static void expect_maps(const char *text, uint32_t own, const char *expected)
{
	struct id_space space = { 0 };
	struct subid_ranges ranges;
	auto_buf name = { 0 };

	assert_true(subid_ranges(text, "bob", 1, &ranges));
	id_maps_fill(&ranges, own, 77, &space.uid);
	id_space_name(&space, &name);
	assert_string_equal(buf_text(&name), expected);
}

test(the_caller_has_one_id_inside_and_the_ranges_fill_the_others)
{
	expect_maps("bob:100:10\n", 0, "u0-77-1.1-100-10");
	expect_maps("bob:100:10\nbob:500:3\n", 0, "u0-77-1.1-100-10.11-500-3");
	expect_maps("bob:100:10\n", 4, "u4-77-1.0-100-4.5-104-6");
	expect_maps("bob:100:10\nbob:500:3\n", 10, "u10-77-1.0-100-10.11-500-3");
	expect_maps("bob:100:10\nbob:500:3\n", 11, "u11-77-1.0-100-10.10-500-1.12-501-2");
	expect_maps("bob:100:10\n", 5000, "u5000-77-1.0-100-10");
}

test(an_id_beyond_the_ranges_is_named)
{
	struct id_space space = { 0 };
	struct subid_ranges ranges;
	struct err err = { 0 };

	assert_true(subid_ranges("bob:100:10\n", "bob", 1, &ranges));
	id_maps_fill(&ranges, 0, 77, &space.uid);
	id_maps_fill(&ranges, 0, 77, &space.gid);
	assert_int_equal(id_space_check(&space, 10, 10, "file", &err), 0);
	assert_int_equal(id_space_check(&space, 11, 0, "'/a'", &err), -EOVERFLOW);
	assert_non_null(strstr(err.text, "'/a': uid 11 is beyond the 11 ids that are real here"));
	assert_int_equal(id_space_check(&space, 0, 12, "'/a'", &err), -EOVERFLOW);
	assert_non_null(strstr(err.text, "gid 12"));
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
		RUN(all_ranges_of_a_user_are_taken_in_order),
		RUN(a_range_given_twice_counts_once),
		RUN(a_user_may_stand_there_by_number),
		RUN(a_name_is_no_prefix_of_another),
		RUN(lines_that_are_none_are_passed_over),
		RUN(a_last_line_needs_no_newline),
		RUN(the_caller_has_one_id_inside_and_the_ranges_fill_the_others),
		RUN(an_id_beyond_the_ranges_is_named),
		RUN(a_new_range_goes_above_all_others),
	};

	return RUN_ALL(tests);
}
