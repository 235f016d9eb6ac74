// SPDX-License-Identifier: Apache-2.0
/* Each test has a store of its own in a temporary folder. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/strings.h"
#include "store.h"
#include "store/blob_writer.h"
#include "store/image.h"
#include "store/layers.h"
#include "store/refs.h"

#define HELLO_DIGEST "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static size_t count_entries(const char *name)
{
	size_t count = 0;
	int fd = openat(store.dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char bytes[4096];
	ssize_t n;

	while ((n = getdents64(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t at = 0; at < n;) {
			struct dirent64 *entry = (struct dirent64 *)(void *)(bytes + at);

			count += entry->d_name[0] != '.';
			at += entry->d_reclen;
		}
	close(fd);
	return count;
}

static struct descriptor descriptor_of(const char *text)
{
	struct descriptor descriptor = { .media_type = MEDIA_OCI_MANIFEST };
	struct err err = { 0 };

	assert_int_equal(blob_add(&store, text, strlen(text), &descriptor.digest, &err), 0);
	descriptor.size_bytes = strlen(text);
	return descriptor;
}

test(a_blob_appears_under_its_digest_once_committed)
{
	struct blob_writer *writer;
	struct descriptor hello = { .size_bytes = 5 };
	struct digest digest;
	uint64_t size_bytes;
	auto_buf bytes = { 0 };
	struct err err = { 0 };

	assert_int_equal(digest_parse(HELLO_DIGEST, &hello.digest, &err), 0);
	assert_int_equal(blob_writer_new(&store, &hello.digest, 5, &writer, &err), 0);
	assert_int_equal(blob_writer_add(writer, "hel", 3, &err), 0);
	assert_int_equal(blob_writer_add(writer, "lo", 2, &err), 0);
	assert_false(blob_present(&store, &hello));
	assert_int_equal(blob_writer_commit(writer, &digest, &size_bytes, &err), 0);
	blob_writer_free(writer);
	assert_true(blob_present(&store, &hello));
	assert_true(digest_equal(&digest, &hello.digest));
	assert_true(size_bytes == 5);
	assert_int_equal(blob_read(&store, &hello, 100, &bytes, &err), 0);
	assert_string_equal(bytes.bytes, "hello");
	assert_int_equal(blob_remove_unmarked(&store, &digest, INT64_MAX, &err), 1);
	assert_int_equal(blob_remove_unmarked(&store, &digest, INT64_MAX, &err), 0);
	assert_int_equal(blob_read(&store, &hello, 100, &bytes, &err), -ENOENT);
}

test(a_blob_with_other_bytes_than_promised_leaves_nothing)
{
	static const char *const sent[] = { "hullo", "hell", "hello!" };

	for (size_t i = 0; i < array_count(sent); i++) {
		struct blob_writer *writer;
		struct digest digest;
		struct err err = { 0 };
		int r;

		assert_int_equal(digest_parse(HELLO_DIGEST, &digest, &err), 0);
		assert_int_equal(blob_writer_new(&store, &digest, 5, &writer, &err), 0);
		r = blob_writer_add(writer, sent[i], strlen(sent[i]), &err);
		if (r == 0)
			r = blob_writer_commit(writer, NULL, NULL, &err);
		assert_int_equal(r, -EUCLEAN);
		assert_non_null(strstr(err.text, HELLO_DIGEST));
		blob_writer_free(writer);
		assert_int_equal(count_entries("blobs/sha256"), 0);
	}
}

static ino_t inode_of(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(store.dirfd, name, &st, 0), 0);
	return st.st_ino;
}

/* Past blob_add, which looks whether the blob is there. */
static void write_hello(void)
{
	auto_blob_writer *writer = NULL;
	struct err err = { 0 };

	assert_int_equal(blob_writer_new(&store, NULL, 5, &writer, &err), 0);
	assert_int_equal(blob_writer_add(writer, "hello", 5, &err), 0);
	assert_int_equal(blob_writer_commit(writer, NULL, NULL, &err), 0);
}

/* Where others read it, replacing it would take its name away from them for a moment. */
test(a_blob_that_comes_again_leaves_the_first_in_its_place)
{
	static const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	const struct descriptor hello = descriptor_of("hello");
	char name[STORE_NAME_MAX];
	ino_t inode = inode_of(store_blob_name(&hello.digest, name));
	struct stat st;

	assert_int_equal(utimensat(store.dirfd, name, long_ago, 0), 0);
	write_hello();
	assert_true(inode_of(name) == inode);
	assert_int_equal(fstatat(store.dirfd, name, &st, 0), 0);
	assert_true(st.st_mtime > 1000); /* marked: it is relied on again */
	assert_int_equal(st.st_nlink, 1);
}

test(a_damaged_blob_is_replaced_by_the_right_one)
{
	static const char *const damages[] = { "hullo", "hell", "" };
	const struct descriptor hello = descriptor_of("hello");
	char name[STORE_NAME_MAX];

	store_blob_name(&hello.digest, name);
	for (size_t i = 0; i < array_count(damages); i++) {
		struct err err = { 0 };
		auto_buf bytes = { 0 };

		assert_int_equal(io_replace_file_at(store.dirfd, name, damages[i],
						    strlen(damages[i]), 0600, &err),
				 0);
		write_hello();
		assert_int_equal(blob_read(&store, &hello, 100, &bytes, &err), 0);
		assert_string_equal(bytes.bytes, "hello");
	}
}

static void *read_along(void *argument)
{
	struct blob_writer *writer = argument;
	struct buf *got = calloc(1, sizeof(*got));
	struct err err = { 0 };
	uint64_t offset = 0;
	uint64_t end;
	int fd;

	if (blob_writer_reader(writer, &fd, &err) < 0)
		return got;
	while ((end = blob_writer_wait_for(writer, offset)) > offset) {
		ssize_t n = pread(fd, buf_reserve(got, end - offset), end - offset, (off_t)offset);

		buf_grow_by(got, (size_t)n);
		offset += (uint64_t)n;
	}
	close(fd);
	return got;
}

test(a_blob_can_be_read_while_it_is_written)
{
	struct blob_writer *writer;
	struct err err = { 0 };
	pthread_t reader;
	void *result;

	assert_int_equal(blob_writer_new(&store, NULL, BLOB_SIZE_UNKNOWN, &writer, &err), 0);
	assert_int_equal(pthread_create(&reader, NULL, read_along, writer), 0);
	assert_int_equal(blob_writer_add(writer, "one ", 4, &err), 0);
	assert_int_equal(blob_writer_add(writer, "two", 3, &err), 0);
	blob_writer_end(writer);
	pthread_join(reader, &result);
	assert_string_equal(buf_text(result), "one two");
	buf_done(result);
	free(result);
	blob_writer_free(writer);
}

static struct ref ref_of(const char *text)
{
	struct ref ref;
	struct err err = { 0 };

	assert_int_equal(ref_parse(text, &ref, &err), 0);
	return ref;
}

test(names_are_set_found_listed_and_removed)
{
	struct ref deep = ref_of("localhost:5000/a/b:v1");
	struct ref plain = ref_of("a:v1");
	struct descriptor one = descriptor_of("1");
	struct descriptor two = descriptor_of("2");
	struct descriptor found;
	struct ref_entry *entries;
	size_t count;
	auto_arena arena = { 0 };
	auto_buf index = { 0 };
	struct err err = { 0 };

	assert_int_equal(refs_get(&store, &plain, &arena, &found, &err), -ENOENT);
	assert_int_equal(refs_set(&store, &deep, &one, &err), 0);
	assert_int_equal(refs_set(&store, &plain, &one, &err), 0);
	assert_int_equal(refs_set(&store, &plain, &two, &err), 0);
	assert_int_equal(refs_set_untagged(&store, &one, &err), 0);
	assert_int_equal(refs_get(&store, &plain, &arena, &found, &err), 0);
	assert_true(digest_equal(&found.digest, &two.digest));
	assert_int_equal(refs_list(&store, &arena, &entries, &count, &err), 0);
	assert_int_equal(count, 3);
	assert_string_equal(entries[0].ref.host, "docker.io");
	assert_string_equal(entries[1].ref.name, "a/b");
	assert_true(entries[2].untagged);
	assert_int_equal(io_read_file_at(store.dirfd, "index.json", 10000, &index, &err), 0);
	assert_non_null(strstr(index.bytes, "localhost:5000/a/b:v1"));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(refs_remove(&store, &entries[i], &err), 0);
	assert_int_equal(refs_remove(&store, &entries[0], &err), -ENOENT);
	assert_int_equal(count_entries("refs"), 0);
	buf_truncate(&index, 0);
	assert_int_equal(io_read_file_at(store.dirfd, "index.json", 10000, &index, &err), 0);
	assert_null(strstr(index.bytes, "sha256"));
}

test(a_digest_in_a_reference_must_match)
{
	struct descriptor one = descriptor_of("1");
	struct descriptor two = descriptor_of("2");
	struct ref tagged = ref_of("x:1");
	struct ref other = ref_of("x:2");
	struct ref pinned = ref_of("x:1");
	struct descriptor found;
	auto_arena arena = { 0 };
	struct err err = { 0 };

	assert_int_equal(refs_set(&store, &tagged, &one, &err), 0);
	pinned.digest = two.digest;
	assert_int_equal(refs_get(&store, &pinned, &arena, &found, &err), -ENOENT);
	assert_int_equal(refs_set(&store, &other, &two, &err), 0);
	assert_int_equal(refs_get(&store, &pinned, &arena, &found, &err), 0);
	assert_true(digest_equal(&found.digest, &two.digest));
	pinned.tag[0] = '\0';
	assert_int_equal(refs_get(&store, &pinned, &arena, &found, &err), 0);
}

/* Many processes name and unname at once: the index must hold exactly what is left. */
test(writers_at_once_leave_a_true_index)
{
	struct descriptor one = descriptor_of("1");
	struct ref_entry *entries;
	auto_arena arena = { 0 };
	auto_buf index = { 0 };
	struct err err = { 0 };
	size_t count;
	size_t names = 0;

	for (int child = 0; child < 8; child++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid > 0)
			continue;
		for (int i = 0; i < 10; i++) {
			struct ref_entry entry = { .descriptor = one };
			char name[64];

			snprintf(name, sizeof(name), "dir%d/child%d:%d", i % 2, child, i);
			if (ref_parse(name, &entry.ref, NULL) < 0 ||
			    refs_set(&store, &entry.ref, &one, NULL) < 0 ||
			    (i % 2 && refs_remove(&store, &entry, NULL) < 0))
				_exit(1);
		}
		store_done(&store);
		_exit(0);
	}
	for (int child = 0; child < 8; child++) {
		int status;

		wait(&status);
		assert_int_equal(status, 0);
	}
	assert_int_equal(refs_list(&store, &arena, &entries, &count, &err), 0);
	assert_int_equal(count, 40);
	assert_int_equal(io_read_file_at(store.dirfd, "index.json", 100000, &index, &err), 0);
	for (const char *at = index.bytes; (at = strstr(at, "ref.name")); at++)
		names++;
	assert_int_equal(names, 40);
}

test(a_layer_is_published_once_with_its_record)
{
	struct owner item = { .path = "f", .uid = 5 };
	struct owners owners = { .item = &item, .count = 1 };
	struct owners back;
	struct digest diff_id;
	auto_arena arena = { 0 };
	struct err err = { 0 };
	int held;

	assert_int_equal(digest_parse(HELLO_DIGEST, &diff_id, &err), 0);
	for (int i = 0; i < 2; i++) {
		char work[STORE_WORK_NAME_MAX];
		auto_buf file = { 0 };

		assert_int_equal(store_work_name(&store, work, &err), 0);
		assert_int_equal(mkdirat(store.dirfd, work, 0700), 0);
		buf_printf(&file, "%s/f", work);
		assert_int_equal(io_replace_file_at(store.dirfd, file.bytes, "x", 1, 0600, &err),
				 0);
		assert_int_equal(layer_publish(&store, &diff_id, work, &owners, &err), 0);
		assert_int_equal(faccessat(store.dirfd, work, F_OK, 0), -1);
		assert_true(layer_present(&store, &diff_id));
	}
	assert_int_equal(layer_owners(&store, &diff_id, &arena, &back, &err), 0);
	assert_int_equal(owners_find(&back, "f")->uid, 5);
	assert_int_equal(layer_hold(&store, &diff_id, &held, &err), 0);
	assert_int_equal(layer_remove(&store, &diff_id, &err), -EBUSY);
	assert_true(layer_present(&store, &diff_id));
	close(held);
	assert_int_equal(layer_remove(&store, &diff_id, &err), 0);
	assert_false(layer_present(&store, &diff_id));
	assert_int_equal(layer_remove(&store, &diff_id, &err), 0);
}

/* One who publishes the same layer at the same time reads the record already. */
test(a_record_that_is_there_stays_and_another_one_is_replaced)
{
	struct owner item = { .path = "f", .uid = 5 };
	struct owners owners = { .item = &item, .count = 1 };
	char name[STORE_NAME_MAX];
	struct digest diff_id;
	struct err err = { 0 };
	ino_t inode = 0;

	assert_int_equal(digest_parse(HELLO_DIGEST, &diff_id, &err), 0);
	store_owners_name(&diff_id, name);
	for (unsigned i = 0; i < 3; i++) {
		char work[STORE_WORK_NAME_MAX];
		char layer[STORE_NAME_MAX];

		item.uid = i < 2 ? 5 : 6;
		(void)!unlinkat(store.dirfd, store_layer_name(&diff_id, layer), AT_REMOVEDIR);
		assert_int_equal(store_work_name(&store, work, &err), 0);
		assert_int_equal(mkdirat(store.dirfd, work, 0700), 0);
		assert_int_equal(layer_publish(&store, &diff_id, work, &owners, &err), 0);
		if (i > 0)
			assert_int_equal(inode_of(name) == inode, i == 1);
		inode = inode_of(name);
	}
}

test(leftovers_of_the_dead_are_removed_and_those_of_the_living_kept)
{
	char name[STORE_WORK_NAME_MAX];
	struct err err = { 0 };
	int to_child[2];
	int from_child[2];
	char byte = 0;
	pid_t dead;
	pid_t living;

	assert_int_equal(pipe2(to_child, O_CLOEXEC) | pipe2(from_child, O_CLOEXEC), 0);
	dead = fork();
	if (dead == 0) /* no store_done */
		_exit(store_work_name(&store, name, NULL) < 0);
	waitpid(dead, NULL, 0);
	assert_int_equal(count_entries("tmp"), 1);
	living = fork();
	if (living == 0) {
		close(to_child[1]);
		byte = store_work_name(&store, name, NULL) < 0;
		_exit(write(from_child[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) != 0);
	}
	assert_int_equal(read(from_child[0], &byte, 1), 1);
	assert_int_equal(count_entries("tmp"), 1); /* the second took the first away */
	assert_int_equal(store_work_name(&store, name, &err), 0);
	assert_int_equal(count_entries("tmp"), 2); /* its own and that of the living */
	close(to_child[1]);
	waitpid(living, NULL, 0);
	close(to_child[0]);
	close(from_child[0]);
	close(from_child[1]);
}

test(a_folder_that_holds_other_things_is_no_store)
{
	struct store other = STORE_NONE;
	struct err err = { 0 };
	auto_buf path = { 0 };

	buf_printf(&path, "%s/cache", folder);
	assert_int_equal(mkdirat(store.dirfd, "cache/something", 0700), 0);
	assert_int_equal(store_open(path.bytes, &other, &err), -EINVAL);
	assert_non_null(strstr(err.text, "something"));
	assert_int_equal(count_entries("cache"), 1);
}

#define RUN_IN_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_IN_STORE(a_blob_appears_under_its_digest_once_committed),
		RUN_IN_STORE(a_blob_with_other_bytes_than_promised_leaves_nothing),
		RUN_IN_STORE(a_blob_that_comes_again_leaves_the_first_in_its_place),
		RUN_IN_STORE(a_damaged_blob_is_replaced_by_the_right_one),
		RUN_IN_STORE(a_blob_can_be_read_while_it_is_written),
		RUN_IN_STORE(names_are_set_found_listed_and_removed),
		RUN_IN_STORE(a_digest_in_a_reference_must_match),
		RUN_IN_STORE(writers_at_once_leave_a_true_index),
		RUN_IN_STORE(a_layer_is_published_once_with_its_record),
		RUN_IN_STORE(a_record_that_is_there_stays_and_another_one_is_replaced),
		RUN_IN_STORE(leftovers_of_the_dead_are_removed_and_those_of_the_living_kept),
		RUN_IN_STORE(a_folder_that_holds_other_things_is_no_store),
	};

	return RUN_ALL(tests);
}
