// SPDX-License-Identifier: Apache-2.0
/* A whole Dockerfile: parsed, planned, every stage evaluated, and checked. What must hold besides
 * memory safety: a fault or finding lies within its source, and drawing it works. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"

#include "dockerfile/eval.h"
#include "dockerfile/lint.h"

#define STAGES_MAX 8
#define STEPS_MAX  200

struct run {
	struct arena arena;
	struct plan plan;
	struct config config[STAGES_MAX];
	struct evaluation evaluation[STAGES_MAX];
	struct strings build_args;
};

static void check_place(const struct fault *fault)
{
	auto_buf excerpt = { 0 };
	unsigned lines = 1;

	if (!fault->source)
		return;
	for (size_t i = 0; i < fault->source->size_bytes; i++)
		lines += fault->source->text[i] == '\n';
	assert(fault->at.line >= 1 && fault->at.line <= lines);
	assert(fault->at.column <= fault->source->size_bytes + 1);
	source_excerpt(fault, &excerpt);
}

static void check_fault(const struct fault *fault, const struct err *err)
{
	assert(err->code > 0 && *err->text);
	check_place(fault);
}

static void begin_config(struct run *run, const struct stage *stage)
{
	struct config *config = &run->config[stage->number];

	if (stage->base.kind == ORIGIN_STAGE) {
		config_copy(&run->config[stage->base.stage], config);
		return;
	}
	strings_add(&config->env, "BASE=x y");
	strings_add(&config->on_build, "ENV TRIGGER=$BASE");
	config_set(&config->working_dir, "w//d/");
}

static int run_stage(struct run *run, const struct stage *stage)
{
	struct evaluation *evaluation = &run->evaluation[stage->number];
	const struct evaluation *base = stage->base.kind == ORIGIN_STAGE
						? &run->evaluation[stage->base.stage]
						: NULL;
	struct err err = { 0 };
	int r;

	begin_config(run, stage);
	r = evaluation_begin(evaluation, &run->arena, &run->plan, stage->number,
			     &run->config[stage->number], base, &err);
	for (size_t i = 0; r == 0 && i < evaluation->step_count && i < STEPS_MAX; i++) {
		const struct step *step;

		r = evaluation_step(evaluation, i, &step, &err);
		if (r == 0) {
			assert(step->created_by);
			evaluation_apply(evaluation, step);
		}
	}
	if (r < 0)
		check_fault(&evaluation->fault, &err);
	return r;
}

static void run_plan(struct run *run, const struct dockerfile *dockerfile)
{
	const struct plan_options options = {
		.build_args = &run->build_args,
		.build_platform = { "linux", "amd64", NULL, NULL },
		.target_platform = { "linux", "arm64", "v8", NULL },
	};
	struct err err = { 0 };

	if (plan_make(&run->arena, dockerfile, &options, &run->plan, &err) < 0) {
		check_fault(&run->plan.fault, &err);
		return;
	}
	for (size_t i = 0; i < run->plan.stage_count && i < STAGES_MAX; i++)
		if (run->plan.stage[i].is_needed && run_stage(run, &run->plan.stage[i]) < 0)
			return;
}

static void run_lint(struct run *run, const struct dockerfile *dockerfile)
{
	const struct plan_options options = {
		.build_platform = { "linux", "amd64", NULL, NULL },
		.target_platform = { "linux", "amd64", NULL, NULL },
	};
	const struct lint_options lint_options = { .plan = &options, .experimental = true };
	struct lint lint;
	struct err err = { 0 };

	if (lint_dockerfile(&run->arena, dockerfile, &lint_options, &lint, &err) < 0)
		check_fault(&lint.fault, &err);
	for (size_t i = 0; i < lint.count; i++) {
		const struct fault fault = { &dockerfile->source, lint.finding[i].at };

		assert(*lint.finding[i].message);
		check_place(&fault);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct run run = { 0 };
	struct dockerfile dockerfile;
	struct err err = { 0 };

	strings_add(&run.build_args, "GIVEN=a\"b'c");
	strings_add(&run.build_args, "http_proxy=p");
	if (dockerfile_parse(&run.arena, "Dockerfile", (const char *)data, size_bytes, &dockerfile,
			     &err) < 0) {
		check_fault(&dockerfile.fault, &err);
	} else {
		run_plan(&run, &dockerfile);
		run_lint(&run, &dockerfile);
	}
	for (size_t i = 0; i < STAGES_MAX; i++)
		config_done(&run.config[i]);
	strings_done(&run.build_args);
	arena_done(&run.arena);
	return 0;
}
