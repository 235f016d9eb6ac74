// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <sys/resource.h>

#include "box/capabilities.h"
#include "box/limits.h"

static struct err err;

test(a_limit_alone_is_soft_and_hard)
{
	struct limits limits = { .count = 0 };

	assert_int_equal(limits_add(&limits, "nofile=12", &err), 0);
	assert_int_equal(limits_add(&limits, "core=0:-1", &err), 0);
	assert_int_equal(limits.count, 2);
	assert_int_equal(limits.item[0].resource, RLIMIT_NOFILE);
	assert_int_equal(limits.item[0].soft, 12);
	assert_int_equal(limits.item[0].hard, 12);
	assert_true(limits.item[1].hard == LIMIT_UNLIMITED);
}

test(the_last_limit_of_a_name_counts)
{
	struct limits limits = { .count = 0 };
	auto_buf text = { 0 };

	for (int i = 0; i < 3 * LIMITS_MAX; i++)
		assert_int_equal(limits_add(&limits, i % 2 ? "cpu=1:2" : "cpu=3:unlimited", &err),
				 0);
	assert_int_equal(limits.count, 1);
	limit_to_text(&limits.item[0], &text);
	assert_string_equal(buf_text(&text), "cpu=1:2");
}

test(what_is_no_limit_is_refused_and_changes_nothing)
{
	static const char *const wrong[] = {
		"",	      "nofile",	 "nofile=",	"=1",	     "nofile=a",    "nofile=1:",
		"nofile=2:1", "nofil=1", "nofile=-1:1", "nofile=-2", "nofile=1:2:3"
	};
	struct limits limits = { .count = 0 };

	for (size_t i = 0; i < array_count(wrong); i++)
		if (limits_add(&limits, wrong[i], &err) != -EINVAL)
			fail_msg("'%s' was taken", wrong[i]);
	assert_int_equal(limits.count, 0);
}

test(capabilities_have_two_spellings)
{
	auto_strings names = { 0 };
	uint64_t set = 0;

	assert_int_equal(capabilities_add(&set, "CAP_CHOWN", &err), 0);
	assert_int_equal(capabilities_add(&set, "checkpoint_restore", &err), 0);
	assert_int_equal(capabilities_add(&set, "chown", &err), 0);
	assert_true(set == (1ULL << 40 | 1));
	assert_int_equal(capabilities_add(&set, "CAP_", &err), -EINVAL);
	capabilities_to_names(set, &names);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.item[1], "CAP_CHECKPOINT_RESTORE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_limit_alone_is_soft_and_hard),
		RUN(the_last_limit_of_a_name_counts),
		RUN(what_is_no_limit_is_refused_and_changes_nothing),
		RUN(capabilities_have_two_spellings),
	};

	return RUN_ALL(tests);
}
