// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <string.h>

#include "sys/rule.h"

test(the_profile_for_apparmor_is_one_line_that_a_shell_can_take)
{
	char line[RULE_TEXT_MAX];

	assert_true(rule_apparmor_profile("/usr/libexec/rootlet/rootlet-image", line));
	assert_string_equal(line,
			    "printf 'abi <abi/4.0>,\\nprofile rootlet-image "
			    "/usr/libexec/rootlet/rootlet-image flags=(unconfined) {userns,}\\n' > "
			    "/etc/apparmor.d/rootlet-image && "
			    "apparmor_parser -r /etc/apparmor.d/rootlet-image");
}

test(a_path_that_the_profile_or_the_shell_would_take_apart_gets_none)
{
	char long_path[200];
	char line[RULE_TEXT_MAX];

	assert_false(rule_apparmor_profile("/home/me too/rootlet", line));
	assert_false(rule_apparmor_profile("/a'b/rootlet", line));
	assert_false(rule_apparmor_profile("/a{b,c}/rootlet", line));
	assert_false(rule_apparmor_profile("/100%/rootlet", line));
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_false(rule_apparmor_profile(long_path, line));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_profile_for_apparmor_is_one_line_that_a_shell_can_take),
		RUN(a_path_that_the_profile_or_the_shell_would_take_apart_gets_none),
	};

	return RUN_ALL(tests);
}
