// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/outline.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "dockerfile/list.h"

/* What follows `name` in a comment that begins with it. */
static const char *description_of(struct arena *arena, const struct instruction *instruction,
				  const char *name, size_t length)
{
	for (size_t i = 0; length && i < instruction->line.comment_count; i++) {
		const char *text = instruction->line.comment[i].text;

		if (strncmp(text, name, length) == 0 && text[length] == ' ')
			return arena_copy(arena, text + length + 1);
	}
	return NULL;
}

/* ---- targets ---- */

static const char *flag_value(const struct instruction *instruction, const char *name)
{
	for (size_t i = 0; i < instruction->flag_count; i++)
		if (strcmp(instruction->flag[i].name, name) == 0)
			return instruction->flag[i].value;
	return NULL;
}

static const char *stage_description(struct arena *arena, const struct stage *stage)
{
	return stage->name ? description_of(arena, stage->from, stage->name, strlen(stage->name))
			   : NULL;
}

void outline_targets(struct arena *arena, const struct plan *plan,
		     struct outline_target **ret_targets, size_t *ret_count)
{
	struct outline_target *targets = arena_array(arena, struct outline_target,
						     plan->stage_count);

	for (size_t i = 0; i < plan->stage_count; i++) {
		const struct stage *stage = &plan->stage[i];

		targets[i] = (struct outline_target){
			.name = stage->name,
			.description = stage_description(arena, stage),
			.base = stage->from->arg[0].text,
			.platform = flag_value(stage->from, "platform"),
			.is_default = i + 1 == plan->stage_count,
			.at = instruction_mark(stage->from),
		};
	}
	*ret_targets = targets;
	*ret_count = plan->stage_count;
}

/* ---- outline ---- */

struct looking {
	struct arena *arena;
	const struct plan *plan;
	struct outline *outline;
	struct evaluation *evaluation; /* of the stages, by number */
	struct config *config;
	bool *base_is_known;
};

static void add(struct looking *looking, struct outline_items *items, struct outline_item item)
{
	for (size_t i = 0; i < items->count; i++) {
		if (strcmp(items->item[i].name, item.name) != 0)
			continue;
		items->item[i].is_required |= item.is_required;
		return;
	}
	*list_add(looking->arena, items->item, items->count) = item;
}

static void add_arguments(struct looking *looking, const struct instruction *instruction,
			  const struct environment *environment)
{
	for (size_t i = 0; i < instruction->arg_count; i++) {
		const struct word *word = &instruction->arg[i];
		size_t length = strcspn(word->text, "=");
		const char *name = arena_copy_bytes(looking->arena, word->text, length);

		add(looking, &looking->outline->args,
		    (struct outline_item){
			    .name = name,
			    .value = arena_copy(looking->arena, environment_get(environment, name)),
			    .description = description_of(looking->arena, instruction, name,
							  length),
			    .at = word_mark(instruction, word),
		    });
	}
}

static void add_mount(struct looking *looking, const struct step *step,
		      const struct step_mount *mount)
{
	struct outline *outline = looking->outline;
	const struct outline_item item = { .name = mount->id,
					   .is_required = mount->is_required,
					   .at = instruction_mark(step->instruction) };

	switch (mount->kind) {
	case MOUNT_CACHE:
		add(looking, &outline->caches, item);
		break;
	case MOUNT_SECRET:
		add(looking, &outline->secrets, item);
		break;
	case MOUNT_SSH:
		add(looking, &outline->ssh, item);
		break;
	case MOUNT_BIND:
	case MOUNT_TMPFS:
		break;
	}
}

/* ARGs before the first FROM count where a FROM line that is needed uses them. */
static void add_global_arguments(struct looking *looking, const struct names *used)
{
	const struct dockerfile *dockerfile = looking->plan->dockerfile;

	for (size_t i = 0; i < dockerfile->instruction_count; i++) {
		const struct instruction *instruction = dockerfile->instruction[i];

		if (instruction->kind == INSTRUCTION_FROM)
			break;
		if (instruction->kind != INSTRUCTION_ARG)
			continue;
		for (size_t j = 0; j < used->count; j++)
			for (size_t k = 0; k < instruction->arg_count; k++)
				if (strncmp(instruction->arg[k].text, used->item[j],
					    strlen(used->item[j])) == 0 &&
				    strchr("=", instruction->arg[k].text[strlen(used->item[j])]))
					add_arguments(looking, instruction,
						      &looking->plan->globals);
	}
}

static int look_at_step(struct looking *looking, size_t number, size_t i, struct err *err)
{
	struct evaluation *evaluation = &looking->evaluation[number];
	const struct step *step;
	int r = evaluation_step(evaluation, i, &step, err);

	/* a variable of a base that is not at hand may be what is missing */
	if (r < 0 && !looking->base_is_known[number] && evaluation->unmatched.count) {
		const struct eval_item *item = &evaluation->item[i];

		err_clear(err);
		if (item->instruction->kind == INSTRUCTION_ARG && !item->is_trigger)
			add_arguments(looking, item->instruction, &evaluation->environment);
		return 0;
	}
	if (r < 0)
		return r;
	evaluation_apply(evaluation, step);
	if (step->kind == INSTRUCTION_ARG && !step->is_trigger)
		add_arguments(looking, step->instruction, &evaluation->environment);
	for (size_t j = 0; step->kind == INSTRUCTION_RUN && j < step->run.mount_count; j++)
		add_mount(looking, step, &step->run.mount[j]);
	return 0;
}

static int look_at_stage(struct looking *looking, const struct stage *stage, struct err *err)
{
	struct evaluation *evaluation = &looking->evaluation[stage->number];
	const struct evaluation *base = stage->base.kind == ORIGIN_STAGE
						? &looking->evaluation[stage->base.stage]
						: NULL;
	int r;

	add_global_arguments(looking, &stage->base_matched);
	add_global_arguments(looking, &stage->platform_matched);
	r = evaluation_begin(evaluation, looking->arena, looking->plan, stage->number,
			     &looking->config[stage->number], base, err);
	for (size_t i = 0; r == 0 && i < evaluation->step_count; i++)
		r = look_at_step(looking, stage->number, i, err);
	return r;
}

/* The config a stage begins with. */
static void get_base(struct looking *looking, const struct stage *stage,
		     int (*base_config)(void *data, const struct stage *stage,
					struct config *ret_config),
		     void *data)
{
	struct config *config = &looking->config[stage->number];
	bool is_known = stage->base.kind == ORIGIN_SCRATCH;

	if (stage->base.kind == ORIGIN_STAGE) {
		config_copy(&looking->config[stage->base.stage], config);
		is_known = looking->base_is_known[stage->base.stage];
	} else if (!is_known && base_config) {
		is_known = base_config(data, stage, config) == 0;
	}
	looking->base_is_known[stage->number] = is_known;
}

static int compare(const void *left, const void *right)
{
	const struct outline_item *a = left;
	const struct outline_item *b = right;

	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.column != b->at.column)
		return a->at.column < b->at.column ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void sort(struct outline_items *items)
{
	if (items->count)
		qsort(items->item, items->count, sizeof(*items->item), compare);
}

int outline_make(struct arena *arena, const struct plan *plan,
		 int (*base_config)(void *data, const struct stage *stage,
				    struct config *ret_config),
		 void *data, struct outline *ret_outline, struct fault *ret_fault, struct err *err)
{
	const struct stage *target = &plan->stage[plan->target];
	auto_free struct config *configs = memory_zeroed(plan->stage_count, sizeof(*configs));
	struct outline outline = { .name = target->name,
				   .description = stage_description(arena, target) };
	struct looking looking = {
		.arena = arena,
		.plan = plan,
		.outline = &outline,
		.evaluation = arena_array(arena, struct evaluation, plan->stage_count),
		.config = configs,
		.base_is_known = arena_array(arena, bool, plan->stage_count),
	};
	int r = 0;

	for (size_t i = 0; i < plan->stage_count && r == 0; i++) {
		if (!plan->stage[i].is_needed)
			continue;
		get_base(&looking, &plan->stage[i], base_config, data);
		r = look_at_stage(&looking, &plan->stage[i], err);
		if (r < 0)
			*ret_fault = looking.evaluation[i].fault;
	}
	for (size_t i = 0; i < plan->stage_count; i++)
		config_done(&configs[i]);
	sort(&outline.args);
	sort(&outline.secrets);
	sort(&outline.ssh);
	sort(&outline.caches);
	if (r == 0)
		*ret_outline = outline;
	return r;
}
