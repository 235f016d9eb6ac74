// SPDX-License-Identifier: Apache-2.0
/* Rules that need values: every stage is evaluated, its steps are looked at instead of run. */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/strings.h"
#include "dockerfile/check.h"
#include "dockerfile/lint_rules.h"
#include "dockerfile/list.h"
#include "dockerfile/suggest.h"
#include "dockerfile/values.h"

/* A stage being looked at. */
struct looking {
	struct linter *linter;
	struct evaluation *evaluation;
	struct config *config;
	bool base_is_known; /* its environment is that of a build */
	bool sets_workdir;  /* here or in the stage this one begins with */
	const struct instruction *last[INSTRUCTION_KINDS];
};

static bool is_name_character(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Where $name or ${name stands first. */
static struct mark variable_mark(const struct instruction *instruction, const char *name)
{
	const char *text = instruction->line.text;
	size_t length = strlen(name);

	for (const char *at = strchr(text, '$'); at; at = strchr(at + 1, '$')) {
		const char *start = at + 1 + (at[1] == '{');

		if (!strncmp(start, name, length) && !is_name_character(start[length]))
			return logical_mark(&instruction->line, (size_t)(at - text),
					    (size_t)(start - at) + length);
	}
	return instruction_mark(instruction);
}

static void check_variables(struct looking *looking, const struct step *step)
{
	const struct evaluation *evaluation = looking->evaluation;
	const struct environment *environment = &evaluation->environment;
	const char **known = arena_array(looking->linter->arena, const char *,
					 environment->count + 1);

	if (!looking->base_is_known)
		return;
	for (size_t i = 0; i < environment->count; i++)
		known[i] = environment->item[i].name;
	for (size_t i = 0; i < step->unmatched.count; i++) {
		const char *name = step->unmatched.item[i];
		const char *near = suggest(name, known, environment->count);
		bool is_declared = false;

		for (size_t k = 0; k < evaluation->arguments.count; k++)
			is_declared |= !strcmp(evaluation->arguments.item[k], name);
		if (!is_declared)
			lint_report(looking->linter, step->instruction, LINT_UNDEFINED_VAR,
				    variable_mark(step->instruction, name),
				    "Usage of undefined variable '$%s'%s%s%s", name,
				    near ? " (did you mean $" : "", near ? near : "",
				    near ? "?)" : "");
	}
}

/* Is one of the words between '_' in the name (any case) among these? */
static bool has_word(const char *name, const char *const *words, size_t count)
{
	while (*name) {
		size_t length = strcspn(name, "_");

		for (size_t i = 0; i < count; i++)
			if (strlen(words[i]) == length && !strncasecmp(words[i], name, length))
				return true;
		name += length;
		name += *name == '_';
	}
	return false;
}

static void check_secrets(struct looking *looking, const struct step *step)
{
	static const char *const secret[] = { "apikey", "auth",	    "credential", "credentials",
					      "key",	"password", "pword",	  "passwd",
					      "secret", "token" };
	static const char *const harmless[] = { "public", "file", "version" };

	for (size_t i = 0; i < step->settings.count; i++) {
		const struct setting *setting = &step->settings.item[i];

		if (has_word(setting->name, secret, array_count(secret)) &&
		    !has_word(setting->name, harmless, array_count(harmless)))
			lint_report(looking->linter, step->instruction,
				    LINT_SECRETS_USED_IN_ARG_OR_ENV,
				    word_mark(step->instruction, setting->word),
				    "Do not use ARG or ENV instructions for sensitive data "
				    "(%s \"%s\")",
				    instruction_name(step->kind), setting->name);
	}
}

static void check_once(struct looking *looking, const struct step *step)
{
	const struct instruction **last = &looking->last[step->kind];

	if (*last)
		lint_report(looking->linter, *last, LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED,
			    instruction_mark(*last),
			    "Multiple %s instructions should not be used in the same stage because "
			    "only the last one will be used",
			    step->instruction->name);
	*last = step->instruction;
}

static void check_command(struct looking *looking, const struct step *step)
{
	check_once(looking, step);
	if (!step->instruction->is_json && !looking->config->shell.count)
		lint_report(looking->linter, step->instruction, LINT_JSON_ARGS_RECOMMENDED,
			    instruction_mark(step->instruction),
			    "JSON arguments recommended for %s to prevent unintended behavior "
			    "related to OS signals",
			    step->instruction->name);
}

static void check_workdir(struct looking *looking, const struct step *step)
{
	if (!looking->sets_workdir && *step->written != '/')
		lint_report(looking->linter, step->instruction, LINT_WORKDIR_RELATIVE_PATH,
			    word_mark(step->instruction, &step->instruction->arg[0]),
			    "Relative workdir \"%s\" can have unexpected results if the base image "
			    "changes",
			    step->written);
	looking->sets_workdir = true;
}

static void check_port(struct looking *looking, const struct instruction *instruction,
		       const struct word *word)
{
	struct port_range range;

	if (port_range_parse(looking->linter->arena, word->text, &range, NULL) < 0)
		return; /* a variable, which is not looked into */
	if (!range.is_lower_case)
		lint_report(looking->linter, instruction, LINT_EXPOSE_PROTO_CASING,
			    word_mark(instruction, word),
			    "Defined protocol '%s' in EXPOSE instruction should be lowercase",
			    word->text);
	if (range.has_host_part)
		lint_report(looking->linter, instruction, LINT_EXPOSE_INVALID_FORMAT,
			    word_mark(instruction, word),
			    "EXPOSE instruction should not define an IP address or host-port "
			    "mapping, found '%s'",
			    word->text);
}

static void check_ports(struct looking *looking, const struct step *step)
{
	for (size_t i = 0; i < step->instruction->arg_count; i++)
		check_port(looking, step->instruction, &step->instruction->arg[i]);
}

/* The context itself is ignored only by patterns that leave nothing of it, whatever its name. */
static bool is_ignored(struct linter *linter, const char *path)
{
	return ignore_matches(linter->options->ignore, strcmp(path, ".") != 0 ? path : "\x01");
}

static void check_copy(struct looking *looking, const struct step *step)
{
	const struct ignore *ignore = looking->linter->options->ignore;
	const struct step_copy *copy = &step->copy;

	/* with exceptions it cannot be told without looking at the files */
	if (!ignore || ignore->has_exceptions || copy->from.kind != ORIGIN_CONTEXT)
		return;
	for (size_t i = 0; i < copy->source_count; i++) {
		const struct copy_source *source = &copy->source[i];

		if (source->kind == COPY_PATH && !copy->parents &&
		    is_ignored(looking->linter, source->path))
			lint_report(looking->linter, step->instruction, LINT_COPY_IGNORED_FILE,
				    instruction_mark(step->instruction),
				    "Attempting to %s file \"%s\" that is excluded by "
				    ".dockerignore",
				    copy->is_add ? "Add" : "Copy", source->path);
	}
}

static void check_step(struct looking *looking, const struct step *step)
{
	if (step->is_trigger)
		return; /* not in this file */
	check_variables(looking, step);
	switch (step->kind) {
	case INSTRUCTION_ADD:
	case INSTRUCTION_COPY:
		check_copy(looking, step);
		break;
	case INSTRUCTION_ARG:
	case INSTRUCTION_ENV:
		check_secrets(looking, step);
		break;
	case INSTRUCTION_CMD:
	case INSTRUCTION_ENTRYPOINT:
		check_command(looking, step);
		break;
	case INSTRUCTION_EXPOSE:
		check_ports(looking, step);
		break;
	case INSTRUCTION_HEALTHCHECK:
		check_once(looking, step);
		break;
	case INSTRUCTION_WORKDIR:
		check_workdir(looking, step);
		break;
	default:
		break;
	}
}

static int look_at_steps(struct looking *looking, struct err *err)
{
	struct evaluation *evaluation = looking->evaluation;

	for (size_t i = 0; i < evaluation->step_count; i++) {
		const struct step *step;
		int r = evaluation_step(evaluation, i, &step, err);

		/* a variable of a base that is not at hand may be what is missing */
		if (r < 0 && !looking->base_is_known && evaluation->unmatched.count) {
			err_clear(err);
			continue;
		}
		if (r < 0)
			return r;
		check_step(looking, step);
		evaluation_apply(evaluation, step);
	}
	return 0;
}

static void check_base_platform(struct looking *looking, const struct stage *stage)
{
	const struct platform actual = config_platform(looking->config);
	char wanted_text[64];
	char actual_text[64];

	if (stage->base.kind != ORIGIN_IMAGE || !actual.architecture ||
	    platform_matches(&stage->platform, &actual))
		return;
	lint_report(looking->linter, stage->from, LINT_INVALID_BASE_IMAGE_PLATFORM,
		    word_mark(stage->from, &stage->from->arg[0]),
		    "Base image %s was pulled with platform \"%s\", expected \"%s\" for current "
		    "build",
		    stage->base.name, platform_format(&actual, actual_text),
		    platform_format(&stage->platform, wanted_text));
}

/* The config a stage begins with. */
static void get_base(struct looking *looking, const struct looking *all, const struct stage *stage)
{
	const struct lint_options *options = looking->linter->options;

	if (stage->base.kind == ORIGIN_STAGE) {
		const struct looking *base = &all[stage->base.stage];

		config_copy(base->config, looking->config);
		looking->base_is_known = base->base_is_known;
		looking->sets_workdir = base->sets_workdir;
		return;
	}
	looking->base_is_known = stage->base.kind == ORIGIN_SCRATCH ||
				 (options->base_config &&
				  options->base_config(options->data, stage, looking->config) == 0);
	if (looking->base_is_known)
		check_base_platform(looking, stage);
}

static int look_at_stage(struct looking *looking, const struct looking *all,
			 const struct stage *stage, struct err *err)
{
	struct linter *linter = looking->linter;
	const struct evaluation *base = stage->base.kind == ORIGIN_STAGE
						? all[stage->base.stage].evaluation
						: NULL;
	int r;

	get_base(looking, all, stage);
	r = evaluation_begin(looking->evaluation, linter->arena, &linter->plan, stage->number,
			     looking->config, base, err);
	if (r == 0)
		r = look_at_steps(looking, err);
	if (r < 0)
		linter->lint->fault = looking->evaluation->fault;
	return r;
}

int lint_steps(struct linter *linter, struct err *err)
{
	const struct plan *plan = &linter->plan;
	struct config *configs = memory_zeroed(plan->stage_count, sizeof(*configs));
	struct looking *all = arena_array(linter->arena, struct looking, plan->stage_count);
	bool everything = !plan->options.target && !linter->options->only_needed;
	int r = 0;

	for (size_t i = 0; i < plan->stage_count && r == 0; i++) {
		all[i] = (struct looking){
			.linter = linter,
			.evaluation = arena_new(linter->arena, struct evaluation),
			.config = &configs[i],
		};
		if (everything || plan->stage[i].is_needed)
			r = look_at_stage(&all[i], all, &plan->stage[i], err);
	}
	for (size_t i = 0; i < plan->stage_count; i++)
		config_done(&configs[i]);
	free(configs);
	return r;
}
