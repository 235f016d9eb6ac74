// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "remote/retry.h"

test(delays_double_up_to_the_limit_and_spread_over_their_upper_half)
{
	const struct retry_policy policy = { .count = 5, .delay_ms = 500 };

	assert_int_equal(retry_delay_ms(&policy, 1, UINT32_MAX), 500);
	assert_int_equal(retry_delay_ms(&policy, 1, 0), 250);
	assert_int_equal(retry_delay_ms(&policy, 3, UINT32_MAX), 2000);
	assert_int_equal(retry_delay_ms(&policy, 3, UINT32_MAX / 2), 1499);
	assert_int_equal(retry_delay_ms(&policy, 4000000, UINT32_MAX), RETRY_DELAY_MAX_MS);
}

test(a_delay_of_nothing_stays_nothing)
{
	const struct retry_policy policy = { .count = 5, .delay_ms = 0 };

	assert_int_equal(retry_delay_ms(&policy, 3, UINT32_MAX), 0);
	assert_true(retry_wait(0, NULL));
}

test(retry_after_is_seconds_or_a_date)
{
	uint64_t ms = 7;

	assert_int_equal(retry_after_parse("120", 0, &ms), 0);
	assert_int_equal(ms, 120000);
	assert_int_equal(retry_after_parse("Thu, 01 Jan 1970 00:01:40 GMT", 40, &ms), 0);
	assert_int_equal(ms, 60000);
	assert_int_equal(retry_after_parse("Thu, 01 Jan 1970 00:00:10 GMT", 40, &ms), 0);
	assert_int_equal(ms, 0);
	assert_int_equal(retry_after_parse("18446744073709551615", 0, &ms), 0);
	assert_true(ms == UINT64_MAX);
	assert_int_equal(retry_after_parse("soon", 0, &ms), -EINVAL);
	assert_int_equal(retry_after_parse("-1", 0, &ms), -EINVAL);
}

test(only_statuses_that_pass_are_worth_a_retry)
{
	static const long yes[] = { 408, 429, 500, 502, 503, 504 };
	static const long no[] = { 200, 206, 301, 400, 401, 403, 404, 416, 501, 505 };

	for (size_t i = 0; i < array_count(yes); i++)
		assert_true(retry_status(yes[i]));
	for (size_t i = 0; i < array_count(no); i++)
		assert_false(retry_status(no[i]));
}

test(delays_of_users_have_units)
{
	uint64_t ms = 7;

	assert_int_equal(retry_parse_delay("250ms", &ms), 0);
	assert_int_equal(ms, 250);
	assert_int_equal(retry_parse_delay("2s", &ms), 0);
	assert_int_equal(ms, 2000);
	assert_int_equal(retry_parse_delay("3", &ms), 0);
	assert_int_equal(ms, 3000);
	assert_int_equal(retry_parse_delay("1m", &ms), 0);
	assert_int_equal(ms, 60000);
	assert_int_equal(retry_parse_delay("1h", &ms), -EINVAL);
	assert_int_equal(retry_parse_delay("ms", &ms), -EINVAL);
	assert_int_equal(retry_parse_delay("-1s", &ms), -EINVAL);
	assert_int_equal(retry_parse_delay("18446744073709551615m", &ms), -ERANGE);
	assert_int_equal(ms, 60000);
}

test(a_wait_ends_at_once_when_cancelled)
{
	atomic_bool cancel = true;

	assert_false(retry_wait(3600000, &cancel));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(delays_double_up_to_the_limit_and_spread_over_their_upper_half),
		RUN(a_delay_of_nothing_stays_nothing),
		RUN(retry_after_is_seconds_or_a_date),
		RUN(only_statuses_that_pass_are_worth_a_retry),
		RUN(delays_of_users_have_units),
		RUN(a_wait_ends_at_once_when_cancelled),
	};

	return RUN_ALL(tests);
}
