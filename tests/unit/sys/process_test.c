// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdlib.h>

#include "sys/process.h"

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

test(output_is_captured)
{
	auto_buf output = { 0 };
	struct err err = { 0 };

	assert_int_equal(process_capture(ARGV("echo", "hello"), 100, &output, &err), 0);
	assert_string_equal(output.bytes, "hello\n");
}

test(failure_is_told_in_the_programs_own_last_line)
{
	auto_buf output = { 0 };
	struct err err = { 0 };

	assert_int_equal(process_capture(ARGV("sh", "-c", "echo one >&2; echo two >&2; exit 3"),
					 100, &output, &err),
			 -ECHILD);
	assert_string_equal(err.text, "sh: two");
}

test(git_is_told_with_who_failed_for_it_and_without_its_advice)
{
	auto_buf output = { 0 };
	struct err err = { 0 };

	assert_int_equal(
		process_capture(ARGV("sh", "-c",
				     "printf 'warning: x\\nhost: denied.\\r\\nfatal: no "
				     "reply\\n\\nPlease make sure\\nit exists.\\n' >&2; exit 128"),
				100, &output, &err),
		-ECHILD);
	assert_string_equal(err.text, "sh: host: denied. fatal: no reply");
	assert_int_equal(process_capture(ARGV("sh", "-c", "echo 'fatal: alone' >&2; exit 1"), 100,
					 &output, &err),
			 -ECHILD);
	assert_string_equal(err.text, "sh: fatal: alone");
}

test(a_silent_failure_is_told_by_its_status)
{
	auto_buf output = { 0 };
	struct err err = { 0 };

	assert_int_equal(process_capture(ARGV("sh", "-c", "exit 3"), 100, &output, &err), -ECHILD);
	assert_string_equal(err.text, "sh: exit status 3");
	assert_int_equal(process_capture(ARGV("sh", "-c", "kill -9 $$"), 100, &output, &err),
			 -ECHILD);
	assert_string_equal(err.text, "sh: killed by signal 9");
}

test(a_missing_program_is_named)
{
	auto_buf output = { 0 };
	struct err err = { 0 };

	assert_int_equal(process_capture(ARGV("no-such-program"), 100, &output, &err), -ENOENT);
	assert_string_equal(err.text, "no-such-program is not installed");
}

test(more_output_than_allowed_is_refused)
{
	auto_buf output = { 0 };
	struct err err = { 0 };

	assert_int_equal(process_capture(ARGV("echo", "0123456789"), 5, &output, &err), -EFBIG);
}

test(both_outputs_may_be_larger_than_a_pipe)
{
	auto_buf output = { 0 };
	struct err err = { 0 };
	const char *script = "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero";

	assert_int_equal(process_capture(ARGV("sh", "-c", script), 1 << 20, &output, &err), 0);
	assert_int_equal(output.size_bytes, 300000);
}

test(programs_of_administrators_are_found_without_their_folder_in_path)
{
	char path[PROCESS_PATH_MAX];

	setenv("PATH", "/nonexistent", 1);
	assert_true(process_find("ldconfig", path));
	assert_true(process_find("/bin/sh", path));
	assert_false(process_find("/bin/no-such-program", path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(output_is_captured),
		RUN(failure_is_told_in_the_programs_own_last_line),
		RUN(git_is_told_with_who_failed_for_it_and_without_its_advice),
		RUN(a_silent_failure_is_told_by_its_status),
		RUN(a_missing_program_is_named),
		RUN(more_output_than_allowed_is_refused),
		RUN(both_outputs_may_be_larger_than_a_pipe),
		RUN(programs_of_administrators_are_found_without_their_folder_in_path),
	};

	return RUN_ALL(tests);
}
