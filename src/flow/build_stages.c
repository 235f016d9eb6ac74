// SPDX-License-Identifier: Apache-2.0
#include "flow/build_stages.h"

#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "flow/build_explain.h"
#include "flow/build_origin.h"

/* ---- telling ---- */

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void build_tell(struct built_stage *stage, struct build_event event)
{
	struct build *build = stage->build;

	pthread_mutex_lock(&build->events_lock);
	if (event.kind == BUILD_STEP)
		stage->step_number = ++build->step_number;
	event.step = stage->step_number;
	event.position = stage->position;
	if (build->events->show)
		build->events->show(build->events->context, &event);
	pthread_mutex_unlock(&build->events_lock);
}

static void tell_step(struct built_stage *built, size_t number, size_t count, const char *text)
{
	struct build *build = built->build;
	char label[64] = "";

	built->ordinal = number;
	if (build->plan.stage_count > 1)
		stage_label(built->plan, label);
	snprintf(built->position, sizeof(built->position), "[%s%s%zu/%zu]", label,
		 *label ? " " : "", number, count);
	build_tell(built, (struct build_event){ .kind = BUILD_STEP, .text = text });
}

static void tell_end(struct built_stage *built, enum build_outcome outcome, uint64_t began_ms)
{
	build_tell(built, (struct build_event){ .kind = BUILD_END,
						.outcome = outcome,
						.duration_ms = clock_ms() - began_ms });
}

static void count_step(struct build *build, bool cached)
{
	pthread_mutex_lock(&build->lock);
	build->result.step_count++;
	build->result.cached_count += cached;
	pthread_mutex_unlock(&build->lock);
}

/* ---- waiting for each other ---- */

static void take_slot(struct build *build)
{
	while (build->free_slots == 0)
		pthread_cond_wait(&build->progress, &build->lock);
	build->free_slots--;
}

static void give_slot(struct build *build)
{
	build->free_slots++;
	pthread_cond_broadcast(&build->progress);
}

/* Until that stage is done; -ECANCELED when it, or any other, failed. Called with the lock. */
static int wait_for_stage(struct build *build, size_t number)
{
	while (build->stage[number].progress == STAGE_WAITING && !build->has_failed)
		pthread_cond_wait(&build->progress, &build->lock);
	return build->has_failed ? -ECANCELED : 0;
}

static int wait_for_needs(struct built_stage *built)
{
	const struct stage *stage = built->plan;
	int r = 0;

	for (size_t i = 0; r == 0 && i < stage->need_count; i++)
		r = wait_for_stage(built->build, stage->need[i]);
	return r;
}

static void *stage_thread(void *argument);

/* With those it needs. Called with the lock. */
static int start_stage(struct build *build, size_t number, struct err *err)
{
	struct built_stage *built = &build->stage[number];
	int r = 0;

	if (built->is_started)
		return 0;
	for (size_t i = 0; r == 0 && i < built->plan->need_count; i++)
		r = start_stage(build, built->plan->need[i], err);
	if (r < 0)
		return r;
	r = pthread_create(&built->thread, NULL, stage_thread, built);
	if (r != 0)
		return fail(err, r, "start a thread for a stage");
	built->is_started = true;
	return 0;
}

/* What triggers of the base image need is known only now, and maybe nobody else needs it; the slot
 * is free meanwhile. */
static int wait_for_triggers(struct built_stage *built, struct err *err)
{
	const struct origins *origins = &built->evaluation.trigger_origins;
	struct build *build = built->build;
	int r = 0;

	pthread_mutex_lock(&build->lock);
	give_slot(build);
	for (size_t i = 0; r == 0 && i < origins->count; i++)
		if (origins->item[i].kind == ORIGIN_STAGE)
			r = start_stage(build, origins->item[i].stage, err);
	for (size_t i = 0; r == 0 && i < origins->count; i++)
		if (origins->item[i].kind == ORIGIN_STAGE)
			r = wait_for_stage(build, origins->item[i].stage);
	take_slot(build);
	pthread_mutex_unlock(&build->lock);
	return r;
}

/* ---- one stage ---- */

static int from_image(struct built_stage *built, struct err *err)
{
	const struct image *image;
	int r = build_origin_image(built, &built->plan->base, &built->plan->platform, &image, err);

	return r < 0 ? r : build_stage_from_image(&built->build->store, image, &built->state, err);
}

/* FROM a directory, an archive or a repository: its files are copied before the first step. */
static int from_files(struct built_stage *built, struct err *err)
{
	const struct stage *stage = built->plan;
	int r = build_stage_from_scratch(&built->build->store, &stage->platform, &built->state,
					 err);

	if (r < 0)
		return r;
	config_set(&built->state.config.working_dir, "/");
	strings_printf(&built->state.config.on_build, "COPY --from=%s . /", stage->base.name);
	return 0;
}

static int begin(struct built_stage *built, struct err *err)
{
	struct build *build = built->build;
	const struct stage *stage = built->plan;
	const struct built_stage *base = NULL;
	int r;

	if (stage->base.kind == ORIGIN_SCRATCH) {
		r = build_stage_from_scratch(&build->store, &stage->platform, &built->state, err);
	} else if (stage->base.kind == ORIGIN_STAGE) {
		base = &build->stage[stage->base.stage];
		r = build_stage_from_stage(&base->state, &built->state, err);
	} else if (build_origin_is_files(build, &stage->base)) {
		r = from_files(built, err);
	} else {
		r = from_image(built, err);
	}
	if (r < 0)
		return r;
	built->has_state = true;
	return evaluation_begin(&built->evaluation, &built->arena, &build->plan, stage->number,
				&built->state.config, base ? &base->evaluation : NULL, err);
}

/* An error in a step gets the instruction's place; what the step said stands below it. */
static int step_failed(struct built_stage *built, const struct source *source,
		       const struct instruction *instruction, struct err *err)
{
	struct fault fault = { 0 };
	struct buf place = { 0 };
	int r = fault_wrap(&fault, source, instruction_mark(instruction), err, "%s",
			   instruction_name(instruction->kind));

	source_excerpt(&fault, &place);
	buf_add(&place, buf_text(&built->excerpt), built->excerpt.size_bytes);
	buf_done(&built->excerpt);
	built->excerpt = place;
	return r;
}

static int one_step(struct built_stage *built, size_t i, struct err *err)
{
	const struct step *step;
	uint64_t began_ms = clock_ms();
	bool cached = false;
	int r = evaluation_step(&built->evaluation, i, &step, err);

	if (r < 0) {
		source_excerpt(&built->evaluation.fault, &built->excerpt);
		return r;
	}
	tell_step(built, i + 2, built->evaluation.step_count + 1, step->instruction->line.text);
	r = build_step(built->build, built, step, &cached, err);
	tell_end(built, r < 0 ? BUILD_FAILED : cached ? BUILD_CACHED : BUILD_DONE, began_ms);
	if (r < 0)
		return step_failed(built, step->source, step->instruction, err);
	if (step->makes_layer)
		count_step(built->build, cached);
	return 0;
}

static void add_base_to_trail(struct built_stage *built)
{
	const char *text = built->plan->from->line.text;
	char label[64];
	struct trail_step step = build_trail_step(built, text, built->state.chain, label);

	build_trail_add(&built->build->trail, &step);
	built->below = arena_printf(&built->arena, "the base image of %s", text);
}

static int build_one(struct built_stage *built, struct err *err)
{
	const struct stage *stage = built->plan;
	uint64_t began_ms = clock_ms();
	int r;

	tell_step(built, 1, stage->instruction_count + 1, stage->from->line.text);
	r = begin(built, err);
	tell_end(built, r < 0 ? BUILD_FAILED : BUILD_DONE, began_ms);
	if (r < 0)
		return step_failed(built, &built->build->dockerfile.source, stage->from, err);
	add_base_to_trail(built);
	if (built->evaluation.trigger_origins.count)
		r = wait_for_triggers(built, err);
	for (size_t i = 0; r == 0 && i < built->evaluation.step_count; i++)
		r = built->build->has_failed ? -ECANCELED : one_step(built, i, err);
	kept_done(&built->kept, &built->build->store);
	return r;
}

static void *stage_thread(void *argument)
{
	struct built_stage *built = argument;
	struct build *build = built->build;
	int r;

	pthread_mutex_lock(&build->lock);
	r = wait_for_needs(built);
	take_slot(build);
	pthread_mutex_unlock(&build->lock);
	if (r == 0)
		r = build_one(built, &built->err);
	pthread_mutex_lock(&build->lock);
	built->progress = r == 0 ? STAGE_DONE : STAGE_FAILED;
	build->has_failed |= r < 0;
	give_slot(build);
	pthread_mutex_unlock(&build->lock);
	return NULL;
}

/* ---- all of them ---- */

static int start_stages(struct build *build, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&build->lock);
	for (size_t i = 0; r == 0 && i < build->plan.stage_count; i++)
		if (build->plan.stage[i].is_needed)
			r = start_stage(build, i, err);
	if (r < 0) {
		build->has_failed = true;
		pthread_cond_broadcast(&build->progress);
	}
	pthread_mutex_unlock(&build->lock);
	return r;
}

/* The last one first: a stage can be started only by one that comes after it. */
static void join_stages(struct build *build)
{
	for (size_t i = build->plan.stage_count; i-- > 0;)
		if (build->stage[i].is_started)
			pthread_join(build->stage[i].thread, NULL);
}

/* Stages that only were cancelled have nothing to say. */
static int first_failure(struct build *build, struct err *err)
{
	for (size_t i = 0; i < build->plan.stage_count; i++) {
		const struct built_stage *built = &build->stage[i];

		if (built->progress != STAGE_FAILED || !built->err.code)
			continue;
		buf_add(build->excerpt, buf_text(&built->excerpt), built->excerpt.size_bytes);
		*err = built->err;
		return -err->code;
	}
	return 0;
}

/* --no-cache and --no-cache=STAGE; a name that is no stage's is a mistake. */
static int choose_cached(struct build *build, struct err *err)
{
	const struct strings *names = &build->request->no_cache_stages;

	for (size_t i = 0; i < build->plan.stage_count; i++)
		build->stage[i].no_cache = build->request->no_cache;
	for (size_t i = 0; i < names->count; i++) {
		struct origin origin;
		int r = plan_origin(&build->plan, build->plan.stage_count, names->item[i], &origin,
				    err);

		if (r == 0 && origin.kind != ORIGIN_STAGE)
			r = fail_plain(err, EINVAL, "there is no such stage");
		if (r < 0)
			return err_wrap(err, "--no-cache '%s'", names->item[i]);
		build->stage[origin.stage].no_cache = true;
	}
	return 0;
}

int build_stages(struct build *build, struct err *err)
{
	size_t count = build->plan.stage_count;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int r;

	build_caches_begin_platform(build);
	build->stage = arena_array(&build->arena, struct built_stage, count);
	for (size_t i = 0; i < count; i++) {
		build->stage[i].build = build;
		build->stage[i].plan = &build->plan.stage[i];
	}
	build->free_slots = build->request->jobs;
	if (!build->free_slots)
		build->free_slots = processors > 0 ? (uint64_t)processors : 1;
	r = choose_cached(build, err);
	if (r == 0) {
		r = start_stages(build, err);
		join_stages(build);
	}
	return r < 0 ? r : first_failure(build, err);
}

void build_stages_done(struct build *build)
{
	for (size_t i = 0; build->stage && i < build->plan.stage_count; i++) {
		struct built_stage *built = &build->stage[i];

		if (built->has_state)
			build_stage_done(&built->state);
		buf_done(&built->excerpt);
		arena_done(&built->arena);
	}
	build->stage = NULL;
}
