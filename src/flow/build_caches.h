/* SPDX-License-Identifier: Apache-2.0 */
/* The caches a build takes steps from (--cache-from) beside that of its store, and those it leaves
 * behind (--cache-to). */
#ifndef FLOW_BUILD_CACHES_H
#define FLOW_BUILD_CACHES_H

#include <pthread.h>

#include "flow/build_key.h"
#include "flow/cache_source.h"
#include "flow/cache_spec.h"
#include "image/descriptor.h"

struct build;
struct built_stage;
struct cache_from;
struct noted_step;

struct build_caches {
	struct cache_from *from;
	size_t from_count;
	struct cache_spec *to;
	size_t to_count;
	pthread_mutex_t lock; /* of what follows, and of opening */
	struct arena arena;
	struct noted_step *noted; /* what this build did or took, in no order; for --cache-to */
	size_t noted_count;
	size_t noted_room;
	size_t platform_begins; /* the first of the platform under way */
};

/* Understand the options; connects to nobody yet. */
int build_caches_init(struct build *build, struct err *err) must_check;
void build_caches_done(struct build *build);
/* A build of the same Dockerfile for one more platform begins. */
void build_caches_begin_platform(struct build *build);

/* 1 when one of --cache-from knows the step: its layer is in the store then, and the step in the
 * store's own cache. 0 when not, or when it cannot be had: a cache that fails is told of once and
 * not asked again. Texts are in the arena. */
int build_caches_find(struct built_stage *stage, const struct build_key *key, const char *key_hex,
		      struct arena *arena, struct build_cached *ret_cached,
		      struct err *err) must_check;
/* Remember the step for --cache-to. Copies. */
void build_caches_note(struct built_stage *stage, const char *key_hex,
		       const struct build_cached *result);

/* What the manifest carries with --cache-to type=inline, which lives as long as the build; NULL
 * without. */
const char *build_caches_inlined(struct build *build);
/* Write --cache-to, after the image is made. */
int build_caches_write(struct build *build, struct err *err) must_check;

#endif
