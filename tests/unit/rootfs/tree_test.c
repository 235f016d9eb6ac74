// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rootfs/tree.h"
#include "sys/remove.h"

test(what_is_in_a_directory_comes_before_longer_names)
{
	assert_true(tree_compare_paths("a", "a/b") < 0);
	assert_true(tree_compare_paths("a/b", "a-b") < 0);
	assert_true(tree_compare_paths("a.b", "a/b") > 0);
	assert_true(tree_compare_paths("", "a") < 0);
	assert_true(tree_compare_paths("b", "a/z") > 0);
	assert_int_equal(tree_compare_paths("a/b", "a/b"), 0);
}

test(what_is_added_under_another_path_is_read_from_where_it_is)
{
	char folder[] = "/tmp/rootlet-tree-XXXXXX";
	auto_tree tree = { 0 };
	struct err err = { 0 };
	auto_fd fd = -1;
	auto_fd file = -1;

	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(fd, "from", 0755), 0);
	file = openat(fd, "from/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(file, "text", 4), 4);
	assert_int_equal(tree_add_below(fd, "from", "to/there", &tree, &err), 0);
	assert_int_equal(tree.count, 2);
	assert_string_equal(tree.item[0].path, "to/there");
	assert_string_equal(tree.item[1].path, "to/there/file");
	assert_string_equal(tree.item[1].disk_path, "from/file");
	assert_int_equal(tree.item[1].size_bytes, 4);
	assert_int_equal(remove_tree(AT_FDCWD, folder, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(what_is_in_a_directory_comes_before_longer_names),
		RUN(what_is_added_under_another_path_is_read_from_where_it_is),
	};

	return RUN_ALL(tests);
}
