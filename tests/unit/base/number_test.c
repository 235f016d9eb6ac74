// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/number.h"

static uint64_t size_of(const char *text)
{
	uint64_t bytes = 42;

	assert_int_equal(number_parse_size(text, &bytes), 0);
	return bytes;
}

test(only_whole_strings_of_digits_are_numbers)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "1x", "0x1" };
	uint64_t number = 42;

	for (size_t i = 0; i < array_count(bad); i++)
		assert_int_equal(number_parse_u64(bad[i], &number), -EINVAL);
	assert_int_equal(number, 42);
}

test(the_largest_number_is_parsed_and_the_next_refused)
{
	uint64_t wide;
	uint32_t narrow;

	assert_int_equal(number_parse_u64("18446744073709551615", &wide), 0);
	assert_true(wide == UINT64_MAX);
	assert_int_equal(number_parse_u64("18446744073709551616", &wide), -ERANGE);
	assert_int_equal(number_parse_u32("4294967295", &narrow), 0);
	assert_true(narrow == UINT32_MAX);
	assert_int_equal(number_parse_u32("4294967296", &narrow), -ERANGE);
}

test(octal_means_octal)
{
	uint32_t mode;

	assert_int_equal(number_parse_octal("1755", &mode), 0);
	assert_int_equal(mode, 01755);
	assert_int_equal(number_parse_octal("8", &mode), -EINVAL);
}

test(sizes_take_suffixes_of_1024)
{
	assert_int_equal(size_of("512"), 512);
	assert_int_equal(size_of("64k"), 65536);
	assert_int_equal(size_of("64KiB"), 65536);
	assert_int_equal(size_of("1.5G"), 1610612736);
	assert_int_equal(size_of("3b"), 3);
}

test(sizes_refuse_what_is_not_a_size)
{
	static const char *const bad[] = { "", "k", "-1k", "1q", "1kk", "1 k", "1bb" };
	uint64_t bytes;

	for (size_t i = 0; i < array_count(bad); i++)
		assert_int_equal(number_parse_size(bad[i], &bytes), -EINVAL);
	assert_int_equal(number_parse_size("17179869184g", &bytes), -ERANGE);
}

test(sizes_are_printed_in_three_digits)
{
	char text[16];

	assert_string_equal(number_format_size(0, text), "0 B");
	assert_string_equal(number_format_size(999, text), "999 B");
	assert_string_equal(number_format_size(1500000, text), "1.5 MB");
	assert_string_equal(number_format_size(999600, text), "1.0 MB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(only_whole_strings_of_digits_are_numbers),
		RUN(the_largest_number_is_parsed_and_the_next_refused),
		RUN(octal_means_octal),
		RUN(sizes_take_suffixes_of_1024),
		RUN(sizes_refuse_what_is_not_a_size),
		RUN(sizes_are_printed_in_three_digits),
	};

	return RUN_ALL(tests);
}
