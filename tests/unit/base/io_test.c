// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

/* Each test works in a fresh directory held by `dir`. */
static char path[] = "/tmp/rootlet-io-XXXXXX";
static int dir;

static int enter(void **state __attribute__((unused)))
{
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	if (!mkdtemp(path))
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0;
}

static size_t for_each_entry(void (*visit)(const char *name))
{
	DIR *stream = fdopendir(dup(dir));
	size_t count = 0;

	rewinddir(stream);
	for (struct dirent *entry; (entry = readdir(stream));) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (visit)
			visit(entry->d_name);
	}
	closedir(stream);
	return count;
}

static void remove_entry(const char *name)
{
	unlinkat(dir, name, 0);
}

static int leave(void **state __attribute__((unused)))
{
	for_each_entry(remove_entry);
	close(dir);
	return rmdir(path);
}

test(what_is_written_is_read_back)
{
	auto_buf buf = { 0 };
	struct err err = { 0 };

	assert_int_equal(io_replace_file_at(dir, "f", "hello", 5, 0640, &err), 0);
	assert_int_equal(io_read_file_at(dir, "f", 5, &buf, &err), 0);
	assert_string_equal(buf.bytes, "hello");
}

test(replacing_leaves_one_file)
{
	struct err err = { 0 };

	assert_int_equal(io_replace_file_at(dir, "f", "1", 1, 0640, &err), 0);
	assert_int_equal(io_replace_file_at(dir, "f", "2", 1, 0640, &err), 0);
	assert_int_equal(for_each_entry(NULL), 1);
}

test(failing_to_replace_leaves_nothing_behind)
{
	struct err err = { 0 };

	assert_int_equal(mkdirat(dir, "d", 0700), 0);
	assert_int_equal(io_replace_file_at(dir, "d", "1", 1, 0640, &err), -EISDIR);
	assert_int_equal(for_each_entry(NULL), 1);
	assert_int_equal(unlinkat(dir, "d", AT_REMOVEDIR), 0);
}

test(a_file_over_the_limit_is_refused_by_name)
{
	auto_buf buf = { 0 };
	struct err err = { 0 };

	assert_int_equal(io_replace_file_at(dir, "f", "hello", 5, 0640, &err), 0);
	assert_int_equal(io_read_file_at(dir, "f", 4, &buf, &err), -EFBIG);
	assert_non_null(strstr(err.text, "'f'"));
}

test(an_absent_file_is_enoent_and_named)
{
	auto_buf buf = { 0 };
	struct err err = { 0 };

	assert_int_equal(io_read_file_at(dir, "absent", 4, &buf, &err), -ENOENT);
	assert_non_null(strstr(err.text, "'absent'"));
}

test(copying_stops_after_the_bytes_asked_for)
{
	struct err err = { 0 };
	auto_buf buf = { 0 };
	auto_fd from = -1;
	auto_fd to = -1;

	assert_int_equal(io_replace_file_at(dir, "from", "abcdef", 6, 0640, &err), 0);
	from = openat(dir, "from", O_RDONLY | O_CLOEXEC);
	to = openat(dir, "to", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	assert_int_equal(io_copy(from, to, 4, &err), 0);
	assert_int_equal(lseek(from, 0, SEEK_CUR), 4);
	assert_int_equal(io_copy(from, to, UINT64_MAX, &err), 0);
	assert_int_equal(io_read_file_at(dir, "to", 10, &buf, &err), 0);
	assert_string_equal(buf.bytes, "abcdef");
}

test(pseudo_files_are_copied_too)
{
	struct err err = { 0 };
	struct stat status;
	auto_fd from = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	auto_fd to = openat(dir, "to", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

	assert_int_equal(io_copy(from, to, UINT64_MAX, &err), 0);
	assert_int_equal(fstat(to, &status), 0);
	assert_true(status.st_size > 0);
}

#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(what_is_written_is_read_back),
		IN_DIR(replacing_leaves_one_file),
		IN_DIR(failing_to_replace_leaves_nothing_behind),
		IN_DIR(a_file_over_the_limit_is_refused_by_name),
		IN_DIR(an_absent_file_is_enoent_and_named),
		IN_DIR(copying_stops_after_the_bytes_asked_for),
		IN_DIR(pseudo_files_are_copied_too),
	};

	return RUN_ALL(tests);
}
