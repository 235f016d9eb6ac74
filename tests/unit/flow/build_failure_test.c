// SPDX-License-Identifier: Apache-2.0
#include "flow/build_failure.h"

#include "unit.h"

static struct err explain(int status, const char *line, enum box_emulation emulation, uid_t uid)
{
	auto_strings tail = { 0 };
	struct run_failure failure = {
		.status = status, .tail = &tail, .emulation = emulation, .uid = uid
	};
	struct err err = { 0 };

	strings_add(&tail, "before");
	strings_add(&tail, line);
	strings_add(&tail, "make: *** [all] Error 1");
	assert_int_equal(run_failure_explain(&failure, &err), -ECHILD);
	return err;
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' does not say '%s'", text, part);
}

test(a_failure_of_the_command_itself_is_its_status_and_nothing_more)
{
	struct err err = explain(2, "main.c:3: error: expected ';'", BOX_EMULATION_TAP, 0);

	assert_string_equal(err.text, "the command ended with status 2");
	assert_string_equal(err.hint, "");
}

test(shells_complain_in_different_words_of_a_missing_command)
{
	static const char *const lines[] = {
		"/bin/sh: 1: gcc: not found",
		"sh: gcc: not found",
		"/bin/bash: line 1: gcc: command not found",
	};

	for (size_t i = 0; i < array_count(lines); i++) {
		struct err err = explain(127, lines[i], BOX_EMULATION_TAP, 0);

		expect(err.text, "status 127: command 'gcc' not found in the image");
		expect(err.hint, "'gcc'");
	}
	expect(explain(127, "nothing of use", BOX_EMULATION_TAP, 0).text,
	       "a command was not found");
}

test(a_refused_call_is_named_when_emulation_would_give_it)
{
	static const char *const lines[] = {
		"chown: changing ownership of '/x': Operation not permitted",
		"chown: /x: Invalid argument",
		"tar: bin: Cannot change ownership to uid 0, gid 42: Operation not permitted",
		"install: cannot change owner, lchown: Operation not permitted",
	};

	for (size_t i = 0; i < array_count(lines); i++) {
		struct err err = explain(1, lines[i], BOX_EMULATION_NONE, 0);

		expect(err.text, "it seems that chown(2) was refused under --root-emulation none");
		expect(err.hint, "--root-emulation tap");
	}
	expect(explain(1, "E: setgroups 65534 failed - setgroups (1: Operation not permitted)",
		       BOX_EMULATION_SECCOMP, 0)
		       .text,
	       "setgroups(2) was refused under --root-emulation seccomp");
}

test(what_the_tap_gives_is_not_blamed_under_the_tap)
{
	struct err err = explain(1, "chown: /proc/1: Operation not permitted", BOX_EMULATION_TAP,
				 0);

	assert_string_equal(err.text, "the command ended with status 1");
	assert_string_equal(err.hint, "");
}

test(another_user_than_root_is_told_so)
{
	struct err err = explain(1, "chown: /x: Operation not permitted", BOX_EMULATION_NONE, 1000);

	expect(err.text, "refused to user 1000");
	expect(err.hint, "USER root");
}

test(what_no_emulation_gives_is_said_to_be_so)
{
	struct err err = explain(32, "mount: /mnt: must be superuser to use mount.",
				 BOX_EMULATION_NONE, 0);

	expect(err.text, "it seems that mount(2) was refused: a build has no real privilege");
	expect(err.hint, "RUN --mount");
	/* the tap would have seen a mount(2); of netlink it sees no refusal */
	err = explain(32, "mount: /mnt: must be superuser to use mount.", BOX_EMULATION_TAP, 0);
	assert_string_equal(err.text, "the command ended with status 32");
	err = explain(2, "RTNETLINK answers: Operation not permitted", BOX_EMULATION_TAP, 0);
	expect(err.text, "it seems that a change of the network was refused");
}

static struct err explain_seen(const char *line, uid_t uid, const char *call)
{
	const struct tap_refusal refused = { .call = call, .error = EPERM, .program = "tool" };
	auto_strings tail = { 0 };
	struct run_failure failure = { .status = 1,
				       .tail = &tail,
				       .emulation = BOX_EMULATION_TAP,
				       .uid = uid,
				       .refused = &refused };
	struct err err = { 0 };

	if (line)
		strings_add(&tail, line);
	assert_int_equal(run_failure_explain(&failure, &err), -ECHILD);
	return err;
}

test(what_the_tap_saw_is_named_with_who_was_refused)
{
	expect(explain_seen("tool: Operation not permitted", 0, "bpf").text,
	       "; bpf(2) was refused to 'tool': a build has no real privilege");
	expect(explain_seen(NULL, 0, "umount2").hint, "RUN --mount");
	expect(explain_seen("tool: Permission denied", 0, "bind").hint, "1024");
	expect(explain_seen("tool: Operation not permitted", 1000, "fchownat").text,
	       "; fchownat(2) was refused to 'tool', which is user 1000");
	/* it may have gone on without */
	assert_string_equal(explain_seen("main.c:3: error", 0, "setpriority").text,
			    "the command ended with status 1");
}

test(words_that_only_contain_the_name_of_a_call_are_no_reason)
{
	struct err err = explain(1, "open amounts.txt: Permission denied", BOX_EMULATION_NONE, 0);

	assert_string_equal(err.text, "the command ended with status 1");
}

test(signals_are_named)
{
	expect(explain(139, "", BOX_EMULATION_TAP, 0).text, "signal 11 (Segmentation fault)");
	expect(explain(137, "", BOX_EMULATION_TAP, 0).hint, "memory");
	expect(explain(255, "", BOX_EMULATION_TAP, 0).text, "status 255");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_failure_of_the_command_itself_is_its_status_and_nothing_more),
		RUN(shells_complain_in_different_words_of_a_missing_command),
		RUN(a_refused_call_is_named_when_emulation_would_give_it),
		RUN(what_the_tap_gives_is_not_blamed_under_the_tap),
		RUN(another_user_than_root_is_told_so),
		RUN(what_no_emulation_gives_is_said_to_be_so),
		RUN(what_the_tap_saw_is_named_with_who_was_refused),
		RUN(words_that_only_contain_the_name_of_a_call_are_no_reason),
		RUN(signals_are_named),
	};

	return RUN_ALL(tests);
}
