// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "rootemu/owned.h"
#include "table.h"

struct tree {
	char path[64];
	int fd;
	struct lies lies;
};

static void put(const struct tree *tree, const char *name)
{
	int fd = openat(tree->fd, name, O_CREAT | O_WRONLY | O_EXCL, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static int set_up(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	snprintf(tree->path, sizeof(tree->path), "/tmp/rootlet-owned-XXXXXX");
	assert_non_null(mkdtemp(tree->path));
	tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(mkdirat(tree->fd, "etc", 0755), 0);
	put(tree, "etc/shadow");
	put(tree, "etc/motd");
	put(tree, "null");
	table_new(&tree->lies);
	*state = tree;
	return 0;
}

static int tear_down(void **state)
{
	struct tree *tree = *state;

	unlinkat(tree->fd, "etc/shadow", 0);
	unlinkat(tree->fd, "etc/motd", 0);
	unlinkat(tree->fd, "null", 0);
	unlinkat(tree->fd, "etc", AT_REMOVEDIR);
	rmdir(tree->path);
	close(tree->fd);
	table_done(&tree->lies);
	free(tree);
	return 0;
}

static struct xattr capability = { "security.capability", "\x01\0\xff", 3 };
static struct owner items[] = {
	{ .path = "etc/shadow", .gid = 42, .has_mode = true, .mode = 0640 },
	{ .path = "gone", .uid = 1 },
	{ .path = "null",
	  .type = S_IFCHR,
	  .rdev_major = 1,
	  .rdev_minor = 3,
	  .xattrs = &capability,
	  .xattr_count = 1 },
	{ .path = "white", .whiteout = true },
};
static const struct owners owners = { .item = items, .count = array_count(items) };

static void collect(struct tree *tree, int names_fd, struct arena *arena, struct map *ret_by_path)
{
	struct err err = { 0 };
	int fd = memfd_create("report", 0);

	map_done(ret_by_path);
	owned_report(&tree->lies, tree->fd, names_fd, fd);
	assert_int_equal(owned_read(fd, arena, ret_by_path, &err), 0);
	close(fd);
}

test(what_a_record_said_comes_out_again_by_path)
{
	struct tree *tree = *state;
	auto_arena arena = { 0 };
	struct err err = { 0 };
	auto_map back = { 0 };
	const struct emulated *shadow;
	const struct emulated *null;

	assert_int_equal(owned_seed(&tree->lies, tree->fd, -1, &owners, &err), 0);
	collect(tree, -1, &arena, &back);
	assert_int_equal(back.count, 2);
	shadow = map_get(&back, "etc/shadow");
	null = map_get(&back, "null");
	assert_non_null(shadow);
	assert_int_equal(shadow->gid, 42);
	assert_int_equal(shadow->mode_mask, 07777);
	assert_int_equal(shadow->mode_bits, 0640);
	assert_non_null(null);
	assert_int_equal(null->mode_mask, S_IFMT);
	assert_int_equal(null->mode_bits, S_IFCHR);
	assert_int_equal(null->rdev_minor, 3);
	assert_int_equal(null->xattr_count, 1);
	assert_memory_equal(null->xattrs[0].value, "\x01\0\xff", 3);
}

test(a_file_that_another_layer_replaced_keeps_its_own_owner)
{
	struct tree *tree = *state;
	auto_arena arena = { 0 };
	struct err err = { 0 };
	auto_map back = { 0 };
	char layer[] = "/tmp/rootlet-layer-XXXXXX";
	int layer_fd;

	/* The layer's own etc/shadow is another file than the one that shows. */
	assert_non_null(mkdtemp(layer));
	layer_fd = open(layer, O_RDONLY | O_DIRECTORY);
	assert_int_equal(mkdirat(layer_fd, "etc", 0755), 0);
	close(openat(layer_fd, "etc/shadow", O_CREAT | O_WRONLY, 0644));
	assert_int_equal(owned_seed(&tree->lies, tree->fd, layer_fd, &owners, &err), 0);
	collect(tree, -1, &arena, &back);
	assert_int_equal(back.count, 0);
	assert_int_equal(owned_seed(&tree->lies, tree->fd, tree->fd, &owners, &err), 0);
	collect(tree, -1, &arena, &back);
	assert_int_equal(back.count, 2);
	unlinkat(layer_fd, "etc/shadow", 0);
	unlinkat(layer_fd, "etc", AT_REMOVEDIR);
	rmdir(layer);
	close(layer_fd);
}

test(only_the_names_of_an_upper_directory_are_looked_at)
{
	struct tree *tree = *state;
	auto_arena arena = { 0 };
	struct err err = { 0 };
	auto_map back = { 0 };
	char upper[] = "/tmp/rootlet-upper-XXXXXX";
	int upper_fd;

	assert_non_null(mkdtemp(upper));
	upper_fd = open(upper, O_RDONLY | O_DIRECTORY);
	close(openat(upper_fd, "null", O_CREAT | O_WRONLY, 0644));
	assert_int_equal(owned_seed(&tree->lies, tree->fd, -1, &owners, &err), 0);
	collect(tree, upper_fd, &arena, &back);
	assert_int_equal(back.count, 1);
	assert_non_null(map_get(&back, "null"));
	unlinkat(upper_fd, "null", 0);
	rmdir(upper);
	close(upper_fd);
}

test(a_report_that_breaks_off_or_tells_of_a_failure_is_an_error)
{
	struct tree *tree = *state;
	auto_arena arena = { 0 };
	auto_map back = { 0 };
	struct err err = { 0 };
	int fd = memfd_create("report", 0);

	assert_int_equal(owned_seed(&tree->lies, tree->fd, -1, &owners, &err), 0);
	assert_int_equal(owned_read(fd, &arena, &back, &err), -EUCLEAN);
	owned_report(&tree->lies, tree->fd, -1, fd);
	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 1), 0);
	assert_int_equal(owned_read(fd, &arena, &back, &err), -EUCLEAN);
	assert_int_equal(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	owned_report(&tree->lies, -1, -1, fd);
	err = (struct err){ 0 };
	assert_int_equal(owned_read(fd, &arena, &back, &err), -EBADF);
	assert_string_equal(err.text, "open the root directory: Bad file descriptor");
	close(fd);
}

#define RUN_IN_TREE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_IN_TREE(what_a_record_said_comes_out_again_by_path),
		RUN_IN_TREE(a_file_that_another_layer_replaced_keeps_its_own_owner),
		RUN_IN_TREE(only_the_names_of_an_upper_directory_are_looked_at),
		RUN_IN_TREE(a_report_that_breaks_off_or_tells_of_a_failure_is_an_error),
	};

	return RUN_ALL(tests);
}
