// SPDX-License-Identifier: Apache-2.0
/* Blobs that come in parts, over several writers and processes. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/memory.h"
#include "codec/sha256.h"
#include "store.h"
#include "store/blob_writer.h"
#include "store/partial.h"

#define MIB	   ((size_t)1024 * 1024)
#define BLOB_BYTES (3 * MIB)

static char *content;
static struct descriptor blob = { .media_type = MEDIA_OCI_LAYER_TAR, .size_bytes = BLOB_BYTES };

static int set_up_blob(void **state)
{
	char hex[SHA256_HEX_LENGTH + 1];
	auto_sha256 sha = { 0 };

	content = memory_zeroed(1, BLOB_BYTES);
	for (size_t i = 0; i < BLOB_BYTES; i++)
		content[i] = (char)(i * 7 + i / 251);
	sha256_init(&sha);
	sha256_add(&sha, content, BLOB_BYTES);
	sha256_finish(&sha, hex);
	blob.digest = digest_of_hex(hex);
	return set_up(state);
}

static int tear_down_blob(void **state)
{
	free(content);
	return tear_down(state);
}

/* The path of the part that is kept; false when there is none. */
static bool part_path(char path[160], struct stat *st)
{
	snprintf(path, 160, "%s/tmp/.partial/%s", folder, digest_hex(&blob.digest));
	return stat(path, st) == 0;
}

/* Add up to `until` and give up; returns how much was there before. */
static uint64_t write_until(struct store *in, size_t until)
{
	struct blob_writer *writer;
	struct err err = { 0 };
	uint64_t have = 77;

	if (blob_writer_resume(in, &blob, &writer, &have, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(have <= until);
	assert_int_equal(blob_writer_add(writer, content + have, until - have, &err), 0);
	blob_writer_free(writer);
	return have;
}

static int finish(uint64_t expected_have)
{
	auto_blob_writer *writer = NULL;
	struct err err = { 0 };
	uint64_t have;
	int r;

	assert_int_equal(blob_writer_resume(&store, &blob, &writer, &have, &err), 0);
	assert_true(have == expected_have);
	assert_int_equal(blob_writer_add(writer, content + have, BLOB_BYTES - have, &err), 0);
	r = blob_writer_commit(writer, NULL, NULL, &err);
	assert_int_equal(blob_present(&store, &blob), r == 0);
	return r;
}

test(a_part_is_kept_and_the_next_writer_goes_on_from_it)
{
	char path[160];
	struct stat st;

	assert_true(write_until(&store, MIB + 1) == 0);
	assert_true(part_path(path, &st));
	assert_int_equal(st.st_size, MIB + 1);
	assert_true(write_until(&store, 2 * MIB) == MIB + 1);
	assert_int_equal(finish(2 * MIB), 0);
	assert_false(part_path(path, &st));
}

test(a_reader_sees_the_part_from_the_start)
{
	struct blob_writer *writer;
	struct err err = { 0 };
	uint64_t have;
	int fd;
	char byte;

	write_until(&store, 2 * MIB);
	assert_int_equal(blob_writer_resume(&store, &blob, &writer, &have, &err), 0);
	assert_int_equal(blob_writer_reader(writer, &fd, &err), 0);
	assert_true(blob_writer_wait_for(writer, 0) == 2 * MIB);
	assert_int_equal(pread(fd, &byte, 1, 2 * MIB - 1), 1);
	assert_int_equal(byte, content[2 * MIB - 1]);
	close(fd);
	blob_writer_free(writer);
}

test(what_is_small_is_not_kept)
{
	char path[160];
	struct stat st;

	write_until(&store, MIB - 1);
	assert_false(part_path(path, &st));
}

test(two_writers_never_share_a_part)
{
	struct blob_writer *first;
	struct blob_writer *second;
	struct err err = { 0 };
	uint64_t have;

	write_until(&store, 2 * MIB);
	assert_int_equal(blob_writer_resume(&store, &blob, &first, &have, &err), 0);
	assert_true(have == 2 * MIB);
	assert_int_equal(blob_writer_resume(&store, &blob, &second, &have, &err), 0);
	assert_true(have == 0);
	blob_writer_free(second);
	blob_writer_free(first);
	assert_int_equal(finish(2 * MIB), 0);
}

test(a_damaged_part_costs_one_try_and_is_gone)
{
	char path[160];
	struct stat st;
	auto_fd fd = -1;

	write_until(&store, 2 * MIB);
	assert_true(part_path(path, &st));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "damage", 6, 1000), 6);
	assert_int_equal(finish(2 * MIB), -EUCLEAN);
	assert_false(part_path(path, &st));
	assert_int_equal(finish(0), 0);
}

test(a_part_longer_than_the_blob_is_thrown_away)
{
	char path[160];
	struct stat st;

	write_until(&store, 2 * MIB);
	assert_true(part_path(path, &st));
	assert_int_equal(truncate(path, BLOB_BYTES + 1), 0);
	assert_int_equal(finish(0), 0);
}

/* In a child: begin, and be killed in the middle. */
static void die_writing(size_t until)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct store own = STORE_NONE;
		struct blob_writer *writer;
		uint64_t have;

		if (store_open(folder, &own, NULL) < 0 ||
		    blob_writer_resume(&own, &blob, &writer, &have, NULL) < 0 ||
		    blob_writer_add(writer, content + have, until - have, NULL) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

test(what_a_killed_process_had_is_salvaged)
{
	die_writing(2 * MIB);
	assert_int_equal(finish(2 * MIB), 0);
}

/* Killed between giving the blob its name and taking the other one away: nobody may write to it. */
test(a_part_that_is_a_published_blob_is_none)
{
	char path[160];
	char name[STORE_NAME_MAX];
	struct stat st;

	write_until(&store, 2 * MIB);
	assert_true(part_path(path, &st));
	store_blob_name(&blob.digest, name);
	assert_int_equal(linkat(AT_FDCWD, path, store.dirfd, name, 0), 0);
	assert_true(write_until(&store, 2 * MIB) == 0);
	assert_int_equal(fstatat(store.dirfd, name, &st, 0), 0);
	assert_int_equal(st.st_size, 2 * MIB);
	assert_int_equal(unlinkat(store.dirfd, name, 0), 0);
}

test(old_parts_are_removed)
{
	static const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	char path[160];
	struct stat st;

	write_until(&store, 2 * MIB);
	assert_true(part_path(path, &st));
	assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	store_done(&store);
	assert_int_equal(store_open(folder, &store, NULL), 0);
	assert_int_equal(finish(0), 0);
}

int main(void)
{
#define PLACED(name) cmocka_unit_test_setup_teardown(name, set_up_blob, tear_down_blob)
	const struct CMUnitTest tests[] = {
		PLACED(a_part_is_kept_and_the_next_writer_goes_on_from_it),
		PLACED(a_reader_sees_the_part_from_the_start),
		PLACED(what_is_small_is_not_kept),
		PLACED(two_writers_never_share_a_part),
		PLACED(a_damaged_part_costs_one_try_and_is_gone),
		PLACED(a_part_longer_than_the_blob_is_thrown_away),
		PLACED(what_a_killed_process_had_is_salvaged),
		PLACED(a_part_that_is_a_published_blob_is_none),
		PLACED(old_parts_are_removed),
	};

	return RUN_ALL(tests);
}
