// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tap/table.h"

static const struct tap_row *row_named(const char *name)
{
	for (size_t i = 0; i < TAP_NR_ROWS; i++)
		if (tap_table[i].name && strcmp(tap_table[i].name, name) == 0)
			return &tap_table[i];
	return NULL;
}

/* tools/gen-syscalls reads the same headers; this finds out that nobody ran it. */
static size_t check_header(const char *path)
{
	FILE *header = fopen(path, "r");
	char line[256];
	char name[64];
	size_t count = 0;
	unsigned number;

	if (!header)
		return 0;
	while (fgets(line, sizeof(line), header)) {
		if (sscanf(line, "#define __NR_%63s %u", name, &number) != 2 ||
		    strstr(name, "time64") || !strcmp(name, "syscalls") ||
		    !strcmp(name, "arch_specific_syscall") || !strcmp(name, "sync_file_range2"))
			continue;
		count++;
		if (!row_named(name))
			fail_msg("%s: %s has no row in src/tap/table.c: tools/gen-syscalls", path,
				 name);
	}
	fclose(header);
	return count;
}

test(every_call_of_the_kernel_headers_has_a_row)
{
	assert_true(check_header("/usr/include/x86_64-linux-gnu/asm/unistd_64.h") > 300 ||
		    check_header("/usr/include/asm-generic/unistd.h") > 250);
	check_header("/usr/include/asm-generic/unistd.h");
}

/* The running kernel may be newer than the headers: what it does not know is ENOSYS. Bad arguments
 * throughout, so that nothing happens. Calls behind the table's end would be refused by the filter;
 * a program that needs one must be told by us first. */
#define NUMBERS_AHEAD 200

test(every_call_of_the_running_kernel_has_a_row)
{
	for (long number = 0; number < TAP_NR_END + NUMBERS_AHEAD; number++) {
		if (number < TAP_NR_END && tap_table[number].name)
			continue;
		errno = 0;
		if (syscall(number, -1l, -1l, -1l, -1l, -1l, -1l) != -1 || errno != ENOSYS)
			fail_msg("the running kernel knows call %ld: it needs a row", number);
	}
}

test(rows_are_complete)
{
	for (size_t i = 0; i < TAP_NR_ROWS; i++) {
		const struct tap_row *row = &tap_table[i];

		if (!row->name)
			continue;
		assert_non_null(row->args);
		assert_true(strlen(row->args) <= 6);
		assert_int_equal(strspn(row->args, "plcdafsxn."), strlen(row->args));
		assert_true(row->class != TAP_REFUSE || row->trap.when == TAP_REFUSED);
	}
}

/* The calls by which PRoot and fakechroot let go of a program, or the tap would. */
test(what_would_escape_is_trapped_or_refused)
{
	static const char *const trapped[] = { "execve",      "execveat",   "rt_sigprocmask",
					       "close_range", "seccomp",    "openat2",
					       "fchmodat2",   "setxattrat", "newfstatat",
					       "statx" };
	static const char *const refused[] = { "clone3", "io_uring_setup" };

	for (size_t i = 0; i < sizeof(trapped) / sizeof(trapped[0]); i++)
		assert_true(row_named(trapped[i])->trap.when == TAP_CORE ||
			    row_named(trapped[i])->trap.when == TAP_ROOT);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(row_named(refused[i])->trap.when, TAP_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_call_of_the_kernel_headers_has_a_row),
		RUN(every_call_of_the_running_kernel_has_a_row),
		RUN(rows_are_complete),
		RUN(what_would_escape_is_trapped_or_refused),
	};

	return RUN_ALL(tests);
}
