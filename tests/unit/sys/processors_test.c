// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <sched.h>

#include "sys/processors.h"

static int allowed(cpu_set_t *ret_set)
{
	assert_int_equal(sched_getaffinity(0, sizeof(*ret_set), ret_set), 0);
	return CPU_COUNT(ret_set);
}

test(a_process_stays_on_one_and_then_has_all_again)
{
	struct processors before;
	struct err err = { 0 };
	cpu_set_t all;
	cpu_set_t now;

	if (allowed(&all) < 2)
		skip();
	processors_keep_one(&before);
	assert_true(before.bytes > 0);
	assert_int_equal(allowed(&now), 1);
	assert_int_equal(processors_restore(&before, &err), 0);
	allowed(&now);
	assert_true(CPU_EQUAL(&now, &all));
}

test(processors_that_were_not_allowed_before_are_not_allowed_afterwards)
{
	struct processors before;
	struct err err = { 0 };
	cpu_set_t all;
	cpu_set_t last;
	cpu_set_t now;

	if (allowed(&all) < 2)
		skip();
	processors_keep_one(&before);
	CPU_ZERO(&last);
	for (int i = CPU_SETSIZE; i-- > 0 && CPU_COUNT(&last) == 0;)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &last);
	memcpy(before.mask, &last, before.bytes < sizeof(last) ? before.bytes : sizeof(last));
	assert_int_equal(processors_restore(&before, &err), 0);
	allowed(&now);
	assert_true(CPU_EQUAL(&now, &last));
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

test(who_has_but_one_is_left_alone)
{
	struct processors before;
	struct err err = { 0 };
	cpu_set_t all;
	cpu_set_t one;
	cpu_set_t now;

	allowed(&all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	processors_keep_one(&before);
	assert_int_equal(before.bytes, 0);
	assert_int_equal(processors_restore(&before, &err), 0);
	allowed(&now);
	assert_true(CPU_EQUAL(&now, &one));
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_process_stays_on_one_and_then_has_all_again),
		RUN(processors_that_were_not_allowed_before_are_not_allowed_afterwards),
		RUN(who_has_but_one_is_left_alone),
	};

	return RUN_ALL(tests);
}
