// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

/* Larger than all there is first. */
#define LARGE_BYTES ((size_t)1 << 20)
#define PIECES	    400 /* of up to 100 bytes: the first of them there, the others not */

static void fill(unsigned char *piece, size_t size_bytes, unsigned char with)
{
	memset(piece, with, size_bytes);
}

static bool holds(const unsigned char *piece, size_t size_bytes, unsigned char what)
{
	for (size_t i = 0; i < size_bytes; i++)
		if (piece[i] != what)
			return false;
	return true;
}

test(pieces_are_apart_and_aligned_wherever_they_come_from)
{
	unsigned char *pieces[PIECES];

	for (size_t i = 0; i < PIECES; i++) {
		pieces[i] = malloc(i % 100 + 1);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		fill(pieces[i], i % 100 + 1, (unsigned char)i);
	}
	for (size_t i = 0; i < PIECES; i++)
		assert_true(holds(pieces[i], i % 100 + 1, (unsigned char)i));
	for (size_t i = 0; i < PIECES; i++)
		free(pieces[i]);
	for (size_t i = PIECES; i-- > 0;) /* the other way round, too */
		free(pieces[i] = malloc(i));
}

test(cleared_memory_is_clear_also_when_it_was_used_before)
{
	unsigned char *before = malloc(200);
	unsigned char *piece;

	fill(before, 200, 0xff);
	free(before);
	piece = calloc(20, 10);
	assert_true(holds(piece, 200, 0));
	free(piece);
	assert_null(calloc(SIZE_MAX / 2, 4));
}

test(what_grows_keeps_its_content_in_place_or_not)
{
	unsigned char *piece = realloc(NULL, 10);
	unsigned char *behind;

	fill(piece, 10, 7);
	piece = realloc(piece, 500);
	assert_true(holds(piece, 10, 7));
	fill(piece, 500, 8);
	behind = malloc(10);
	fill(behind, 10, 9);
	piece = realloc(piece, 900);
	assert_true(holds(piece, 500, 8));
	piece = realloc(piece, LARGE_BYTES);
	assert_true(holds(piece, 500, 8));
	fill(piece, LARGE_BYTES, 10);
	piece = realloc(piece, 3);
	assert_true(holds(piece, 3, 10));
	assert_true(holds(behind, 10, 9));
	free(behind);
	free(piece);
	free(NULL);
}

test(what_cannot_be_had_leaves_what_there_was)
{
	unsigned char *piece = malloc(10);

	fill(piece, 10, 3);
	assert_null(malloc(SIZE_MAX - 100));
	assert_null(realloc(piece, SIZE_MAX - 100));
	assert_true(holds(piece, 10, 3));
	free(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(pieces_are_apart_and_aligned_wherever_they_come_from),
		RUN(cleared_memory_is_clear_also_when_it_was_used_before),
		RUN(what_grows_keeps_its_content_in_place_or_not),
		RUN(what_cannot_be_had_leaves_what_there_was),
	};

	return RUN_ALL(tests);
}
