// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "dockerfile/plan.h"

static struct arena arena;
static struct dockerfile dockerfile;
static struct plan plan;
static struct strings build_args;
static struct strings contexts;

static int make(const char *text, const char *target, struct err *err)
{
	struct plan_options options = {
		.build_args = &build_args,
		.contexts = &contexts,
		.target = target,
		.build_platform = { "linux", "amd64", NULL, NULL },
		.target_platform = { "linux", "arm64", "v8", NULL },
	};

	arena_done(&arena);
	if (dockerfile_parse(&arena, "Dockerfile", text, strlen(text), &dockerfile, err) < 0)
		return -EINVAL;
	return plan_make(&arena, &dockerfile, &options, &plan, err);
}

static void must_make(const char *text, const char *target)
{
	struct err err = { 0 };

	make(text, target, &err);
	assert_string_equal(err.text, "");
}

static void assert_fails(const char *text, const char *message)
{
	struct err err = { 0 };

	assert_int_equal(make(text, NULL, &err), -EINVAL);
	assert_string_equal(err.text, message);
}

static void assert_needed(const char *numbers)
{
	auto_buf needed = { 0 };

	for (size_t i = 0; i < plan.stage_count; i++)
		if (plan.stage[i].is_needed)
			buf_printf(&needed, "%zu", i);
	assert_string_equal(buf_text(&needed), numbers);
}

static int reset(void **state)
{
	(void)state;
	strings_clear(&build_args);
	strings_clear(&contexts);
	return 0;
}

test(bases_are_images_stages_contexts_or_nothing)
{
	strings_add(&contexts, "docker.io/library/alpine");
	strings_add(&contexts, "src");
	must_make("FROM debian:12 AS Build\nRUN a\nUSER b\nFROM scratch\nFROM build AS c\n"
		  "FROM alpine:latest\nFROM debian AS src\nRUN x\n",
		  NULL);
	assert_int_equal(plan.stage[0].base.kind, ORIGIN_IMAGE);
	assert_string_equal(plan.stage[0].base.name, "debian:12");
	assert_string_equal(plan.stage[0].name, "build");
	assert_int_equal(plan.stage[0].instruction_count, 2);
	assert_int_equal(plan.stage[1].base.kind, ORIGIN_SCRATCH);
	assert_null(plan.stage[1].name);
	assert_int_equal(plan.stage[2].base.kind, ORIGIN_STAGE);
	assert_int_equal(plan.stage[2].base.stage, 0);
	assert_int_equal(plan.stage[3].base.kind, ORIGIN_NAMED_CONTEXT);
	assert_string_equal(plan.stage[3].base.name, "docker.io/library/alpine");
	assert_int_equal(plan.stage[4].base.kind, ORIGIN_NAMED_CONTEXT);
	assert_int_equal(plan.stage[4].instruction_count, 0);
}

test(only_what_the_target_needs_is_needed)
{
	static const char text[] = "FROM a AS a\nFROM b AS b\nCOPY --from=a x y\nFROM c AS c\n"
				   "FROM b AS d\nRUN --mount=from=0,target=/x y\nFROM c\n";

	must_make(text, NULL);
	assert_needed("24");
	must_make(text, "D");
	assert_needed("013");
	must_make(text, "0");
	assert_needed("0");
	assert_int_equal(plan.target, 0);
}

test(needs_of_a_bases_triggers_are_needs)
{
	must_make("FROM a AS tools\nFROM b AS base\nONBUILD COPY --from=tools x y\nFROM base\n",
		  NULL);
	assert_needed("012");
	assert_int_equal(plan.stage[1].need_count, 0);
	assert_int_equal(plan.stage[2].need_count, 2);
}

test(an_unknown_target_is_refused_with_the_nearest)
{
	struct err err = { 0 };

	assert_true(make("FROM a AS build\n", "biuld", &err) < 0);
	assert_string_equal(err.text, "Dockerfile: target stage \"biuld\" could not be found "
				      "(did you mean build?)");
}

test(arguments_before_from_reach_from_lines_only)
{
	strings_add(&build_args, "V=13");
	must_make("ARG V=12\nARG N=debian:$V\nARG E\nFROM $N\nFROM ${E:-x}:$TARGETARCH$BUILDARCH\n",
		  NULL);
	assert_string_equal(plan.stage[0].base.name, "debian:13");
	assert_string_equal(plan.stage[1].base.name, "x:arm64amd64");
	assert_int_equal(plan.stage[1].base_unmatched.count, 1);
}

test(a_platform_may_be_given_with_variables)
{
	must_make("FROM --platform=$BUILDPLATFORM a\nFROM a\nFROM --platform=linux/riscv64 a\n",
		  NULL);
	assert_string_equal(plan.stage[0].platform.architecture, "amd64");
	assert_true(plan.stage[0].has_platform);
	assert_string_equal(plan.stage[1].platform.architecture, "arm64");
	assert_false(plan.stage[1].has_platform);
	assert_string_equal(plan.stage[2].platform.architecture, "riscv64");
}

test(build_arguments_override_platform_arguments)
{
	strings_add(&build_args, "TARGETARCH=mips");
	must_make("FROM x:$TARGETARCH\n", NULL);
	assert_string_equal(plan.stage[0].base.name, "x:mips");
}

test(build_arguments_nobody_declares_are_reported)
{
	strings_add(&build_args, "A=1");
	strings_add(&build_args, "B=1");
	strings_add(&build_args, "C=1");
	strings_add(&build_args, "http_proxy=x");
	strings_add(&build_args, "SOURCE_DATE_EPOCH=0");
	must_make("ARG A\nFROM a\nONBUILD ARG B=2\n", NULL);
	assert_int_equal(plan.unused_args.count, 1);
	assert_string_equal(plan.unused_args.item[0], "C");
}

test(a_broken_from_is_refused)
{
	assert_fails("FROM a b\n", "Dockerfile:1: FROM requires either one or three arguments: "
				   "FROM IMAGE [AS NAME]");
	assert_fails("FROM a AS 1b\n", "Dockerfile:1: invalid name for build stage: \"1b\", name "
				       "can't start with a number or contain symbols");
	assert_fails("FROM $X\n", "Dockerfile:1: FROM: base name ($X) should not be blank");
	assert_fails("FROM --platform=$X a\n",
		     "Dockerfile:1: FROM: empty platform value from expression $X");
	assert_fails("FROM a${\n", "Dockerfile:1: FROM: syntax error: missing '}'");
	assert_int_equal(plan.fault.at.column, 9);
	assert_fails("ARG A\nRUN x\nFROM a\n",
		     "Dockerfile:2: RUN stands before the first FROM: only ARG may");
	assert_fails("ARG A\n",
		     "Dockerfile: dockerfile contains no stages to build (there is no FROM)");
}

test(stages_without_end_are_refused)
{
	auto_buf text = { 0 };

	for (int i = 0; i < PLAN_STAGES_MAX; i++)
		buf_add_text(&text, "FROM a\n");
	must_make(text.bytes, NULL);
	buf_add_text(&text, "FROM a\n");
	assert_fails(text.bytes, "Dockerfile:4097: more than 4096 stages");
}

test(a_broken_from_flag_is_refused)
{
	assert_fails("FROM a\nCOPY --from=$x a b\n",
		     "Dockerfile:2: COPY: variable expansion is not supported for --from, define a "
		     "new stage with FROM using ARG from global scope as a workaround");
	assert_fails("FROM a\nCOPY --from=3 a b\n",
		     "Dockerfile:2: COPY: invalid stage index 3: the stages are 0 to 0");
	assert_fails("FROM a\nRUN --mount=from=$x,target=/x a\n",
		     "Dockerfile:2: RUN: 'from' doesn't support variable expansion, define alias "
		     "stage instead");
	assert_fails("FROM a AS x\nCOPY --from=x a b\n",
		     "Dockerfile:2: COPY: a stage cannot take files from itself");
	assert_fails(
		"FROM a AS x\nRUN y\nCOPY --from=z a b\nFROM a AS z\nFROM x\n",
		"Dockerfile:3: cannot copy from stage z: it needs to be defined before stage x");
	must_make("FROM a AS x\nCOPY --from=z a b\nFROM a AS z\n", NULL); /* x is not needed */
}

test(flags_are_those_of_the_instruction)
{
	struct err err = { 0 };

	assert_fails("FROM a\nCOPY --form=x a b\n",
		     "Dockerfile:2: COPY: unknown flag --form (did you mean --from?)");
	assert_int_equal(plan.fault.at.column, 6);
	assert_int_equal(plan.fault.at.width, 8);
	assert_fails("FROM a\nUSER --x b\n", "Dockerfile:2: USER: unknown flag --x");
	make("FROM a\nUSER --x b\n", NULL, &err);
	assert_string_equal(err.hint, "USER takes no flags");
	assert_fails("FROM a\nADD --link=maybe a b\n",
		     "Dockerfile:2: ADD: --link is true or false, not 'maybe'");
	assert_fails("FROM a\nADD --chown a b\n",
		     "Dockerfile:2: ADD: --chown needs a value: --chown=...");
	assert_fails("FROM a\nADD --link --link a b\n", "Dockerfile:2: ADD: --link is given twice");
	assert_fails("FROM a\nRUN --network=lan a\n",
		     "Dockerfile:2: invalid network 'lan' (it is one of default, none, host)");
	assert_fails("FROM a\nRUN --security=no a\n",
		     "Dockerfile:2: invalid security 'no' (it is one of sandbox, insecure)");
}

test(numbers_of_arguments_are_checked)
{
	assert_fails("FROM a\nCOPY x\n",
		     "Dockerfile:2: COPY requires at least two arguments, but only one was "
		     "provided: the destination could not be determined");
	assert_fails("FROM a\nUSER\n", "Dockerfile:2: USER requires exactly one argument");
	assert_fails("FROM a\nENV\n", "Dockerfile:2: ENV requires at least one argument");
	assert_fails("FROM a\nEXPOSE\n", "Dockerfile:2: EXPOSE requires at least one argument");
	assert_fails("FROM a\nVOLUME [\" \"]\n",
		     "Dockerfile:2: VOLUME specified can not be an empty string");
	assert_fails("FROM a\nSHELL sh -c\n", "Dockerfile:2: SHELL requires the arguments to be in "
					      "JSON form: SHELL [\"/bin/sh\", \"-c\"]");
	assert_fails("FROM a\nARG =x\n", "Dockerfile:2: ARG names can not be blank");
	assert_fails("FROM a\nENV =x\n", "Dockerfile:2: ENV names can not be blank");
	assert_fails("FROM a\nCMD [\"a\\u0000b\"]\n",
		     "Dockerfile:2: CMD: an argument holds a NUL character");
	assert_fails("FROM a\nCOPY a <<E\nx\nE\n",
		     "Dockerfile:2: COPY cannot accept a heredoc as a destination");
}

test(unknown_instructions_are_refused_with_the_nearest)
{
	assert_fails("FROM a\nFOO bar\n", "Dockerfile:2: unknown instruction: FOO");
	assert_fails("FROM a\nRUM bar\n", "Dockerfile:2: unknown instruction: RUM (did you mean "
					  "RUN?)");
	assert_fails("FROM a\nENTRYPIONT bar\n",
		     "Dockerfile:2: unknown instruction: ENTRYPIONT (did you mean ENTRYPOINT?)");
}

test(healthchecks_are_checked)
{
	assert_fails("FROM a\nHEALTHCHECK NONE x\n",
		     "Dockerfile:2: HEALTHCHECK NONE takes no arguments");
	assert_fails("FROM a\nHEALTHCHECK CMD\n",
		     "Dockerfile:2: Missing command after HEALTHCHECK CMD");
	assert_fails("FROM a\nHEALTHCHECK TCP 80\n",
		     "Dockerfile:2: Unknown type 'TCP' in HEALTHCHECK (try CMD)");
	assert_fails("FROM a\nHEALTHCHECK --timeout=5 CMD x\n",
		     "Dockerfile:2: HEALTHCHECK: --timeout: invalid duration \"5\" (as in "
		     "\"1h30m\", \"1.5s\", \"300ms\")");
	assert_fails("FROM a\nHEALTHCHECK --interval=1us CMD x\n",
		     "Dockerfile:2: HEALTHCHECK: --interval cannot be less than 1ms");
	assert_fails("FROM a\nHEALTHCHECK --retries=-1 CMD x\n",
		     "Dockerfile:2: HEALTHCHECK: --retries is a number from 0 on, not '-1'");
}

test(triggers_are_checked)
{
	assert_fails("FROM a\nONBUILD\n", "Dockerfile:2: ONBUILD requires at least one argument");
	assert_fails("FROM a\nONBUILD ONBUILD RUN x\n",
		     "Dockerfile:2: Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	assert_fails("FROM a\nonbuild from x\n",
		     "Dockerfile:2: FROM isn't allowed as an ONBUILD trigger");
}

#define RUN_RESET(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_RESET(bases_are_images_stages_contexts_or_nothing),
		RUN_RESET(only_what_the_target_needs_is_needed),
		RUN_RESET(needs_of_a_bases_triggers_are_needs),
		RUN_RESET(an_unknown_target_is_refused_with_the_nearest),
		RUN_RESET(arguments_before_from_reach_from_lines_only),
		RUN_RESET(a_platform_may_be_given_with_variables),
		RUN_RESET(build_arguments_override_platform_arguments),
		RUN_RESET(build_arguments_nobody_declares_are_reported),
		RUN_RESET(a_broken_from_is_refused),
		RUN_RESET(stages_without_end_are_refused),
		RUN_RESET(a_broken_from_flag_is_refused),
		RUN_RESET(flags_are_those_of_the_instruction),
		RUN_RESET(numbers_of_arguments_are_checked),
		RUN_RESET(unknown_instructions_are_refused_with_the_nearest),
		RUN_RESET(healthchecks_are_checked),
		RUN_RESET(triggers_are_checked),
	};
	int failed = RUN_ALL(tests);

	arena_done(&arena);
	strings_done(&build_args);
	strings_done(&contexts);
	return failed;
}
