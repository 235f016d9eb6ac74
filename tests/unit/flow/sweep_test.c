// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../store/store.h"
#include "flow/sweep.h"
#include "store/blob_writer.h"
#include "store/layers.h"

#define A_LONG_TIME_AGO 1000000000

static void age(const char *name)
{
	const struct timespec times[2] = { { .tv_sec = A_LONG_TIME_AGO },
					   { .tv_sec = A_LONG_TIME_AGO } };

	assert_int_equal(utimensat(store.dirfd, name, times, 0), 0);
}

/* A layer and its blob that were there before this process began. */
static void bring(const char *text, struct digest *ret_digest, struct reach *reach)
{
	const struct owners owners = { 0 };
	char work[STORE_WORK_NAME_MAX];
	char name[STORE_NAME_MAX];
	struct err err = { 0 };

	assert_int_equal(blob_add(&store, text, strlen(text), ret_digest, &err), 0);
	assert_int_equal(store_work_name(&store, work, &err), 0);
	assert_int_equal(mkdirat(store.dirfd, work, 0700), 0);
	assert_int_equal(layer_publish(&store, ret_digest, work, &owners, &err), 0);
	age(store_owners_name(ret_digest, name));
	age(store_blob_name(ret_digest, name));
	reach_add_layer(reach, ret_digest, ret_digest);
}

static bool is_there(const struct digest *digest)
{
	char layer[STORE_NAME_MAX];
	char blob[STORE_NAME_MAX];
	bool has_layer = faccessat(store.dirfd, store_layer_name(digest, layer), F_OK, 0) == 0;

	assert_int_equal(faccessat(store.dirfd, store_blob_name(digest, blob), F_OK, 0) == 0,
			 has_layer);
	return has_layer;
}

/* What store_mark does, in a later tick of the file system's clock than we began in. */
static void mark(const char *name)
{
	int64_t began_ns;
	struct stat st;
	bool is_quiet;

	assert_int_equal(store_unmarked_since(&store, &began_ns, &is_quiet, NULL), 0);
	do {
		store_mark_left(&store, name);
		assert_int_equal(fstatat(store.dirfd, name, &st, 0), 0);
	} while (store_mark_time(&st) <= began_ns);
}

/* By a build that began right after it was looked whether anybody is at work. */
test(what_somebody_relies_on_since_we_began_stays)
{
	char name[STORE_NAME_MAX];
	struct digest relied;
	struct digest unused;
	struct swept swept;
	auto_reach reach = { 0 };
	struct err err = { 0 };

	bring("relied on", &relied, &reach);
	bring("unused", &unused, &reach);
	mark(store_owners_name(&relied, name));
	mark(store_blob_name(&relied, name));
	assert_int_equal(sweep(&store, &reach, &swept, &err), 0);
	assert_true(swept.is_quiet);
	assert_false(is_there(&unused));
	assert_true(is_there(&relied));
}

test(what_we_brought_ourselves_goes)
{
	char name[STORE_NAME_MAX];
	struct digest brought;
	struct swept swept;
	auto_reach reach = { 0 };
	struct err err = { 0 };

	bring("brought", &brought, &reach);
	mark(store_owners_name(&brought, name));
	mark(store_blob_name(&brought, name));
	assert_int_equal(sweep_own(&store, &reach, &swept, &err), 0);
	assert_false(is_there(&brought));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_somebody_relies_on_since_we_began_stays,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_we_brought_ourselves_goes, set_up, tear_down),
	};

	return RUN_ALL(tests);
}
