// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "dockerfile/lint.h"

static struct arena arena;
static struct strings build_args;
static const char *target;
static const char *ignored;	/* a .dockerignore */
static const char *base_arch;	/* NULL: the base image is not at hand */
static const char *check_given; /* from outside */
static bool experimental;
static bool only_needed;

static int reset(void **state)
{
	(void)state;
	strings_clear(&build_args);
	target = ignored = check_given = NULL;
	base_arch = "amd64";
	experimental = only_needed = false;
	return 0;
}

static int base_config(void *data, const struct stage *stage, struct config *ret_config)
{
	(void)data;
	(void)stage;
	if (!base_arch)
		return -ENOENT;
	config_set(&ret_config->os, "linux");
	config_set(&ret_config->architecture, base_arch);
	strings_add(&ret_config->env, "INHERITED=1");
	return 0;
}

static int lint(const char *text, struct lint *ret_lint, struct err *err)
{
	static struct dockerfile dockerfile;
	struct plan_options plan = {
		.build_args = &build_args,
		.target = target,
		.build_platform = { "linux", "amd64", NULL, NULL },
		.target_platform = { "linux", "amd64", NULL, NULL },
	};
	struct lint_options options = { .plan = &plan,
					.base_config = base_config,
					.experimental = experimental,
					.only_needed = only_needed,
					.check = check_given };
	struct source source = { ".dockerignore", ignored, ignored ? strlen(ignored) : 0 };
	struct ignore ignore;

	arena_done(&arena);
	if (ignored) {
		assert_int_equal(ignore_parse(&arena, &source, &ignore, NULL, NULL), 0);
		options.ignore = &ignore;
	}
	if (dockerfile_parse(&arena, "Dockerfile", text, strlen(text), &dockerfile, err) < 0)
		return -EINVAL;
	return lint_dockerfile(&arena, &dockerfile, &options, ret_lint, err);
}

/* "LINE:COLUMN RULE message", a finding a line. */
static void assert_finds(const char *text, const char *expected)
{
	auto_buf found = { 0 };
	struct lint result;
	struct err err = { 0 };

	lint(text, &result, &err);
	assert_string_equal(err.text, "");
	for (size_t i = 0; i < result.count; i++)
		buf_printf(&found, "%u:%u %s %s\n", result.finding[i].at.line,
			   result.finding[i].at.column, lint_rule_name(result.finding[i].rule),
			   result.finding[i].message);
	assert_string_equal(buf_text(&found), expected);
}

test(a_good_file_has_no_findings)
{
	assert_finds("# syntax=docker/dockerfile:1\nARG V=1\nFROM a:$V AS build\nARG N=2\n"
		     "ENV A=$N B=$INHERITED\nWORKDIR /x\nWORKDIR y\nRUN echo $undefined\n"
		     "COPY $A $PATH /\nEXPOSE 80/tcp\nCMD [\"a\"]\n" +
			     0,
		     "");
}

test(stage_names_and_as_have_their_case)
{
	assert_finds("FROM a AS Build\nFROM a as b\n",
		     "1:11 StageNameCasing Stage name 'Build' should be lowercase\n"
		     "2:8 FromAsCasing 'as' and 'FROM' keywords' casing do not match\n");
	assert_finds("from a AS b\n", "1:8 FromAsCasing 'AS' and 'from' keywords' casing do not "
				      "match\n");
}

test(instructions_have_the_case_of_the_majority)
{
	assert_finds("FROM a\ncopy a b\nCopy a b\nRUN x\n",
		     "2:1 ConsistentInstructionCasing Command 'copy' should match the case of the "
		     "command majority (uppercase)\n"
		     "3:1 ConsistentInstructionCasing Command 'Copy' should match the case of the "
		     "command majority (uppercase)\n");
	assert_finds("ARG X\nfrom a\nrun x\nRUN y\n",
		     "4:1 ConsistentInstructionCasing Command 'RUN' should match the case of the "
		     "command majority (lowercase)\n");
}

test(stage_names_are_unique_and_not_reserved)
{
	assert_finds("FROM a AS b\nFROM a AS b\nFROM a AS scratch\nFROM a AS context\n",
		     "2:11 DuplicateStageName Duplicate stage name \"b\", stage names should be "
		     "unique\n"
		     "3:11 ReservedStageName Stage name should not use the same name as reserved "
		     "stage \"scratch\"\n"
		     "4:11 ReservedStageName Stage name should not use the same name as reserved "
		     "stage \"context\"\n");
}

test(shell_forms_are_found_unless_a_shell_was_chosen)
{
	assert_finds("FROM a\nENTRYPOINT x\nFROM a\nSHELL [\"/bin/bash\", \"-c\"]\nCMD x\n",
		     "2:1 JSONArgsRecommended JSON arguments recommended for ENTRYPOINT to prevent "
		     "unintended behavior related to OS signals\n");
}

test(of_several_commands_all_but_the_last_are_found)
{
	assert_finds("FROM a AS x\nCMD [\"a\"]\nCMD [\"b\"]\nHEALTHCHECK NONE\nHEALTHCHECK CMD x\n"
		     "FROM x\nCMD [\"c\"]\n",
		     "2:1 MultipleInstructionsDisallowed Multiple CMD instructions should not be "
		     "used in the same stage because only the last one will be used\n"
		     "4:1 MultipleInstructionsDisallowed Multiple HEALTHCHECK instructions should "
		     "not be used in the same stage because only the last one will be used\n");
}

test(old_forms_are_found)
{
	assert_finds(
		"FROM a\nENV a b\nLABEL c d\nMAINTAINER me\nRUN a \\\n\n  b\n",
		"2:1 LegacyKeyValueFormat \"ENV key=value\" should be used instead of legacy "
		"\"ENV key value\" format\n"
		"3:1 LegacyKeyValueFormat \"LABEL key=value\" should be used instead of legacy "
		"\"LABEL key value\" format\n"
		"4:1 MaintainerDeprecated Maintainer instruction is deprecated in favor of "
		"using label\n"
		"6:0 NoEmptyContinuation Empty continuation line\n");
}

test(from_may_use_only_declared_arguments)
{
	strings_add(&build_args, "VERSION=1");
	assert_finds("ARG VERSION\nARG E\nFROM a:${VERSOIN:-2}${E:-1}\n"
		     "FROM --platform=${OTHER:-linux/amd64} a\n",
		     "3:6 UndefinedArgInFrom FROM argument 'VERSOIN' is not declared (did you mean "
		     "VERSION?)\n"
		     "4:6 UndefinedArgInFrom FROM argument 'OTHER' is not declared\n");
}

test(defaults_must_make_an_image_name)
{
	strings_add(&build_args, "V=1");
	assert_finds("ARG V\nFROM a:$V\nFROM a:${V:-2}\nFROM b$TARGETARCH\n",
		     "2:6 InvalidDefaultArgInFrom Default value for ARG a:$V results in empty or "
		     "invalid base image name\n");
}

test(platforms_are_variables_but_not_the_default)
{
	assert_finds(
		"FROM --platform=$TARGETPLATFORM a\nFROM --platform=linux/amd64 a AS x\n"
		"FROM --platform=linux/amd64 a AS tools-amd64\nFROM --platform=$BUILDPLATFORM a\n",
		"1:6 RedundantTargetPlatform Setting platform to predefined $TARGETPLATFORM in "
		"FROM is redundant as this is the default behavior\n"
		"2:6 FromPlatformFlagConstDisallowed FROM --platform flag should not use "
		"constant value \"linux/amd64\"\n");
}

test(a_base_of_another_platform_is_found)
{
	base_arch = "arm64";
	assert_finds("FROM a\n", "1:6 InvalidBaseImagePlatform Base image a was pulled with "
				 "platform \"linux/arm64\", expected \"linux/amd64\" for current "
				 "build\n");
}

test(a_relative_directory_is_found_until_an_absolute_one)
{
	assert_finds(
		"FROM a AS x\nWORKDIR b\nWORKDIR c\nFROM a\nENV D=d\nWORKDIR $D/e\nFROM x\n"
		"WORKDIR f\nFROM a\nENV D=/d\nWORKDIR $D\n",
		"2:9 WorkdirRelativePath Relative workdir \"b\" can have unexpected results if "
		"the base image changes\n"
		"6:9 WorkdirRelativePath Relative workdir \"d/e\" can have unexpected results "
		"if the base image changes\n");
}

test(variables_that_nobody_sets_are_found)
{
	assert_finds(
		"FROM a\nARG DECLARED\nENV A=$DECLARED PTH=x\nCOPY $PAHT \\\n  \"${NOPE:-x}y\" /\n",
		"4:6 UndefinedVar Usage of undefined variable '$PAHT' (did you mean $PATH?)\n"
		"5:4 UndefinedVar Usage of undefined variable '$NOPE'\n");
}

test(variables_of_an_unknown_base_are_not_judged)
{
	base_arch = NULL;
	assert_finds("FROM a\nCOPY $FROM_BASE /\nUSER ${X:?}\nWORKDIR $Y\nCMD x\nFROM scratch\n"
		     "USER $Z\n",
		     "5:1 JSONArgsRecommended JSON arguments recommended for CMD to prevent "
		     "unintended behavior related to OS signals\n"
		     "7:6 UndefinedVar Usage of undefined variable '$Z'\n");
}

test(secrets_are_found_by_the_words_of_their_names)
{
	assert_finds("FROM a\nARG API_KEY TOKEN_FILE KEYBOARD\nENV Db_Password=x PUBLIC_KEY=y\n"
		     "ENV auth z\n",
		     "2:5 SecretsUsedInArgOrEnv Do not use ARG or ENV instructions for sensitive "
		     "data (ARG \"API_KEY\")\n"
		     "3:5 SecretsUsedInArgOrEnv Do not use ARG or ENV instructions for sensitive "
		     "data (ENV \"Db_Password\")\n"
		     "4:1 LegacyKeyValueFormat \"ENV key=value\" should be used instead of legacy "
		     "\"ENV key value\" format\n"
		     "4:5 SecretsUsedInArgOrEnv Do not use ARG or ENV instructions for sensitive "
		     "data (ENV \"auth\")\n");
}

test(ports_are_plain)
{
	assert_finds("FROM a\nENV P=90\nEXPOSE 80/TCP 127.0.0.1:81:81 $P\n",
		     "3:8 ExposeProtoCasing Defined protocol '80/TCP' in EXPOSE instruction should "
		     "be lowercase\n"
		     "3:15 ExposeInvalidFormat EXPOSE instruction should not define an IP address "
		     "or host-port mapping, found '127.0.0.1:81:81'\n");
}

test(ignored_files_are_found_when_asked_for)
{
	ignored = "*.o\nbuild/**\n";
	assert_finds("FROM a\nCOPY a.o /\n", "");
	experimental = true;
	assert_finds(
		"FROM a AS x\nFROM a\nCOPY a.o b.c ./build/x /\nADD . /\nCOPY --from=x a.o /\n",
		"3:1 CopyIgnoredFile Attempting to Copy file \"a.o\" that is excluded by "
		".dockerignore\n"
		"3:1 CopyIgnoredFile Attempting to Copy file \"build/x\" that is excluded by "
		".dockerignore\n");
	ignored = "*\n";
	assert_finds("FROM a\nADD . /\n",
		     "2:1 CopyIgnoredFile Attempting to Add file \".\" that is "
		     "excluded by .dockerignore\n");
	ignored = "*\n!a.o\n";
	assert_finds("FROM a\nCOPY b.o /\n", "");
}

test(comments_above_definitions_describe_them)
{
	experimental = true;
	assert_finds("# build compiles\nFROM a AS build\n# other\nARG X=1\n# Y is\nARG X Y\n# z\n\n"
		     "ARG Z\n# none\nRUN x\n# what\nFROM b AS c\n",
		     "3:0 InvalidDefinitionDescription Comment for ARG should follow the format: "
		     "`# X <description>`\n"
		     "12:0 InvalidDefinitionDescription Comment for FROM should follow the format: "
		     "`# c <description>`\n");
}

test(rules_are_switched_by_the_directive)
{
	assert_finds("# check=skip=StageNameCasing, JSONArgsRecommended\nFROM a AS B\nCMD x\n"
		     "MAINTAINER m\n",
		     "4:1 MaintainerDeprecated Maintainer instruction is deprecated in favor of "
		     "using label\n");
	assert_finds("# check=skip=all\nFROM a AS B\nCMD x\n", "");
	assert_finds("# check=experimental=InvalidDefinitionDescription\n# x\nFROM a AS b\n",
		     "2:0 InvalidDefinitionDescription Comment for FROM should follow the format: "
		     "`# b <description>`\n");
}

test(rules_are_switched_for_one_instruction_by_a_comment)
{
	assert_finds("FROM a\n# check=skip=MaintainerDeprecated\nMAINTAINER a\nMAINTAINER b\n",
		     "4:1 MaintainerDeprecated Maintainer instruction is deprecated in favor of "
		     "using label\n");
}

test(findings_may_be_errors)
{
	struct lint result;
	struct err err = { 0 };

	assert_int_equal(lint("# check=error=true\nFROM a\nCMD x\n", &result, &err), 0);
	assert_true(result.is_error);
	assert_int_equal(lint("# check=error=true\nFROM a\n", &result, &err), 0);
	assert_false(result.is_error);
	assert_int_equal(lint("# check=error=true;skip=all\nFROM a\nCMD x\n", &result, &err), 0);
	assert_false(result.is_error);
	assert_int_equal(lint("FROM a\nCMD x\n", &result, &err), 0);
	assert_false(result.is_error);
}

static bool can_fail(const char *text, const char *check)
{
	const struct lint_options options = { .check = check };
	struct dockerfile dockerfile;
	struct fault fault;
	bool answer = false;

	arena_done(&arena);
	assert_int_equal(
		dockerfile_parse(&arena, "Dockerfile", text, strlen(text), &dockerfile, NULL), 0);
	assert_int_equal(lint_can_fail(&dockerfile, &options, &answer, &fault, NULL), 0);
	return answer;
}

test(whether_a_finding_may_be_an_error_is_known_beforehand)
{
	assert_false(can_fail("FROM a\n", NULL));
	assert_true(can_fail("# check=error=true\nFROM a\n", NULL));
	assert_false(can_fail("# check=error=true\nFROM a\n", "skip=all"));
	assert_true(can_fail("FROM a\n", "error=true"));
	assert_true(can_fail("FROM a\n# check=error=true\nCMD x\n", NULL));
	assert_false(can_fail("FROM a\n# check=error=maybe\nCMD x\n", NULL));
}

test(a_check_given_from_outside_counts_in_place_of_the_directive)
{
	check_given = "skip=StageNameCasing";
	assert_finds("# check=skip=JSONArgsRecommended\nFROM a AS B\nCMD x\n",
		     "3:1 JSONArgsRecommended JSON arguments recommended for CMD to prevent "
		     "unintended behavior related to OS signals\n");
}

test(stages_that_are_not_needed_can_be_left_out)
{
	only_needed = true;
	assert_finds("FROM scratch AS a\nUSER $X\nFROM scratch AS b\nUSER $Y\n",
		     "4:6 UndefinedVar Usage of undefined variable '$Y'\n");
}

test(a_directive_that_makes_no_sense_is_refused)
{
	struct lint result;
	struct err err = { 0 };

	assert_int_equal(lint("# check=error=maybe\nFROM a\n", &result, &err), -EINVAL);
	assert_string_equal(err.text, "Dockerfile:1: # check: check: error=maybe is neither true "
				      "nor false");
	assert_int_equal(lint("# check=skipped\nFROM a\n", &result, &err), -EINVAL);
	assert_int_equal(lint("# check=what=x\nFROM a\n", &result, &err), -EINVAL);
}

test(a_file_that_does_not_build_is_an_error_with_findings)
{
	struct lint result;
	struct err err = { 0 };

	assert_int_equal(lint("FROM a AS B\nUSER ${X:?gone}\n", &result, &err), -EINVAL);
	assert_string_equal(err.text, "Dockerfile:2: USER: X: gone");
	assert_int_equal(result.count, 1);
	assert_int_equal(result.fault.at.line, 2);
	assert_int_equal(lint("FROM\nENV\nEXPOSE\n", &result, &err), -EINVAL);
}

test(with_a_target_only_its_stages_are_evaluated)
{
	target = "a";
	assert_finds("FROM scratch AS a\nFROM scratch AS b\nUSER $X\n", "");
	target = "b";
	assert_finds("FROM scratch AS a\nFROM scratch AS b\nUSER $X\n",
		     "3:6 UndefinedVar Usage of undefined variable '$X'\n");
}

test(rules_have_a_page)
{
	auto_buf url = { 0 };

	lint_rule_url(LINT_JSON_ARGS_RECOMMENDED, &url);
	assert_string_equal(url.bytes,
			    "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
	buf_truncate(&url, 0);
	lint_rule_url(LINT_SECRETS_USED_IN_ARG_OR_ENV, &url);
	assert_string_equal(
		url.bytes,
		"https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/");
	for (enum lint_rule rule = 0; rule < LINT_RULES; rule++)
		assert_non_null(lint_rule_description(rule));
}

#define RUN_RESET(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_RESET(a_good_file_has_no_findings),
		RUN_RESET(stage_names_and_as_have_their_case),
		RUN_RESET(instructions_have_the_case_of_the_majority),
		RUN_RESET(stage_names_are_unique_and_not_reserved),
		RUN_RESET(shell_forms_are_found_unless_a_shell_was_chosen),
		RUN_RESET(of_several_commands_all_but_the_last_are_found),
		RUN_RESET(old_forms_are_found),
		RUN_RESET(from_may_use_only_declared_arguments),
		RUN_RESET(defaults_must_make_an_image_name),
		RUN_RESET(platforms_are_variables_but_not_the_default),
		RUN_RESET(a_base_of_another_platform_is_found),
		RUN_RESET(a_relative_directory_is_found_until_an_absolute_one),
		RUN_RESET(variables_that_nobody_sets_are_found),
		RUN_RESET(variables_of_an_unknown_base_are_not_judged),
		RUN_RESET(secrets_are_found_by_the_words_of_their_names),
		RUN_RESET(ports_are_plain),
		RUN_RESET(ignored_files_are_found_when_asked_for),
		RUN_RESET(comments_above_definitions_describe_them),
		RUN_RESET(rules_are_switched_by_the_directive),
		RUN_RESET(rules_are_switched_for_one_instruction_by_a_comment),
		RUN_RESET(findings_may_be_errors),
		RUN_RESET(whether_a_finding_may_be_an_error_is_known_beforehand),
		RUN_RESET(a_check_given_from_outside_counts_in_place_of_the_directive),
		RUN_RESET(stages_that_are_not_needed_can_be_left_out),
		RUN_RESET(a_directive_that_makes_no_sense_is_refused),
		RUN_RESET(a_file_that_does_not_build_is_an_error_with_findings),
		RUN_RESET(with_a_target_only_its_stages_are_evaluated),
		RUN_RESET(rules_have_a_page),
	};
	int failed = RUN_ALL(tests);

	arena_done(&arena);
	strings_done(&build_args);
	return failed;
}
