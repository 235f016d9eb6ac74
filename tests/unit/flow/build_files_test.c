// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "flow/build_files.h"
#include "sys/remove.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char folder[] = "/tmp/rootlet-files-XXXXXX";
static struct store store = STORE_NONE;

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/rootlet-files-XXXXXX");
	return mkdtemp(folder) ? store_open(folder, &store, NULL) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	store_done(&store);
	return remove_tree(AT_FDCWD, folder, NULL);
}

static struct stat some_file(ino_t ino)
{
	return (struct stat){ .st_dev = 5,
			      .st_ino = ino,
			      .st_size = 100,
			      .st_mtim = { .tv_sec = 1000, .tv_nsec = 1 },
			      .st_ctim = { .tv_sec = 1000, .tv_nsec = 2 } };
}

/* As another build would ask. */
static bool is_known(const struct stat *st)
{
	struct build_files files;
	char hex[SHA256_HEX_LENGTH + 1] = "";
	bool known;

	build_files_open(&files, &store, "topic");
	known = build_files_known(&files, st, hex);
	build_files_close(&files);
	if (known)
		assert_string_equal(hex, HEX);
	return known;
}

static void remember(ino_t from, ino_t to)
{
	struct build_files files;

	build_files_open(&files, &store, "topic");
	for (ino_t ino = from; ino < to; ino++) {
		struct stat st = some_file(ino);

		build_files_remember(&files, &st, HEX);
	}
	build_files_close(&files);
}

test(a_digest_is_known_to_the_next_build)
{
	struct stat st = some_file(7);

	assert_false(is_known(&st));
	remember(7, 8);
	assert_true(is_known(&st));
}

test(any_change_of_a_file_makes_it_unknown)
{
	remember(7, 8);
	for (int change = 0; change < 5; change++) {
		struct stat st = some_file(7);

		switch (change) {
		case 0:
			st.st_dev++;
			break;
		case 1:
			st.st_ino++;
			break;
		case 2:
			st.st_size++;
			break;
		case 3:
			st.st_mtim.tv_nsec++;
			break;
		default:
			st.st_ctim.tv_nsec++;
		}
		assert_false(is_known(&st));
	}
}

test(thousands_are_found_again)
{
	remember(1, 5000);
	remember(4000, 6000);
	for (ino_t ino = 1; ino < 6000; ino += 37) {
		struct stat st = some_file(ino);

		assert_true(is_known(&st));
	}
}

/* The one file of the collection, changed at an offset. */
static void damage(off_t offset, bool truncated)
{
	struct build_files files;
	char name[256];
	int fd;

	build_files_open(&files, &store, "topic");
	snprintf(name, sizeof(name), "%s", files.name);
	build_files_close(&files);
	fd = openat(store.dirfd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	if (truncated)
		assert_int_equal(ftruncate(fd, offset), 0);
	else
		assert_int_equal(pwrite(fd, "\xff\xff", 2, offset), 2);
	close(fd);
}

test(a_damaged_collection_is_forgotten_as_a_whole)
{
	struct stat st = some_file(7);

	remember(1, 50);
	damage(3000, false);
	assert_false(is_known(&st));
	remember(1, 50);
	assert_true(is_known(&st));
	damage(3000, true);
	assert_false(is_known(&st));
	remember(1, 50);
	damage(0, true);
	assert_false(is_known(&st));
}

test(a_file_changed_just_now_is_not_settled)
{
	struct stat st = some_file(7);

	assert_true(build_files_is_settled(&st));
	st.st_ctim.tv_sec = time(NULL);
	assert_false(build_files_is_settled(&st));
}

#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_digest_is_known_to_the_next_build),
		WITH_STORE(any_change_of_a_file_makes_it_unknown),
		WITH_STORE(thousands_are_found_again),
		WITH_STORE(a_damaged_collection_is_forgotten_as_a_whole),
		WITH_STORE(a_file_changed_just_now_is_not_settled),
	};

	return RUN_ALL(tests);
}
