// SPDX-License-Identifier: Apache-2.0
/* Steps in a copy that is kept: afterwards it is what merging all layers anew would give, and the
 * layer is what changed. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "rootfs/kept.h"
#include "rootfs/merge.h"
#include "rootfs/snapshot.h"
#include "rootfs/tree.h"
#include "sys/remove.h"

#include "../store/store.h"

static struct view view;
static struct digest chain[8];
static size_t count;
static struct kept kept;
static struct snapshot snapshot;

static int set_up_chain(void **state)
{
	view_init(&view);
	count = 0;
	return set_up(state);
}

static int tear_down_chain(void **state)
{
	kept_done(&kept, &store);
	view_done(&view);
	return tear_down(state);
}

static void take(const struct snapshot_request *request)
{
	struct err err = { 0 };

	if (snapshot_take(request, &snapshot, &err) < 0)
		fail_msg("%s", err.text);
	if (snapshot.empty)
		return;
	chain[count++] = snapshot.diff_id;
	if (view_push_layer(&view, &store, &snapshot.diff_id, &err) < 0)
		fail_msg("%s", err.text);
}

/* A layer that was not made in the copy. */
static void push(const char *script)
{
	char name[STORE_WORK_NAME_MAX];
	struct snapshot_request request = { .store = &store, .upper_name = name, .lower = &view };
	struct err err = { 0 };

	assert_int_equal(store_work_name(&store, name, &err), 0);
	assert_int_equal(mkdirat(store.dirfd, name, 0755), 0);
	run_in(name, script);
	take(&request);
}

static void make(void)
{
	struct err err = { 0 };

	if (kept_make(&kept, &store, chain, count, &err) < 0)
		fail_msg("%s", err.text);
}

static void step(const char *script)
{
	struct snapshot_request request = { .store = &store,
					    .lower = &view,
					    .complete = true,
					    .keeps = true,
					    .seen = kept_seen,
					    .seen_context = &kept };
	struct err err = { 0 };

	make();
	run_in(kept.name, script);
	request.upper_name = kept.name;
	take(&request);
	if (kept_add(&kept, &store, snapshot.empty ? NULL : &snapshot.diff_id, &err) < 0)
		fail_msg("%s", err.text);
}

static void push_base(void)
{
	push("mkdir -p etc/conf usr/bin empty && echo one >etc/one && echo two >etc/conf/two && "
	     "echo tool >usr/bin/tool && ln usr/bin/tool usr/bin/alias && ln -s tool usr/bin/link "
	     "&& "
	     "chmod 4755 usr/bin/tool && touch -d @1000 etc/* etc/conf/two usr/bin/* usr/bin etc");
}

/* A directory's size is the file system's business. */
#define LIST                                              \
	"find . -printf '%p %y %m %s %n %T@ %l\\n' | "    \
	"sed 's/^\\(.* d [0-9]*\\) [0-9]*/\\1/' | sort; " \
	"find . -type f | sort | xargs cat"

/* Is the copy what merging all layers gives? The time of the root itself is no layer's. */
static void expect_merged(void)
{
	char name[STORE_WORK_NAME_MAX];
	struct err err = { 0 };

	assert_int_equal(merge_private(&store, chain, count, name, &err), 0);
	run_in(name, "touch -d @1 .");
	run_in(kept.name, "touch -d @1 .");
	run_in(name, "{ " LIST "; } >../merged");
	run_in(kept.name, "{ " LIST "; } >../kept; diff -u ../../merged ../kept");
	assert_int_equal(remove_tree(store.dirfd, name, &err), 0);
}

test(a_step_that_changes_nothing_makes_no_layer)
{
	push_base();
	step("cat etc/one >/dev/null; touch etc/new; rm etc/new");
	assert_true(snapshot.empty);
	expect_merged();
}

test(after_a_step_the_copy_is_all_layers_with_the_new_one)
{
	push_base();
	step("rm -r etc/conf && echo 1 >etc/conf && echo more >>etc/one && mkdir -p new/a && echo "
	     "x >new/a/f");
	assert_int_equal(snapshot.entry_count, 6);
	expect_merged();
	step("ln new/a/f new/g && chmod 000 new/a/f && rmdir empty && mv usr/bin bin && mkfifo "
	     "pipe");
	expect_merged();
	step("chmod 640 new/g && rm bin/alias && ln bin/tool usr/again");
	expect_merged();
}

test(layers_made_elsewhere_are_put_into_the_copy)
{
	push_base();
	step("echo three >etc/three");
	push("mkdir -p etc usr/bin && echo uno >etc/one && mknod etc/conf c 0 0 && echo file "
	     ">empty && "
	     "echo other >usr/bin/tool && mkdir -m 700 usr/closed");
	push("mkdir -p etc/conf usr/bin && echo again >etc/conf/file && mknod usr/bin/link c 0 0");
	make();
	expect_merged();
	step("cat etc/conf/file >etc/four");
	assert_int_equal(snapshot.entry_count, 2);
	expect_merged();
}

test(a_change_is_found_when_time_and_size_were_put_back)
{
	push_base();
	step("echo ein >etc/new");
	step("printf 'eno\\n' >etc/one; touch -d @1000 etc/one");
	assert_int_equal(snapshot.entry_count, 2);
	expect_merged();
}

test(another_stage_gets_a_copy_of_its_own)
{
	push_base();
	step("echo gone >gone");
	count = 1;
	make();
	run_in(kept.name, "test ! -e gone");
	expect_merged();
}

#define RUN_IN_STORE(name) cmocka_unit_test_setup_teardown(name, set_up_chain, tear_down_chain)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_IN_STORE(a_step_that_changes_nothing_makes_no_layer),
		RUN_IN_STORE(after_a_step_the_copy_is_all_layers_with_the_new_one),
		RUN_IN_STORE(layers_made_elsewhere_are_put_into_the_copy),
		RUN_IN_STORE(a_change_is_found_when_time_and_size_were_put_back),
		RUN_IN_STORE(another_stage_gets_a_copy_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
