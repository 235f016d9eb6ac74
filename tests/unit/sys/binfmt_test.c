// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "scratch.h"
#include "sys/binfmt.h"
#include "sys/remove.h"

/* As qemu-user's packages register it. */
#define MAGIC "7f454c460201010000000000000000000200b700"
#define MASK  "ffffffffffffff00fffffffffffffffffeffffff"

static char folder[SCRATCH_BYTES];

static void put(const char *name, const char *text)
{
	struct err err = { 0 };
	char path[SCRATCH_BYTES + 32];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(
		io_replace_file_unsynced_at(AT_FDCWD, path, text, strlen(text), 0600, &err), 0);
}

test(an_interpreter_that_was_opened_runs_programs_of_its_processor)
{
	put("status", "enabled\n");
	put("qemu-aarch64",
	    "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: POCF\noffset "
	    "0\nmagic " MAGIC "\nmask " MASK "\n");
	assert_true(binfmt_runs(folder, "arm64"));
	assert_false(binfmt_runs(folder, "arm"));
	assert_false(binfmt_runs(folder, "s390x"));
	assert_false(binfmt_runs(folder, "no such thing"));
}

test(big_endian_machines_have_their_bytes_the_other_way)
{
	put("status", "enabled\n");
	put("qemu-s390x", "enabled\ninterpreter /usr/bin/qemu-s390x\nflags: F\noffset 0\nmagic "
			  "7f454c4602020100000000000000000000020016\nmask "
			  "ffffffffffffff00fffffffffffffffffffeffff\n");
	assert_true(binfmt_runs(folder, "s390x"));
}

test(what_is_off_or_looked_up_in_the_root_does_not_count)
{
	put("qemu-aarch64", "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OC\noffset "
			    "0\nmagic " MAGIC "\nmask " MASK "\n");
	assert_false(binfmt_runs(folder, "arm64"));
	put("qemu-aarch64", "disabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: F\noffset "
			    "0\nmagic " MAGIC "\nmask " MASK "\n");
	assert_false(binfmt_runs(folder, "arm64"));
	put("qemu-aarch64", "enabled\ninterpreter /x\nflags: F\noffset 0\nmagic " MAGIC "\n");
	assert_true(binfmt_runs(folder, "arm64"));
	put("status", "disabled\n");
	assert_false(binfmt_runs(folder, "arm64"));
	assert_false(binfmt_runs("/no/such/folder", "arm64"));
}

static int make_folder(void **state)
{
	(void)state;
	return scratch_make(folder);
}

static int remove_folder(void **state)
{
	struct err err = { 0 };

	(void)state;
	return remove_tree(AT_FDCWD, folder, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_interpreter_that_was_opened_runs_programs_of_its_processor),
		RUN(big_endian_machines_have_their_bytes_the_other_way),
		RUN(what_is_off_or_looked_up_in_the_root_does_not_count),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
