// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "engine/calls.h"
#include "tap/table.h"

static bool takes_path(const struct tap_row *row)
{
	return strpbrk(row->args, "plc") || row->class == TAP_PATH || row->class == TAP_PATH2 ||
	       row->class == TAP_EXEC;
}

/* Names that are no paths, and what was opened before. */
static bool is_harmless(const char *name)
{
	static const char *const names[] = { "mq_open", "mq_unlink", "bpf", "landlock_add_rule" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void every_call_with_a_path_stops_or_is_refused(void **state)
{
	static struct calls calls = { .hostname = "", .kernel_release = "" };

	(void)state;
	for (int emulates = 0; emulates < 2; emulates++) {
		calls.emulates = emulates;
		for (long number = 0; number < TAP_NR_END; number++) {
			const struct tap_row *row = &tap_table[number];
			const struct call_rule *rule = calls_rule(&calls, number);

			if (!row->name)
				assert_int_equal(rule->interest, CALL_REFUSED);
			else if (takes_path(row) && !is_harmless(row->name) &&
				 rule->interest != CALL_STOPS && rule->interest != CALL_REFUSED)
				fail_msg("%s takes a path and passes", row->name);
		}
	}
}

static void numbers_beyond_the_table_are_refused(void **state)
{
	static const struct calls calls = { .hostname = "", .kernel_release = "" };

	(void)state;
	assert_int_equal(calls_rule(&calls, TAP_NR_END)->interest, CALL_REFUSED);
	assert_int_equal(calls_rule(&calls, -1)->interest, CALL_REFUSED);
	assert_int_equal(calls_rule(&calls, 0x40000000)->interest, CALL_REFUSED); /* x32 */
	assert_int_equal(calls_rule(&calls, NR_io_uring_setup)->interest, CALL_REFUSED);
	assert_int_equal(calls_rule(&calls, NR_getpid)->interest, CALL_FREE);
}

static void what_stops_has_somebody_to_answer(void **state)
{
	static struct calls calls = { .hostname = "name", .kernel_release = "", .emulates = true };

	(void)state;
	for (long number = 0; number < TAP_NR_END; number++) {
		const struct call_rule *rule = calls_rule(&calls, number);

		if (rule->interest == CALL_STOPS || rule->interest == CALL_STOPS_IF ||
		    rule->interest == CALL_STOPS_EQ || rule->interest == CALL_STOPS_ANY)
			assert_non_null(rule->handler);
		else
			assert_null(rule->handler);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_with_a_path_stops_or_is_refused),
		cmocka_unit_test(numbers_beyond_the_table_are_refused),
		cmocka_unit_test(what_stops_has_somebody_to_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
