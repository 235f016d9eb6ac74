/* SPDX-License-Identifier: Apache-2.0 */
/* What a build holds while it runs; shared by build*.c and nobody else. */
#ifndef FLOW_BUILD_STATE_H
#define FLOW_BUILD_STATE_H

#include <pthread.h>

#include "base/map.h"
#include "dockerfile/eval.h"
#include "engine/engine.h"
#include "flow/build.h"
#include "flow/build_annotations.h"
#include "flow/build_caches.h"
#include "flow/build_context.h"
#include "flow/build_stage.h"
#include "flow/build_trail.h"
#include "rootfs/kept.h"

struct opened; /* build_origin.c */
struct named_context;

enum stage_progress { STAGE_WAITING, STAGE_DONE, STAGE_FAILED };

struct built_stage {
	struct build *build;
	const struct stage *plan;
	struct build_stage state;
	struct kept kept;   /* where layers cannot be stacked: a copy of them to run steps in */
	struct arena arena; /* of the evaluation */
	struct evaluation evaluation;
	bool has_state;
	enum stage_progress progress; /* this and the next two under build->lock */
	bool is_started;
	pthread_t thread;
	char position[192];   /* of the step under way, for people */
	unsigned step_number; /* the same for programs */
	size_t ordinal;	      /* the same within the stage; FROM is 1 */
	const char *below;    /* the step that made what the next stands on, for people */
	bool no_cache;
	struct buf excerpt; /* of the failure */
	struct err err;
};

/* What the build comes to for one platform. */
struct build_platform {
	struct platform platform; /* asked for */
	struct plan plan;
	struct descriptor manifest; /* with the platform that the image says it is for */
	struct digest image_id;
};

struct build {
	const struct build_request *request;
	const struct build_events *events;
	struct build_findings *check;	    /* not NULL: nothing is to be built, only checked */
	struct build_description *describe; /* not NULL: or described */
	struct store store;
	struct arena arena;
	struct strings build_args;    /* NAME=VALUE, for the plan */
	struct strings context_names; /* of --build-context */
	struct dockerfile dockerfile;
	struct platform host;
	struct build_platform *platform; /* one after the other */
	size_t platform_count;
	bool makes_index; /* over them; without, there is one image */
	struct plan plan; /* of the platform under way */
	struct build_context context;
	struct build_files layer_files; /* digests of files in layers, which never change */
	struct build_trail trail;
	struct build_caches caches;
	struct map steps_under_way; /* keys, under lock */
	struct view nothing;	    /* scratch */
	struct named_context *named;
	struct opened *opened;	   /* the list under lock, each under its own */
	struct built_stage *stage; /* by number */
	pthread_mutex_t lock;	   /* shared state */
	pthread_mutex_t events_lock;
	pthread_cond_t progress; /* a stage ended, or a job slot became free */
	uint64_t free_slots;
	bool has_failed;
	unsigned step_number; /* the last one told, under events_lock */
	struct build_annotation *annotations;
	struct build_output *output; /* build_output.h */
	size_t output_count;
	struct descriptor root; /* the one manifest, or the index over all */
	struct build_result result;
	struct buf *excerpt;
	const struct engine *engine;
	const char *emulation; /* "none", "seccomp", "tap": what RUN gets */
	bool owners_are_real;  /* the engine has the ids, and no emulation was asked for */
	int64_t epoch_s;       /* the time that counts as now, or -1 for the clock */
};

/* Show an event of the stage's step under way; text may be NULL. */
void build_tell(struct built_stage *stage, struct build_event event);
/* Does the processor run its programs by itself? */
bool build_is_native(const struct build *build, const struct platform *platform);
/* Of all stages that are needed, before anything is fetched or done: as build_check_runs, and the
 * place is in the excerpt. */
int build_check_platforms(struct build *build, struct err *err) must_check;
/* -ENOTSUP names both platforms when a command of that one cannot run here. */
int build_check_runs(const struct build *build, const struct platform *platform,
		     struct err *err) must_check;

/* One step: from the cache or carried out. The stage's state is as after the step. */
int build_step(struct build *build, struct built_stage *stage, const struct step *step,
	       bool *ret_cached, struct err *err) must_check;

#endif
