/* SPDX-License-Identifier: Apache-2.0 */
/* A stage, step by step: each instruction with its variables replaced, given what the base image
 * and the steps before it say.
 *
 * The values of variables depend on the base image's Env and on every ENV and ARG above, so steps
 * are made one at a time and change the image's config when the build says that they are done:
 *
 *	evaluation_begin(&evaluation, &plan, stage, &config, base);	// config: the base's
 *	for (i = 0; i < evaluation.step_count; i++) {
 *		evaluation_step(&evaluation, i, &step, err);
 *		... run it, or find its result in the cache ...
 *		evaluation_apply(&evaluation, step);			// changes config
 *	}
 *
 * The config is the caller's; its Env, WorkingDir, Shell and OnBuild are read and written, layers
 * and history are not touched. Stages may be evaluated in different threads, each with an arena of
 * its own. No I/O. Source: Dockerfile reference; details as in BuildKit. */
#ifndef DOCKERFILE_EVAL_H
#define DOCKERFILE_EVAL_H

#include "dockerfile/plan.h"
#include "dockerfile/step.h"
#include "image/config.h"

#define EVAL_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* An instruction to be carried out, and the text it was read from. */
struct eval_item {
	const struct instruction *instruction;
	const struct source *source;
	bool is_trigger;
};

struct evaluation {
	struct arena *arena;
	const struct plan *plan;
	const struct stage *stage;
	struct config *config;		/* borrowed */
	struct environment environment; /* ENV and ARG as they are now: what RUN and words see */
	struct texts arguments; /* the ARGs declared so far, by name, those of the base too */
	struct eval_item *item; /* triggers of the base first */
	size_t step_count;
	struct origins trigger_origins; /* what the triggers take files from: stages among them must
					 * be built before the first step */
	bool sets_cmd;			/* CMD was given in this stage */
	struct names unmatched; /* the last step's variables without a value, failed or not */
	struct fault fault;	/* where the last error was */
};

/* Begin a stage. `config` is what the stage starts with: a copy of the base image's config, of the
 * final config of the stage `base` when it begins with another stage (else NULL), or an empty one
 * for scratch; `base` and its arena must live as long. Its ONBUILD triggers become the first steps
 * and are taken out of it; PATH is set if the image has none. */
int evaluation_begin(struct evaluation *ret_evaluation, struct arena *arena,
		     const struct plan *plan, size_t stage, struct config *config,
		     const struct evaluation *base, struct err *err) must_check;

/* Step i, given that all before it were applied. On failure evaluation->fault says where. */
int evaluation_step(struct evaluation *evaluation, size_t i, const struct step **ret_step,
		    struct err *err) must_check;

/* The step was carried out: write what it says into the config, and let the following see it. */
void evaluation_apply(struct evaluation *evaluation, const struct step *step);

#endif
