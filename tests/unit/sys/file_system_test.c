// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "sys/file_system.h"

test(unions_of_layers_copy_up)
{
	assert_true(file_system_copies_up("overlay"));
	assert_true(file_system_copies_up("aufs"));
	assert_true(file_system_copies_up("fuse.fuse-overlayfs"));
	assert_true(file_system_copies_up("fuse.unionfs"));
	assert_false(file_system_copies_up("ext4"));
	assert_false(file_system_copies_up("fuse.sshfs"));
	assert_false(file_system_copies_up("overla"));
	assert_false(file_system_copies_up(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(unions_of_layers_copy_up),
	};

	return RUN_ALL(tests);
}
