// SPDX-License-Identifier: Apache-2.0
/* Leases of several owners in one store, and marks that gc looks at. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "store.h"
#include "store/aside.h"
#include "store/blob_writer.h"
#include "store/layers.h"
#include "store/lease.h"

#define FOLDER "tmp/" STORE_LEASE_FOLDER

static bool is_there(const char *name)
{
	return faccessat(store.dirfd, name, F_OK, 0) == 0;
}

static bool takes(struct leases *leases, const char *key)
{
	struct lease_watch watch = { 0 };

	return leases_take(leases, key, &watch);
}

/* Another machine's, as it looks from here: nothing is known but its counter. */
static void write_foreign(const char *name, unsigned counter)
{
	char text[LEASE_RECORD_BYTES + 1];
	struct err err = { 0 };

	snprintf(text, sizeof(text), "%019u %-*s", counter, LEASE_RECORD_BYTES - 20,
		 "00000000-boot.1.2.3.4");
	if (mkdirat(store.dirfd, FOLDER, 0700) < 0)
		assert_int_equal(errno, EEXIST);
	assert_int_equal(io_replace_file_unsynced_at(store.dirfd, name, text, LEASE_RECORD_BYTES,
						     0600, &err),
			 0);
}

test(a_key_has_one_owner_until_it_is_released)
{
	auto_leases *first = leases_new(&store);
	auto_leases *second = leases_new(&store);

	assert_true(takes(first, "a"));
	assert_true(takes(first, "b"));
	assert_false(takes(second, "a"));
	assert_true(takes(second, "c"));
	leases_release(first);
	assert_true(takes(second, "a"));
	assert_false(takes(first, "a"));
	leases_release(second);
	assert_false(is_there(FOLDER)); /* the last one out */
}

test(the_lease_of_a_dead_process_is_taken_over_at_once)
{
	auto_leases *leases = leases_new(&store);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		auto_store own = STORE_NONE;
		struct err err = { 0 };
		struct leases *dying;

		if (store_open(folder, &own, &err) < 0)
			_exit(1);
		dying = leases_new(&own);
		_exit(takes(dying, "a") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is_there(FOLDER "/a.1"));
	assert_true(takes(leases, "a"));
	assert_true(is_there(FOLDER "/a.2"));
	leases_release(leases);
	assert_false(is_there(FOLDER "/a.1"));
}

test(a_foreign_lease_is_taken_over_once_its_counter_stood_still)
{
	auto_leases *leases = leases_new(&store);
	struct lease_watch watch = { 0 };

	write_foreign(FOLDER "/a.7", 1);
	assert_false(leases_take(leases, "a", &watch));
	watch.seen_ns -= (int64_t)LEASE_STALE_MS * 1000000 / 2;
	assert_false(leases_take(leases, "a", &watch));
	write_foreign(FOLDER "/a.7", 2); /* a sign of life: the watch begins anew */
	watch.seen_ns -= (int64_t)LEASE_STALE_MS * 1000000;
	assert_false(leases_take(leases, "a", &watch));
	watch.seen_ns -= (int64_t)LEASE_STALE_MS * 1000000;
	assert_true(leases_take(leases, "a", &watch));
	assert_true(is_there(FOLDER "/a.8"));
}

test(where_no_lease_can_be_written_everybody_works)
{
	auto_leases *first = leases_new(&store);
	auto_leases *second = leases_new(&store);
	struct err err = { 0 };

	assert_int_equal(store_announce(&store, &err), 0);
	assert_int_equal(io_replace_file_unsynced_at(store.dirfd, FOLDER, "", 0, 0600, &err), 0);
	assert_true(takes(first, "a"));
	assert_true(takes(second, "a"));
}

/* The blob of `text`, last written or marked so many seconds after the epoch. */
static struct digest old_blob(const char *text, time_t seconds)
{
	const struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
	char name[STORE_NAME_MAX];
	struct digest digest;
	struct err err = { 0 };

	assert_int_equal(blob_add(&store, text, strlen(text), &digest, &err), 0);
	assert_int_equal(utimensat(store.dirfd, store_blob_name(&digest, name), times, 0), 0);
	return digest;
}

test(what_is_marked_is_not_removed_and_finding_a_blob_marks_it)
{
	const int64_t limit_ns = (int64_t)2000 * 1000000000;
	struct descriptor found = { .size_bytes = 5 };
	struct digest old = old_blob("older", 1000);
	struct digest young = old_blob("newer", 3000);
	struct err err = { 0 };

	found.digest = old_blob("found", 1000);
	assert_true(blob_present(&store, &found));
	assert_int_equal(blob_remove_unmarked(&store, &old, limit_ns, &err), 1);
	assert_int_equal(blob_remove_unmarked(&store, &young, limit_ns, &err), 0);
	assert_int_equal(blob_remove_unmarked(&store, &found.digest, limit_ns, &err), 0);
	assert_true(blob_present(&store, &found));
	assert_int_equal(blob_remove_unmarked(&store, &old, limit_ns, &err), 0);
}

#define ASIDE "tmp/.aside"

/* As a remover has it there that has not looked at the mark yet, or never will. */
static void put_aside(const char *name)
{
	static unsigned count;
	char aside[160];

	snprintf(aside, sizeof(aside), ASIDE "/%s.%u", name, ++count);
	for (char *at = aside + strlen(ASIDE "/"); *at; at++)
		if (*at == '/')
			*at = '-';
	if (mkdirat(store.dirfd, ASIDE, 0700) < 0)
		assert_int_equal(errno, EEXIST);
	assert_int_equal(renameat(store.dirfd, name, store.dirfd, aside), 0);
}

test(who_misses_what_is_put_aside_puts_it_back)
{
	struct descriptor blob = { .size_bytes = 5 };
	struct digest diff_id;
	char name[STORE_NAME_MAX];
	struct err err = { 0 };
	auto_fd held = -1;
	auto_fd fd = -1;

	blob.digest = old_blob("found", 1000);
	diff_id = blob.digest;
	assert_int_equal(store_announce(&store, &err), 0);
	put_aside(store_blob_name(&blob.digest, name));
	assert_true(blob_present(&store, &blob));
	put_aside(name);
	assert_int_equal(blob_open(&store, &blob.digest, &fd, NULL, &err), 0);
	assert_true(is_there(name));

	store_owners_name(&diff_id, name);
	assert_int_equal(io_replace_file_unsynced_at(store.dirfd, name, "", 0, 0600, &err), 0);
	assert_int_equal(mkdirat(store.dirfd, store_layer_name(&diff_id, name), 0700), 0);
	put_aside(name);
	put_aside(store_owners_name(&diff_id, name));
	assert_true(layer_present(&store, &diff_id));
	put_aside(store_layer_name(&diff_id, name));
	assert_int_equal(layer_hold(&store, &diff_id, &held, &err), 0);
	assert_true(is_there(name));
	assert_int_equal(unlinkat(store.dirfd, ASIDE, AT_REMOVEDIR), 0); /* empty */
}

test(who_begins_to_work_puts_back_what_the_killed_had_aside)
{
	struct digest digest = old_blob("found", 1000);
	char name[STORE_NAME_MAX];
	struct err err = { 0 };

	put_aside(store_blob_name(&digest, name));
	(void)old_blob("found", 1000); /* was missed, and came again */
	put_aside(name);
	store_done(&store);
	assert_int_equal(store_open(folder, &store, &err), 0);
	assert_int_equal(store_announce(&store, &err), 0);
	assert_true(is_there(name));
	assert_int_equal(unlinkat(store.dirfd, ASIDE, AT_REMOVEDIR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_has_one_owner_until_it_is_released, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_lease_of_a_dead_process_is_taken_over_at_once,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_foreign_lease_is_taken_over_once_its_counter_stood_still, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(where_no_lease_can_be_written_everybody_works,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_marked_is_not_removed_and_finding_a_blob_marks_it, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(who_misses_what_is_put_aside_puts_it_back, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			who_begins_to_work_puts_back_what_the_killed_had_aside, set_up, tear_down),
	};

	return RUN_ALL(tests);
}
