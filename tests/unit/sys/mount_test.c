// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "sys/mount.h"

test(the_point_of_a_mount_is_the_fifth_field)
{
	char line[] = "36 35 98:0 / /mnt/two rw,noatime master:1 - ext3 /dev/root rw";

	assert_string_equal(mount_point_in(line), "/mnt/two");
}

test(a_point_with_a_blank_is_unescaped)
{
	char line[] = "36 35 98:0 /a /mnt/a\\040b\\134c rw - ext3 /dev/root rw";

	assert_string_equal(mount_point_in(line), "/mnt/a b\\c");
}

test(what_is_no_line_of_mounts_has_no_point)
{
	char empty[] = "";
	char cut[] = "36 35 98:0 /";

	assert_null(mount_point_in(empty));
	assert_null(mount_point_in(cut));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_point_of_a_mount_is_the_fifth_field),
		RUN(a_point_with_a_blank_is_unescaped),
		RUN(what_is_no_line_of_mounts_has_no_point),
	};

	return RUN_ALL(tests);
}
