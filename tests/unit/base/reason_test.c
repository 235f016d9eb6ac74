// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <string.h>

#include "base/reason.h"

#define AFTER_THE_LAST 4096 /* the kernel's errors are below (MAX_ERRNO) */

static void assert_same(const char *ours, const char *glibcs)
{
	if (glibcs)
		assert_non_null(ours);
	if (!glibcs)
		assert_null(ours);
	else
		assert_string_equal(ours, glibcs);
}

test(every_error_has_glibcs_words)
{
	for (int error = -1; error <= AFTER_THE_LAST; error++)
		if (error != 0) /* "Success" is no reason */
			assert_same(reason_words(error), strerrordesc_np(error));
}

test(every_error_has_glibcs_name)
{
	for (int error = -1; error <= AFTER_THE_LAST; error++)
		if (error != 0)
			assert_same(reason_name(error), strerrorname_np(error));
}

test(success_is_no_error)
{
	assert_null(reason_words(0));
	assert_null(reason_name(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_error_has_glibcs_words),
		RUN(every_error_has_glibcs_name),
		RUN(success_is_no_error),
	};

	return RUN_ALL(tests);
}
