// SPDX-License-Identifier: Apache-2.0
/* Rules about how a Dockerfile is written, and about its FROM lines. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/strings.h"
#include "dockerfile/check.h"
#include "dockerfile/lint_rules.h"
#include "dockerfile/list.h"
#include "dockerfile/suggest.h"
#include "image/ref.h"

enum casing { CASE_LOWER, CASE_UPPER, CASE_MIXED };

static enum casing casing_of(const char *text)
{
	bool lower = false;
	bool upper = false;

	for (; *text; text++) {
		lower |= islower((unsigned char)*text) != 0;
		upper |= isupper((unsigned char)*text) != 0;
	}
	return lower && upper ? CASE_MIXED : upper ? CASE_UPPER : CASE_LOWER;
}

/* What counts begins with the first FROM. */
static void check_casing(struct linter *linter)
{
	const struct dockerfile *dockerfile = linter->dockerfile;
	size_t counts[3] = { 0 };
	enum casing wanted;
	size_t first = 0;

	while (first < dockerfile->instruction_count &&
	       dockerfile->instruction[first]->kind != INSTRUCTION_FROM)
		first++;
	for (size_t i = first; i < dockerfile->instruction_count; i++)
		counts[casing_of(dockerfile->instruction[i]->name)]++;
	wanted = counts[CASE_LOWER] > counts[CASE_UPPER] ? CASE_LOWER : CASE_UPPER;
	for (size_t i = first; i < dockerfile->instruction_count; i++) {
		const struct instruction *instruction = dockerfile->instruction[i];

		if (casing_of(instruction->name) != wanted)
			lint_report(linter, instruction, LINT_CONSISTENT_INSTRUCTION_CASING,
				    instruction_mark(instruction),
				    "Command '%s' should match the case of the command majority "
				    "(%s)",
				    instruction->name,
				    wanted == CASE_LOWER ? "lowercase" : "uppercase");
	}
}

static void check_from_text(struct linter *linter, const struct instruction *from)
{
	enum casing casing = casing_of(from->name);
	const struct word *as;
	const struct word *name;

	if (from->arg_count != 3)
		return;
	as = &from->arg[1];
	name = &from->arg[2];
	if (casing_of(name->text) != CASE_LOWER)
		lint_report(linter, from, LINT_STAGE_NAME_CASING, word_mark(from, name),
			    "Stage name '%s' should be lowercase", name->text);
	if (casing != CASE_MIXED && casing_of(as->text) != casing)
		lint_report(linter, from, LINT_FROM_AS_CASING, word_mark(from, as),
			    "'%s' and '%s' keywords' casing do not match", as->text, from->name);
}

static void check_pairs(struct linter *linter, const struct instruction *instruction)
{
	if (instruction->arg_count == 3 && !instruction->arg[2].size_bytes)
		lint_report(linter, instruction, LINT_LEGACY_KEY_VALUE_FORMAT,
			    instruction_mark(instruction),
			    "\"%s key=value\" should be used instead of legacy \"%s key value\" "
			    "format",
			    instruction->name, instruction->name);
}

/* The comment right above, unless it is a directive for the lint itself. */
static const struct comment *description_of(struct linter *linter,
					    const struct instruction *instruction)
{
	size_t count = instruction->line.comment_count;
	const char *value;

	if (!count || directive_parse(linter->arena, instruction->line.comment[count - 1].text,
				      "check", &value))
		return NULL;
	return &instruction->line.comment[count - 1];
}

static bool begins_with_word(const char *text, const char *word, size_t length)
{
	return !strncmp(text, word, length) && (!text[length] || text[length] == ' ');
}

static void check_description(struct linter *linter, const struct instruction *instruction)
{
	const struct comment *comment = description_of(linter, instruction);
	size_t first = instruction->kind == INSTRUCTION_FROM ? 2 : 0;
	const struct word *name;

	if (!comment || instruction->arg_count <= first)
		return;
	for (size_t i = first; i < instruction->arg_count; i++) {
		const char *text = instruction->arg[i].text;

		if (begins_with_word(comment->text, text, strcspn(text, "=")))
			return;
	}
	name = &instruction->arg[first];
	lint_report(linter, instruction, LINT_INVALID_DEFINITION_DESCRIPTION,
		    (struct mark){ comment->line, 0, 0 },
		    "Comment for %s should follow the format: `# %.*s <description>`",
		    instruction->name,
		    instruction->arg_count - first > 1 ? 9 : (int)strcspn(name->text, "="),
		    instruction->arg_count - first > 1 ? "<arg_key>" : name->text);
}

static void check_instruction(struct linter *linter, const struct instruction *instruction)
{
	if (instruction->line.empty_line)
		lint_report(linter, instruction, LINT_NO_EMPTY_CONTINUATION,
			    (struct mark){ instruction->line.empty_line, 0, 0 },
			    "Empty continuation line");
	switch (instruction->kind) {
	case INSTRUCTION_MAINTAINER:
		lint_report(linter, instruction, LINT_MAINTAINER_DEPRECATED,
			    instruction_mark(instruction),
			    "Maintainer instruction is deprecated in favor of using label");
		break;
	case INSTRUCTION_ENV:
	case INSTRUCTION_LABEL:
		check_pairs(linter, instruction);
		break;
	case INSTRUCTION_FROM:
		check_from_text(linter, instruction);
		check_description(linter, instruction);
		break;
	case INSTRUCTION_ARG:
		check_description(linter, instruction);
		break;
	default:
		break;
	}
}

void lint_text(struct linter *linter)
{
	check_casing(linter);
	for (size_t i = 0; i < linter->dockerfile->instruction_count; i++)
		check_instruction(linter, linter->dockerfile->instruction[i]);
}

/* --- FROM --- */

static void check_name(struct linter *linter, const struct stage *stage)
{
	const struct plan *plan = &linter->plan;
	struct mark at;

	if (!stage->name)
		return;
	at = word_mark(stage->from, &stage->from->arg[2]);
	if (!strcmp(stage->name, "scratch") || !strcmp(stage->name, "context"))
		lint_report(linter, stage->from, LINT_RESERVED_STAGE_NAME, at,
			    "Stage name should not use the same name as reserved stage \"%s\"",
			    stage->name);
	for (size_t i = 0; i < stage->number; i++) {
		if (!text_equal(plan->stage[i].name, stage->name))
			continue;
		lint_report(linter, stage->from, LINT_DUPLICATE_STAGE_NAME, at,
			    "Duplicate stage name \"%s\", stage names should be unique",
			    stage->name);
		return;
	}
}

/* Names that FROM may use: what has a value, and what an ARG above the first FROM declares. */
static struct names known_arguments(struct linter *linter)
{
	const struct plan *plan = &linter->plan;
	struct names names = { 0 };

	for (size_t i = 0; i < plan->globals.count; i++)
		*list_add(linter->arena, names.item, names.count) = plan->globals.item[i].name;
	for (size_t i = 0; linter->dockerfile->instruction[i]->kind == INSTRUCTION_ARG; i++) {
		const struct instruction *arg = linter->dockerfile->instruction[i];

		for (size_t k = 0; k < arg->arg_count; k++)
			*list_add(linter->arena, names.item, names.count) = arena_copy_bytes(
				linter->arena, arg->arg[k].text, strcspn(arg->arg[k].text, "="));
	}
	return names;
}

static bool has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->item[i], name))
			return true;
	return false;
}

static void check_from_variables(struct linter *linter, const struct stage *stage,
				 const struct names *unmatched, const struct word *word)
{
	struct names known = known_arguments(linter);

	for (size_t i = 0; i < unmatched->count; i++) {
		const char *name = unmatched->item[i];
		const char *near;

		if (has_name(&known, name))
			continue;
		near = suggest(name, known.item, known.count);
		lint_report(linter, stage->from, LINT_UNDEFINED_ARG_IN_FROM,
			    word_mark(stage->from, word),
			    "FROM argument '%s' is not declared%s%s%s", name,
			    near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	}
}

static void check_platform(struct linter *linter, const struct stage *stage)
{
	const struct flag *flag = flag_find(stage->from, "platform");
	size_t variables = stage->platform_matched.count + stage->platform_unmatched.count;
	const char *name = stage->name ? stage->name : "";
	struct mark at;

	if (!flag)
		return;
	at = word_mark(stage->from, &flag->word);
	check_from_variables(linter, stage, &stage->platform_unmatched, &flag->word);
	if (!strcmp(flag->value, "$TARGETPLATFORM") || !strcmp(flag->value, "${TARGETPLATFORM}"))
		lint_report(linter, stage->from, LINT_REDUNDANT_TARGET_PLATFORM, at,
			    "Setting platform to predefined %s in FROM is redundant as this is "
			    "the default behavior",
			    flag->value);
	if (!variables && !strstr(name, stage->platform.os) &&
	    !strstr(name, stage->platform.architecture))
		lint_report(linter, stage->from, LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED, at,
			    "FROM --platform flag should not use constant value \"%s\"",
			    flag->value);
}

static void check_default(struct linter *linter, const struct stage *stage)
{
	const struct word *word = &stage->from->arg[0];
	const char *name;
	struct ref ref;

	if (!strchr(word->text, '$') ||
	    plan_default_base(&linter->plan, linter->arena, stage->number, &name, NULL) < 0)
		return;
	if (!*name || ref_parse(name, &ref, NULL) < 0)
		lint_report(linter, stage->from, LINT_INVALID_DEFAULT_ARG_IN_FROM,
			    word_mark(stage->from, word),
			    "Default value for ARG %s results in empty or invalid base image name",
			    word->text);
}

void lint_stages(struct linter *linter)
{
	for (size_t i = 0; i < linter->plan.stage_count; i++) {
		const struct stage *stage = &linter->plan.stage[i];

		check_name(linter, stage);
		check_from_variables(linter, stage, &stage->base_unmatched, &stage->from->arg[0]);
		check_platform(linter, stage);
		check_default(linter, stage);
	}
}
