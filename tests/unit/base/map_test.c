// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdio.h>

#include "base/map.h"

static int values[1000];

static void fill(struct map *map, size_t count)
{
	char key[16];

	for (size_t i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "key%zu", i);
		map_set(map, key, &values[i]);
	}
}

test(every_key_is_found_after_growth)
{
	auto_map map = { 0 };
	char key[16];

	fill(&map, array_count(values));
	for (size_t i = 0; i < array_count(values); i++) {
		snprintf(key, sizeof(key), "key%zu", i);
		assert_ptr_equal(map_get(&map, key), &values[i]);
	}
	assert_null(map_get(&map, "key1000"));
}

test(an_absent_key_of_an_empty_map_is_null)
{
	auto_map map = { 0 };

	assert_null(map_get(&map, "x"));
	map_remove(&map, "x");
}

test(setting_again_replaces_the_value)
{
	auto_map map = { 0 };

	map_set(&map, "a", &values[0]);
	map_set(&map, "a", &values[1]);
	assert_int_equal(map.count, 1);
	assert_ptr_equal(map_get(&map, "a"), &values[1]);
}

test(removal_keeps_the_others_and_their_order)
{
	auto_map map = { 0 };
	size_t i = 0;

	fill(&map, 100);
	map_remove(&map, "key0");
	map_remove(&map, "key50");
	assert_null(map_get(&map, "key50"));
	assert_ptr_equal(map_get(&map, "key99"), &values[99]);
	map_each(&map, entry) {
		i++;
		if (i == 50)
			i++;
		assert_ptr_equal(entry->value, &values[i]);
	}
	assert_int_equal(i, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_key_is_found_after_growth),
		RUN(an_absent_key_of_an_empty_map_is_null),
		RUN(setting_again_replaces_the_value),
		RUN(removal_keeps_the_others_and_their_order),
	};

	return RUN_ALL(tests);
}
