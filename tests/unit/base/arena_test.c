// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/arena.h"

test(memory_is_zeroed_aligned_and_apart)
{
	auto_arena arena = { 0 };
	unsigned char *last = NULL;

	for (size_t size = 1; size < 300; size++) {
		unsigned char *memory = arena_alloc(&arena, size);

		assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(memory[i], 0);
		memset(memory, 0xff, size);
		assert_ptr_not_equal(memory, last);
		last = memory;
	}
}

test(more_than_a_block_is_served)
{
	auto_arena arena = { 0 };
	unsigned char *memory = arena_alloc(&arena, 1 << 20);

	memset(memory, 1, 1 << 20);
	assert_non_null(arena_alloc(&arena, 1));
}

test(copies_end_in_nul)
{
	auto_arena arena = { 0 };

	assert_string_equal(arena_copy(&arena, "abc"), "abc");
	assert_string_equal(arena_copy_bytes(&arena, "abcdef", 3), "abc");
	assert_string_equal(arena_printf(&arena, "%s-%d", "x", 7), "x-7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(memory_is_zeroed_aligned_and_apart),
		RUN(more_than_a_block_is_served),
		RUN(copies_end_in_nul),
	};

	return RUN_ALL(tests);
}
