// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "rootfs/content.h"

static atomic_uint_fast64_t packed;

/* How many entries may come of so many bytes, up to a million. */
static uint64_t entries_of(uint64_t packed_bytes)
{
	struct content content = { .packed_bytes = &packed };
	struct err err = { 0 };

	atomic_store(&packed, packed_bytes);
	while (content.entries < 1000000)
		if (content_take_entry(&content, &err) < 0) {
			assert_non_null(strstr(err.text, "that is no image"));
			return content.entries - 1;
		}
	return content.entries;
}

test(numbered_empty_files_are_an_image_and_the_same_ones_again_and_again_are_none)
{
	assert_true(entries_of(1390000) == 1000000); /* as zstd -19 packs a million of them */
	assert_true(entries_of(900000) == 900000);
	assert_true(entries_of(10000) == CONTENT_FREE_ENTRIES);
}

test(few_bytes_may_become_a_gibibyte_and_more_bytes_two_hundred_times_as_many)
{
	struct content content = { .packed_bytes = &packed };
	struct err err = { 0 };

	atomic_store(&packed, 1000);
	assert_int_equal(content_take(&content, CONTENT_FREE_BYTES, &err), 0);
	assert_int_equal(content_take(&content, 1, &err), -EFBIG);
	atomic_store(&packed, CONTENT_FREE_BYTES / 100);
	assert_int_equal(content_take(&content, CONTENT_FREE_BYTES / 2, &err), 0);
	assert_int_equal(content_take(&content, CONTENT_FREE_BYTES, &err), -EFBIG);
}

test(zeros_that_are_only_read_count_nothing)
{
	static const char zeros[1 << 20];
	static char noise[1 << 20] = { [0 ... sizeof(noise) - 1] = 'x' };
	struct content content = { .packed_bytes = &packed };
	struct err err = { 0 };

	assert_int_equal(content_take_data(&content, zeros, sizeof(zeros), &err), 0);
	assert_true(content.bytes == 0);
	assert_int_equal(content_take_data(&content, noise, sizeof(noise), &err), 0);
	assert_true(content.bytes == sizeof(noise));
	atomic_store(&packed, 1000);
	content.bytes = CONTENT_FREE_BYTES;
	assert_int_equal(content_take_data(&content, zeros, sizeof(zeros), &err), 0);
	assert_int_equal(content_take_data(&content, noise, sizeof(noise), &err), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			numbered_empty_files_are_an_image_and_the_same_ones_again_and_again_are_none),
		cmocka_unit_test(
			few_bytes_may_become_a_gibibyte_and_more_bytes_two_hundred_times_as_many),
		cmocka_unit_test(zeros_that_are_only_read_count_nothing),
	};

	return RUN_ALL(tests);
}
