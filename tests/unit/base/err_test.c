// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <limits.h>

#include "base/err.h"

test(text_grows_outwards_and_ends_in_the_reason)
{
	struct err err = { 0 };

	assert_int_equal(fail(&err, ENOENT, "open '%s'", "x"), -ENOENT);
	assert_int_equal(err_wrap(&err, "read config"), -ENOENT);
	assert_string_equal(err.text, "read config: open 'x': No such file or directory");
	assert_int_equal(err.code, ENOENT);
}

test(damaged_data_needs_no_errno_words)
{
	struct err err = { 0 };

	assert_int_equal(fail(&err, EUCLEAN, "truncated"), -EUCLEAN);
	assert_string_equal(err.text, "truncated");
	assert_int_equal(fail(&err, 0, "bad"), -EINVAL);
	assert_string_equal(err.text, "bad");
}

test(the_hint_nearest_the_cause_wins)
{
	struct err err = { 0 };

	fail(&err, EPERM, "mount");
	err_hint(&err, "first");
	err_hint(&err, "second");
	assert_string_equal(err.hint, "first");
}

test(a_new_failure_forgets_the_old_hint)
{
	struct err err = { 0 };

	fail(&err, EPERM, "mount");
	err_hint(&err, "old");
	fail(&err, EPERM, "mount");
	assert_string_equal(err.hint, "");
}

test(wrapping_never_loses_the_cause)
{
	struct err err = { 0 };
	char wide[ERR_TEXT_MAX];

	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	fail_plain(&err, EPERM, "the cause");
	err_wrap(&err, "%s", wide);
	err_wrap(&err, "%s", wide);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_string_equal(err.text + ERR_TEXT_MAX - 1 - 9, "the cause");
}

test(nobody_has_to_ask_for_the_reason)
{
	assert_int_equal(fail(NULL, EPERM, "x"), -EPERM);
	assert_int_equal(err_wrap(NULL, "x"), -EINVAL);
	err_hint(NULL, "x");
	err_append(NULL, "x");
	err_clear(NULL);
}

test(an_error_fits_one_atomic_pipe_write)
{
	assert_true(sizeof(struct err) <= PIPE_BUF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(text_grows_outwards_and_ends_in_the_reason),
		RUN(damaged_data_needs_no_errno_words),
		RUN(the_hint_nearest_the_cause_wins),
		RUN(a_new_failure_forgets_the_old_hint),
		RUN(wrapping_never_loses_the_cause),
		RUN(nobody_has_to_ask_for_the_reason),
		RUN(an_error_fits_one_atomic_pipe_write),
	};

	return RUN_ALL(tests);
}
