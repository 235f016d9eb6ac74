// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/plan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "dockerfile/check.h"
#include "dockerfile/list.h"
#include "dockerfile/origin.h"
#include "dockerfile/suggest.h"

struct planner {
	struct plan *plan;
	struct arena *arena;
	const struct dockerfile *dockerfile;
	struct err *err;
};

#define refuse_at(planner, mark, ...)                                                           \
	fault_at(&(planner)->plan->fault, &(planner)->dockerfile->source, mark, (planner)->err, \
		 __VA_ARGS__)
#define wrap_at(planner, mark, ...)                                                               \
	fault_wrap(&(planner)->plan->fault, &(planner)->dockerfile->source, mark, (planner)->err, \
		   __VA_ARGS__)

bool is_predefined_argument(const char *name)
{
	static const char *const names[] = { "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY",
					     "ALL_PROXY" };

	for (size_t i = 0; i < array_count(names); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

const char *stage_label(const struct stage *stage, char text[64])
{
	if (stage->name)
		snprintf(text, 64, "%s", stage->name);
	else
		snprintf(text, 64, "stage-%zu", stage->number);
	return text;
}

/* --- what stands before the first FROM --- */

static void set_platform_arguments(struct planner *planner, const char *prefix,
				   const struct platform *platform)
{
	struct environment *globals = &planner->plan->globals;
	char text[64];
	const struct {
		const char *name;
		const char *value;
	} arguments[] = {
		{ "PLATFORM", platform_format(platform, text) },
		{ "OS", platform->os },
		{ "OSVERSION", platform->os_version },
		{ "ARCH", platform->architecture },
		{ "VARIANT", platform->variant },
	};

	for (size_t i = 0; i < array_count(arguments); i++)
		environment_set(globals,
				arena_printf(planner->arena, "%s%s", prefix, arguments[i].name),
				arguments[i].value ? arguments[i].value : "");
}

/* Platform arguments are there without ARG in FROM lines, and a build argument overrides them. */
static void set_predefined(struct planner *planner)
{
	struct plan *plan = planner->plan;

	set_platform_arguments(planner, "BUILD", &plan->options.build_platform);
	set_platform_arguments(planner, "TARGET", &plan->options.target_platform);
	environment_set(&plan->globals, "TARGETSTAGE",
			plan->options.target ? plan->options.target : "default");
	for (size_t i = 0; i < plan->globals.count; i++) {
		const char *given = environment_get(&plan->build_args, plan->globals.item[i].name);

		if (given)
			plan->globals.item[i].value = given;
	}
}

static int expand(struct planner *planner, const struct instruction *instruction,
		  const struct word *word, struct expansion *expansion, const char **ret_text)
{
	const struct variables globals = environment_variables(&planner->plan->globals);
	size_t offset = word->offset;
	struct mark mark;
	int r;

	expansion->arena = planner->arena;
	expansion->escape = planner->dockerfile->escape;
	expansion->variables = &globals;
	r = expand_word(expansion, word->text, ret_text, planner->err);
	expansion->variables = NULL;
	if (r == 0)
		return 0;
	if (word->width) /* else the value of a flag: its place is that of the flag */
		offset += expansion->fault_offset;
	mark = logical_mark(&instruction->line, offset, 1);
	return wrap_at(planner, mark, "%s", instruction_name(instruction->kind));
}

/* The part of a word from `text` on, which must point into it. */
static struct word tail_of(const struct word *word, const char *text)
{
	size_t skipped = (size_t)(text - word->text);

	return (struct word){ text, word->size_bytes - skipped, word->offset + skipped,
			      word->width - skipped };
}

static int take_global(struct planner *planner, const struct instruction *instruction,
		       const struct word *word)
{
	const char *equals = strchr(word->text, '=');
	size_t length = equals ? (size_t)(equals - word->text) : word->size_bytes;
	const char *name = arena_copy_bytes(planner->arena, word->text, length);
	const char *value = environment_get(&planner->plan->build_args, name);

	if (!value && equals) {
		struct word tail = tail_of(word, equals + 1);
		struct expansion expansion = { 0 };
		int r = expand(planner, instruction, &tail, &expansion, &value);

		if (r < 0)
			return r;
	}
	if (value)
		environment_set(&planner->plan->globals, name, value);
	return 0;
}

/* *ret_next is the index of the first FROM. */
static int take_globals(struct planner *planner, size_t *ret_next)
{
	const struct dockerfile *dockerfile = planner->dockerfile;
	size_t i;

	for (i = 0; i < dockerfile->instruction_count; i++) {
		const struct instruction *instruction = dockerfile->instruction[i];

		if (instruction->kind == INSTRUCTION_FROM)
			break;
		if (instruction->kind != INSTRUCTION_ARG)
			return refuse_at(planner, instruction_mark(instruction),
					 "%s stands before the first FROM: only ARG may",
					 instruction_name(instruction->kind));
		for (size_t k = 0; k < instruction->arg_count; k++) {
			int r = take_global(planner, instruction, &instruction->arg[k]);

			if (r < 0)
				return r;
		}
	}
	*ret_next = i;
	return 0;
}

/* --- stages --- */

static const char *lower(struct arena *arena, const char *text)
{
	char *copy = arena_copy(arena, text);

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static int set_platform(struct planner *planner, struct stage *stage)
{
	const struct flag *flag = flag_find(stage->from, "platform");
	struct expansion expansion = { 0 };
	struct mark mark;
	const char *text;

	stage->platform = planner->plan->options.target_platform;
	if (!flag)
		return 0;
	mark = word_mark(stage->from, &flag->word);
	/* the flag's quotes are gone already: its place is only that of the whole flag */
	struct word word = { flag->value, strlen(flag->value), flag->word.offset, 0 };

	if (expand(planner, stage->from, &word, &expansion, &text) < 0)
		return -EINVAL;
	stage->platform_matched = expansion.matched;
	stage->platform_unmatched = expansion.unmatched;
	if (!*text)
		return refuse_at(planner, mark, "FROM: empty platform value from expression %s",
				 flag->value);
	if (platform_parse(text, planner->arena, &stage->platform, planner->err) < 0)
		return wrap_at(planner, mark, "FROM: --platform");
	stage->has_platform = true;
	return 0;
}

static int set_base(struct planner *planner, struct stage *stage)
{
	const struct word *word = &stage->from->arg[0];
	struct expansion expansion = { 0 };
	const char *name;
	size_t base;

	if (expand(planner, stage->from, word, &expansion, &name) < 0)
		return -EINVAL;
	stage->base_matched = expansion.matched;
	stage->base_unmatched = expansion.unmatched;
	if (!*name) {
		refuse_at(planner, word_mark(stage->from, word),
			  "FROM: base name (%s) should not be blank", word->text);
		if (expansion.unmatched.count)
			err_hint(planner->err,
				 "$%s has no value: give it one with ARG before the first FROM, "
				 "or with --build-arg",
				 expansion.unmatched.item[0]);
		return -EINVAL;
	}
	base = plan_find_stage(planner->plan, name, stage->number);
	if (base < stage->number)
		stage->base = (struct origin){ ORIGIN_STAGE, base, name };
	else
		stage->base = plan_origin_of_name(planner->plan, name);
	if (stage->base.kind == ORIGIN_IMAGE && plan_check_image(name, planner->err) < 0)
		return wrap_at(planner, word_mark(stage->from, word), "FROM");
	return 0;
}

/* A named context of a stage's own name stands in for all of it. */
static void replace_by_context(struct planner *planner, struct stage *stage)
{
	const char *context = stage->name ? plan_find_context(planner->plan, stage->name) : NULL;

	if (!context)
		return;
	stage->base = (struct origin){ .kind = ORIGIN_NAMED_CONTEXT, .name = context };
	stage->instruction_count = 0;
	stage->is_replaced = true;
}

static int add_stage(struct planner *planner, size_t at)
{
	const struct dockerfile *dockerfile = planner->dockerfile;
	struct plan *plan = planner->plan;
	struct stage stage = {
		.number = plan->stage_count,
		.from = dockerfile->instruction[at],
		.instruction = dockerfile->instruction + at + 1,
	};
	int r;

	if (plan->stage_count == PLAN_STAGES_MAX)
		return refuse_at(planner, instruction_mark(stage.from), "more than %d stages",
				 PLAN_STAGES_MAX);
	while (at + 1 + stage.instruction_count < dockerfile->instruction_count &&
	       stage.instruction[stage.instruction_count]->kind != INSTRUCTION_FROM)
		stage.instruction_count++;
	if (stage.from->arg_count == 3)
		stage.name = lower(planner->arena, stage.from->arg[2].text);
	r = set_base(planner, &stage);
	if (r == 0)
		r = set_platform(planner, &stage);
	if (r < 0)
		return r;
	replace_by_context(planner, &stage);
	*list_add(planner->arena, plan->stage, plan->stage_count) = stage;
	return 0;
}

/* --- what a stage needs --- */

static void add_need(struct planner *planner, struct stage *stage, size_t need)
{
	size_t at = 0;

	while (at < stage->need_count && stage->need[at] < need)
		at++;
	if (at < stage->need_count && stage->need[at] == need)
		return;
	(void)list_add(planner->arena, stage->need, stage->need_count);
	memmove(stage->need + at + 1, stage->need + at,
		(stage->need_count - 1 - at) * sizeof(*stage->need));
	stage->need[at] = need;
}

static int add_needs_of(struct planner *planner, struct stage *stage,
			const struct instruction *instruction)
{
	struct origins origins = { 0 };
	struct mark mark = instruction_mark(instruction);

	if (plan_instruction_origins(planner->plan, planner->arena, stage->number, instruction,
				     &origins, planner->err) < 0)
		return wrap_at(planner, mark, "%s", instruction_name(instruction->kind));
	for (size_t i = 0; i < origins.count; i++) {
		if (origins.item[i].kind != ORIGIN_STAGE)
			continue;
		if (origins.item[i].stage == stage->number)
			return refuse_at(planner, mark, "%s: a stage cannot take files from itself",
					 instruction_name(instruction->kind));
		add_need(planner, stage, origins.item[i].stage);
	}
	return 0;
}

static int add_needs(struct planner *planner, struct stage *stage)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < stage->instruction_count; i++)
		r = add_needs_of(planner, stage, stage->instruction[i]);
	if (r < 0 || stage->base.kind != ORIGIN_STAGE)
		return r;
	const struct stage *base = &planner->plan->stage[stage->base.stage];

	add_need(planner, stage, base->number);
	for (size_t i = 0; r == 0 && i < base->instruction_count; i++)
		if (base->instruction[i]->trigger)
			r = add_needs_of(planner, stage, base->instruction[i]->trigger);
	return r;
}

static int find_target(struct planner *planner)
{
	struct plan *plan = planner->plan;
	const char *name = plan->options.target;
	const char **names;
	const char *near;
	size_t count = 0;
	uint32_t number;

	plan->target = plan->stage_count - 1;
	if (!name)
		return 0;
	plan->target = plan_find_stage(plan, name, plan->stage_count);
	if (plan->target < plan->stage_count)
		return 0;
	if (number_parse_u32(name, &number) == 0 && number < plan->stage_count) {
		plan->target = number;
		return 0;
	}
	names = arena_array(planner->arena, const char *, plan->stage_count);
	for (size_t i = 0; i < plan->stage_count; i++)
		if (plan->stage[i].name)
			names[count++] = plan->stage[i].name;
	near = suggest(name, names, count);
	return fail_plain(planner->err, EINVAL, "%s: target stage \"%s\" could not be found%s%s%s",
			  planner->dockerfile->source.name, name, near ? " (did you mean " : "",
			  near ? near : "", near ? "?)" : "");
}

/* The instruction that makes a stage need another one. */
static const struct instruction *find_need(struct planner *planner, const struct stage *stage,
					   size_t need)
{
	for (size_t i = 0; i < stage->instruction_count; i++) {
		struct origins origins = { 0 };

		if (plan_instruction_origins(planner->plan, planner->arena, stage->number,
					     stage->instruction[i], &origins, NULL) < 0)
			continue;
		for (size_t k = 0; k < origins.count; k++)
			if (origins.item[k].kind == ORIGIN_STAGE && origins.item[k].stage == need)
				return stage->instruction[i];
	}
	return stage->from; /* a trigger of the stage it begins with */
}

/* Needs point to earlier stages only, so one pass from the target down marks them all. */
static int mark_needed(struct planner *planner)
{
	struct plan *plan = planner->plan;

	plan->stage[plan->target].is_needed = true;
	for (size_t i = plan->target + 1; i > 0; i--) {
		const struct stage *stage = &plan->stage[i - 1];
		char label[64];
		char other[64];

		for (size_t k = 0; stage->is_needed && k < stage->need_count; k++) {
			struct stage *need = &plan->stage[stage->need[k]];

			if (need->number >= stage->number)
				return refuse_at(
					planner,
					instruction_mark(find_need(planner, stage, need->number)),
					"cannot copy from stage %s: it needs to be "
					"defined before stage %s",
					stage_label(need, other), stage_label(stage, label));
			need->is_needed = true;
		}
	}
	return 0;
}

/* --- the whole --- */

static bool declares(const struct instruction *instruction, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < instruction->arg_count; i++) {
		const char *text = instruction->arg[i].text;

		if (!strncmp(text, name, length) && (!text[length] || text[length] == '='))
			return true;
	}
	return false;
}

/* What the build itself looks at. */
static bool is_for_the_builder(const char *name)
{
	return is_predefined_argument(name) || text_starts(name, "BUILDKIT_") ||
	       !strcmp(name, "SOURCE_DATE_EPOCH");
}

static void find_unused_arguments(struct planner *planner)
{
	const struct dockerfile *dockerfile = planner->dockerfile;
	struct plan *plan = planner->plan;

	for (size_t i = 0; i < plan->build_args.count; i++) {
		const char *name = plan->build_args.item[i].name;
		bool used = is_for_the_builder(name) || environment_get(&plan->globals, name);

		for (size_t k = 0; !used && k < dockerfile->instruction_count; k++) {
			const struct instruction *instruction = dockerfile->instruction[k];

			if (instruction->trigger)
				instruction = instruction->trigger;
			used = instruction->kind == INSTRUCTION_ARG && declares(instruction, name);
		}
		if (!used)
			texts_add(planner->arena, &plan->unused_args, name);
	}
}

static int check_all(struct planner *planner)
{
	const struct dockerfile *dockerfile = planner->dockerfile;

	for (size_t i = 0; i < dockerfile->instruction_count; i++) {
		int r = instruction_check(dockerfile->instruction[i], &dockerfile->source,
					  &planner->plan->fault, planner->err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int make_stages(struct planner *planner)
{
	const struct dockerfile *dockerfile = planner->dockerfile;
	struct plan *plan = planner->plan;
	size_t at = 0;
	int r;

	r = take_globals(planner, &at);
	for (; r == 0 && at < dockerfile->instruction_count; at++)
		if (dockerfile->instruction[at]->kind == INSTRUCTION_FROM)
			r = add_stage(planner, at);
	if (r < 0)
		return r;
	if (!plan->stage_count)
		return fail_plain(planner->err, EINVAL,
				  "%s: dockerfile contains no stages to build (there is no FROM)",
				  dockerfile->source.name);
	for (size_t i = 0; r == 0 && i < plan->stage_count; i++)
		r = add_needs(planner, &plan->stage[i]);
	return r;
}

int plan_make(struct arena *arena, const struct dockerfile *dockerfile,
	      const struct plan_options *options, struct plan *ret_plan, struct err *err)
{
	struct planner planner = { ret_plan, arena, dockerfile, err };
	struct plan *plan = ret_plan;
	int r;

	*plan = (struct plan){
		.arena = arena,
		.dockerfile = dockerfile,
		.options = *options,
		.build_args = { .arena = arena },
		.globals = { .arena = arena },
	};
	if (options->build_args)
		strings_each(options->build_args, text)
			environment_set_text(&plan->build_args, text);
	set_predefined(&planner);
	r = check_all(&planner);
	if (r == 0)
		r = make_stages(&planner);
	if (r == 0)
		r = find_target(&planner);
	if (r == 0)
		r = mark_needed(&planner);
	if (r == 0)
		find_unused_arguments(&planner);
	return r;
}

int plan_default_base(const struct plan *plan, struct arena *arena, size_t stage,
		      const char **ret_name, struct err *err)
{
	struct plan defaults = {
		.arena = arena,
		.dockerfile = plan->dockerfile,
		.options = plan->options,
		.build_args = { .arena = arena },
		.globals = { .arena = arena },
	};
	struct planner planner = { &defaults, arena, plan->dockerfile, err };
	const struct instruction *from = plan->stage[stage].from;
	struct expansion expansion = { 0 };
	size_t at;
	int r;

	set_predefined(&planner);
	r = take_globals(&planner, &at);
	return r == 0 ? expand(&planner, from, &from->arg[0], &expansion, ret_name) : r;
}
