// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/lint.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "dockerfile/lint_rules.h"
#include "dockerfile/list.h"
#include "dockerfile/suggest.h"
#include "dockerfile/values.h"

static const struct {
	const char *name;
	const char *description;
	bool is_experimental;
} rules[LINT_RULES] = {
	[LINT_STAGE_NAME_CASING] = { "StageNameCasing", "Stage names should be lowercase" },
	[LINT_FROM_AS_CASING] = { "FromAsCasing",
				  "The 'as' keyword should match the case of the 'from' keyword" },
	[LINT_NO_EMPTY_CONTINUATION] = { "NoEmptyContinuation",
					 "Empty continuation lines will become errors in a future "
					 "release" },
	[LINT_CONSISTENT_INSTRUCTION_CASING] = { "ConsistentInstructionCasing",
						 "All instructions of a Dockerfile should be "
						 "written in the same case, upper or lower" },
	[LINT_DUPLICATE_STAGE_NAME] = { "DuplicateStageName", "Stage names should be unique" },
	[LINT_RESERVED_STAGE_NAME] = { "ReservedStageName",
				       "Reserved words should not be used as stage names" },
	[LINT_JSON_ARGS_RECOMMENDED] = { "JSONArgsRecommended",
					 "JSON arguments recommended for ENTRYPOINT/CMD to prevent "
					 "unintended behavior related to OS signals" },
	[LINT_MAINTAINER_DEPRECATED] = { "MaintainerDeprecated",
					 "The MAINTAINER instruction is deprecated, use a label "
					 "instead to define an image author" },
	[LINT_UNDEFINED_ARG_IN_FROM] = { "UndefinedArgInFrom", "FROM must use declared ARGs" },
	[LINT_WORKDIR_RELATIVE_PATH] = { "WorkdirRelativePath",
					 "A relative WORKDIR before any absolute one depends on "
					 "the base image" },
	[LINT_UNDEFINED_VAR] = { "UndefinedVar", "Variables should be defined before their use" },
	[LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED] = { "MultipleInstructionsDisallowed",
						    "Of several CMD, ENTRYPOINT or HEALTHCHECK in "
						    "a stage only the last counts" },
	[LINT_LEGACY_KEY_VALUE_FORMAT] = { "LegacyKeyValueFormat",
					   "Legacy key/value format with whitespace separator "
					   "should not be used" },
	[LINT_INVALID_BASE_IMAGE_PLATFORM] = { "InvalidBaseImagePlatform",
					       "Base image platform does not match expected "
					       "target platform" },
	[LINT_REDUNDANT_TARGET_PLATFORM] = { "RedundantTargetPlatform",
					     "Setting platform to predefined $TARGETPLATFORM in "
					     "FROM is the default anyway" },
	[LINT_SECRETS_USED_IN_ARG_OR_ENV] = { "SecretsUsedInArgOrEnv",
					      "Sensitive data should not be used in the ARG or ENV "
					      "instructions" },
	[LINT_INVALID_DEFAULT_ARG_IN_FROM] = { "InvalidDefaultArgInFrom",
					       "Default value for global ARG results in an empty "
					       "or invalid base image name" },
	[LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED] = { "FromPlatformFlagConstDisallowed",
						       "FROM --platform flag should not use a "
						       "constant value" },
	[LINT_COPY_IGNORED_FILE] = { "CopyIgnoredFile",
				     "Attempting to copy a file that is excluded by .dockerignore",
				     true },
	[LINT_INVALID_DEFINITION_DESCRIPTION] = { "InvalidDefinitionDescription",
						  "A comment right above a build stage or argument "
						  "should be `# NAME DESCRIPTION`; put an empty "
						  "line between if it is no description",
						  true },
	[LINT_EXPOSE_PROTO_CASING] = { "ExposeProtoCasing",
				       "Protocol in EXPOSE instruction should be lowercase" },
	[LINT_EXPOSE_INVALID_FORMAT] = { "ExposeInvalidFormat",
					 "IP address and host-port mapping should not be used in "
					 "EXPOSE instruction" },
};

const char *lint_rule_name(enum lint_rule rule)
{
	return rules[rule].name;
}

const char *lint_rule_description(enum lint_rule rule)
{
	return rules[rule].description;
}

bool lint_rule_is_experimental(enum lint_rule rule)
{
	return rules[rule].is_experimental;
}

/* ".../rule/json-args-recommended/": the name with a dash before each capital that begins a word.
 */
void lint_rule_url(enum lint_rule rule, struct buf *buf)
{
	const char *name = rules[rule].name;

	buf_add_text(buf, "https://docs.docker.com/go/dockerfile/rule/");
	for (size_t i = 0; name[i]; i++) {
		bool begins = isupper((unsigned char)name[i]) && i > 0 &&
			      (islower((unsigned char)name[i - 1]) ||
			       islower((unsigned char)name[i + 1]));

		if (begins)
			buf_add_char(buf, '-');
		buf_add_char(buf, (char)tolower((unsigned char)name[i]));
	}
	buf_add_char(buf, '/');
}

/* --- check=... --- */

static int set_rules(const char *value, bool *all, bool *which)
{
	while (*value) {
		size_t length = strcspn(value, ",");
		size_t start = strspn(value, " \t");
		size_t end = length;

		while (end > start && strchr(" \t", value[end - 1]))
			end--;
		if (end - start == 3 && !strncmp(value + start, "all", 3))
			*all = true;
		for (size_t i = 0; end > start && i < LINT_RULES; i++)
			if (strlen(rules[i].name) == end - start &&
			    !strncmp(rules[i].name, value + start, end - start))
				which[i] = true;
		value += length;
		value += *value == ',';
	}
	return 0;
}

static int set_error(struct lint_config *config, const char *value, struct err *err)
{
	if (boolean_parse(value, &config->is_error) < 0)
		return fail_plain(err, EINVAL, "check: error=%s is neither true nor false", value);
	return 0;
}

static int set_option(struct lint_config *config, char *option, struct err *err)
{
	char *value = strchr(option, '=');
	size_t length;

	if (!value)
		return fail_plain(err, EINVAL, "invalid check option '%s'", option);
	*value++ = '\0';
	value += strspn(value, " \t");
	for (length = strlen(value); length && strchr(" \t", value[length - 1]);)
		value[--length] = '\0';
	option += strspn(option, " \t");
	option[strcspn(option, " \t")] = '\0';
	if (!strcmp(option, "skip"))
		return set_rules(value, &config->skips_all, config->skips);
	if (!strcmp(option, "experimental"))
		return set_rules(value, &config->enables_all, config->enables);
	if (!strcmp(option, "error"))
		return set_error(config, value, err);
	return fail_plain(err, EINVAL,
			  "invalid check option '%s' (there are skip, error and experimental)",
			  option);
}

int lint_config_parse(struct lint_config *config, const char *text, struct err *err)
{
	auto_arena arena = { 0 };
	char *save;
	int r = 0;

	for (char *option = strtok_r(arena_copy(&arena, text), ";", &save); option && r == 0;
	     option = strtok_r(NULL, ";", &save))
		r = set_option(config, option, err);
	return r;
}

/* --- findings --- */

static bool is_on(const struct lint_config *config, enum lint_rule rule)
{
	if (config->skips_all || config->skips[rule])
		return false;
	return !rules[rule].is_experimental || config->enables_all || config->enables[rule];
}

/* The first `# check=` above the instruction counts, and one that makes no sense does not. */
static struct lint_config config_at(struct linter *linter, const struct instruction *instruction)
{
	struct lint_config config = linter->config;

	for (size_t i = 0; instruction && i < instruction->line.comment_count; i++) {
		const char *value;

		if (!directive_parse(linter->arena, instruction->line.comment[i].text, "check",
				     &value))
			continue;
		if (lint_config_parse(&config, value, NULL) < 0)
			config = linter->config;
		break;
	}
	return config;
}

void lint_report(struct linter *linter, const struct instruction *instruction, enum lint_rule rule,
		 struct mark at, const char *format, ...)
{
	const struct lint_config config = config_at(linter, instruction);
	struct lint *lint = linter->lint;
	va_list args;
	char *message;

	if (!is_on(&config, rule))
		return;
	va_start(args, format);
	message = arena_vprintf(linter->arena, format, args);
	va_end(args);
	*list_add(linter->arena, lint->finding, lint->count) = (struct lint_finding){ rule, at,
										      message };
	lint->is_error |= config.is_error;
}

static int compare(const void *left, const void *right)
{
	const struct lint_finding *a = left;
	const struct lint_finding *b = right;

	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.column != b->at.column)
		return a->at.column < b->at.column ? -1 : 1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	return strcmp(a->message, b->message);
}

/* Two stages built on one base may find the same thing twice. */
static void sort_findings(struct lint *lint)
{
	size_t kept = 0;

	if (!lint->count)
		return;
	qsort(lint->finding, lint->count, sizeof(*lint->finding), compare);
	for (size_t i = 1; i < lint->count; i++)
		if (compare(&lint->finding[kept], &lint->finding[i]) != 0)
			lint->finding[++kept] = lint->finding[i];
	lint->count = kept + 1;
}

/* What holds for the whole file. */
static int file_config(const struct dockerfile *dockerfile, const struct lint_options *options,
		       struct lint_config *config, struct fault *fault, struct err *err)
{
	const struct directive *check = &dockerfile->check;

	*config = (struct lint_config){ .enables_all = options->experimental };
	if (options->check)
		return lint_config_parse(config, options->check, err);
	if (check->value && lint_config_parse(config, check->value, err) < 0)
		return fault_wrap(fault, &dockerfile->source, check->at, err, "# check");
	return 0;
}

int lint_can_fail(const struct dockerfile *dockerfile, const struct lint_options *options,
		  bool *ret_can_fail, struct fault *fault, struct err *err)
{
	auto_arena arena = { 0 };
	struct linter linter = { .arena = &arena, .dockerfile = dockerfile };
	int r = file_config(dockerfile, options, &linter.config, fault, err);

	if (r < 0)
		return r;
	*ret_can_fail = linter.config.is_error;
	for (size_t i = 0; i < dockerfile->instruction_count; i++)
		*ret_can_fail |= config_at(&linter, dockerfile->instruction[i]).is_error;
	return 0;
}

static int run(struct linter *linter, struct err *err)
{
	int r = file_config(linter->dockerfile, linter->options, &linter->config,
			    &linter->lint->fault, err);

	if (r < 0)
		return r;
	r = plan_make(linter->arena, linter->dockerfile, linter->options->plan, &linter->plan, err);
	lint_text(linter);
	if (r < 0) {
		linter->lint->fault = linter->plan.fault;
		return r;
	}
	lint_stages(linter);
	return lint_steps(linter, err);
}

int lint_dockerfile(struct arena *arena, const struct dockerfile *dockerfile,
		    const struct lint_options *options, struct lint *ret_lint, struct err *err)
{
	struct linter linter = {
		.arena = arena, .dockerfile = dockerfile, .options = options, .lint = ret_lint
	};
	int r;

	*ret_lint = (struct lint){ 0 };
	r = run(&linter, err);
	sort_findings(ret_lint);
	return r;
}
