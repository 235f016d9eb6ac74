// SPDX-License-Identifier: Apache-2.0
/* Whatever somebody does in a tree: given back and taken again, it is what the layers say. */
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "rootfs/change_time.h"
#include "rootfs/snapshot.h"
#include "rootfs/spare.h"
#include "sys/remove.h"

#include "../store/store.h"

static struct digest chain[2];
static size_t count;

static int set_up_chain(void **state)
{
	count = 0;
	return set_up(state);
}

static void push(const char *script)
{
	char name[STORE_WORK_NAME_MAX];
	auto_view view = { 0 };
	struct snapshot_request request = { .store = &store, .upper_name = name, .lower = &view };
	struct snapshot snapshot;
	struct err err = { 0 };

	view_init(&view);
	assert_int_equal(store_work_name(&store, name, &err), 0);
	assert_int_equal(mkdirat(store.dirfd, name, 0755), 0);
	run_in(name, script);
	if (snapshot_take(&request, &snapshot, &err) < 0)
		fail_msg("%s", err.text);
	chain[count++] = snapshot.diff_id;
}

static void push_base(void)
{
	push("mkdir -p etc/conf usr/bin empty sticky && echo one >etc/one && echo two "
	     ">etc/conf/two "
	     "&& echo tool >usr/bin/tool && ln usr/bin/tool usr/bin/alias && "
	     "ln -s tool usr/bin/link && mkfifo fifo && chmod 1777 sticky && chmod 4755 "
	     "usr/bin/tool "
	     "&& touch -d @1000 etc/* etc/conf/two usr/bin/* usr/bin etc empty sticky .");
}

static void take(char name[STORE_WORK_NAME_MAX])
{
	struct err err = { 0 };

	if (spare_take(&store, chain, count, name, &err) < 0)
		fail_msg("%s", err.text);
}

static bool is_kept_here(void)
{
	return change_time_tells(store.dirfd);
}

static ino_t inode_of(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(store.dirfd, name, &st, 0), 0);
	return st.st_ino;
}

/* A directory's size is the file system's business. */
#define LIST                                                                \
	"{ find . ! -name . -printf '%p %y %m %s %n %T@ %l\n' | "           \
	"sed 's/^\\(.* d [0-9]*\\) [0-9]*/\\1/' | sort; stat -c %a:%Y . ; " \
	"find . -type f -print0 | sort -z | xargs -0r cat; }"

/* Also where trees are not kept: then it is a new one. */
static void expect_restored(const char *script)
{
	char name[STORE_WORK_NAME_MAX];
	ino_t inode;

	take(name);
	inode = inode_of(name);
	run_in(name, LIST " >'../../../before'");
	run_in(name, script);
	spare_give_back(&store, chain, count, name);
	take(name);
	run_in(name, LIST " >'../../../after'; diff -u ../../../before ../../../after");
	if (is_kept_here() && inode != inode_of(name))
		fail_msg("a new copy was made after: %s", script);
	spare_give_back(&store, chain, count, name);
}

test(what_was_added_goes)
{
	push_base();
	expect_restored("echo new >new; mkdir -p etc/a/b/c; echo x >etc/a/b/c/x; ln etc/one link; "
			"ln -s / etc/root; mkdir empty/closed; touch empty/closed/x; "
			"chmod 0 empty/closed");
}

test(what_was_changed_is_as_before)
{
	push_base();
	expect_restored("echo more >>etc/one; echo eno >etc/one; touch -d @1000 etc/one");
	expect_restored("printf tw0 | dd of=etc/conf/two conv=notrunc status=none; "
			"touch -d @1000 etc/conf/two");
	expect_restored("chmod 600 etc/one; chmod 700 etc; chmod 0 etc/conf; chmod 777 .");
	expect_restored("echo x >>usr/bin/alias");
	expect_restored("touch usr/bin/link -h; touch fifo usr");
}

test(what_was_removed_is_back)
{
	push_base();
	expect_restored("rm -r etc usr/bin/tool fifo");
	expect_restored("rm usr/bin/alias usr/bin/link; rmdir empty sticky");
	expect_restored("rm -r ./*");
}

test(what_was_moved_is_where_it_was)
{
	push_base();
	expect_restored("mv etc/one etc/two; mv etc/conf .");
	expect_restored("mv etc tmp; mkdir etc; cp tmp/one etc/one; rm -r tmp");
	expect_restored("mv etc/one x; mv etc/conf/two etc/one; mv x etc/conf/two");
	expect_restored("rm -r empty; ln -s etc empty; rm etc/one; mkdir etc/one; touch etc/one/x");
}

test(a_file_of_a_name_that_holds_anything_is_known_again)
{
	push("mkdir 'a b' && touch 'a b/c\nd' '1 2 3'");
	expect_restored("touch x; rm 'a b/c\nd'");
}

test(nothing_is_copied_for_who_comes_after_another_one)
{
	char first[STORE_WORK_NAME_MAX];
	char second[STORE_WORK_NAME_MAX];
	ino_t inode;

	push_base();
	if (!is_kept_here())
		skip();
	take(first);
	take(second);
	assert_int_not_equal(inode_of(first), inode_of(second));
	inode = inode_of(first);
	spare_give_back(&store, chain, count, first);
	take(first);
	assert_int_equal(inode_of(first), inode);
}

/* An attribute of a directory is nothing that is taken back. */
test(what_cannot_be_put_back_is_thrown_away)
{
	char name[STORE_WORK_NAME_MAX];
	char path[PATH_MAX];
	ino_t inode;

	push_base();
	take(name);
	inode = inode_of(name);
	snprintf(path, sizeof(path), "%s/%s/etc", store.path, name);
	if (setxattr(path, "user.x", "y", 1, 0) < 0)
		skip();
	spare_give_back(&store, chain, count, name);
	take(name);
	assert_int_not_equal(inode_of(name), inode);
}

test(a_tree_of_another_boot_is_not_taken)
{
	char name[STORE_WORK_NAME_MAX];

	push_base();
	take(name);
	spare_give_back(&store, chain, count, name);
	if (is_kept_here())
		run_in("cache/roots",
		       "for t in *; do touch $t/root/marker; sed -i '1s/^./x/' $t/seen; done");
	take(name);
	run_in(name, "test ! -e marker && test -e etc/one");
}

#define RUN_IN_STORE(name) cmocka_unit_test_setup_teardown(name, set_up_chain, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_IN_STORE(what_was_added_goes),
		RUN_IN_STORE(what_was_changed_is_as_before),
		RUN_IN_STORE(what_was_removed_is_back),
		RUN_IN_STORE(what_was_moved_is_where_it_was),
		RUN_IN_STORE(a_file_of_a_name_that_holds_anything_is_known_again),
		RUN_IN_STORE(nothing_is_copied_for_who_comes_after_another_one),
		RUN_IN_STORE(what_cannot_be_put_back_is_thrown_away),
		RUN_IN_STORE(a_tree_of_another_boot_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
