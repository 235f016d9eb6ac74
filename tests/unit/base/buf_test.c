// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/buf.h"

test(an_empty_buffer_reads_as_empty_text)
{
	auto_buf buf = { 0 };

	assert_string_equal(buf_text(&buf), "");
}

test(content_survives_growth_and_ends_in_nul)
{
	auto_buf buf = { 0 };

	for (int i = 0; i < 5000; i++)
		buf_printf(&buf, "%d,", i % 10);
	assert_int_equal(buf.size_bytes, 10000);
	assert_int_equal(strlen(buf.bytes), 10000);
	assert_string_equal(buf.bytes + 9998, "9,");
}

test(printing_more_than_fits_is_not_cut)
{
	auto_buf buf = { 0 };

	buf_printf(&buf, "%*d", 3000, 7);
	assert_int_equal(buf.size_bytes, 3000);
	assert_int_equal(buf.bytes[2999], '7');
}

test(nul_bytes_are_content)
{
	auto_buf buf = { 0 };

	buf_add(&buf, "a\0b", 3);
	assert_int_equal(buf.size_bytes, 3);
	assert_memory_equal(buf.bytes, "a\0b", 4);
}

test(taking_leaves_an_empty_buffer)
{
	auto_buf buf = { 0 };
	auto_free char *taken = NULL;

	buf_add_text(&buf, "x");
	taken = buf_take(&buf);
	assert_string_equal(taken, "x");
	assert_int_equal(buf.size_bytes, 0);
	assert_string_equal(buf_text(&buf), "");
}

test(truncating_ends_the_text_there)
{
	auto_buf buf = { 0 };

	buf_add_text(&buf, "abc");
	buf_truncate(&buf, 1);
	assert_string_equal(buf.bytes, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_empty_buffer_reads_as_empty_text),
		RUN(content_survives_growth_and_ends_in_nul),
		RUN(printing_more_than_fits_is_not_cut),
		RUN(nul_bytes_are_content),
		RUN(taking_leaves_an_empty_buffer),
		RUN(truncating_ends_the_text_there),
	};

	return RUN_ALL(tests);
}
