/* SPDX-License-Identifier: Apache-2.0 */
/* The trail of a Dockerfile: the steps of its last build and the cache keys they had, so that a
 * step that is not in the cache can be compared with the same step of that build (--why-miss). Kept
 * in the store as cache/trails/NAME (doc/format/cache.md); losing it loses explanations only. */
#ifndef FLOW_BUILD_TRAIL_H
#define FLOW_BUILD_TRAIL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/strings.h"
#include "store/store.h"

struct trail_step {
	const char *stage; /* "build", "stage-1" */
	size_t number;	   /* within the stage; FROM is 1 */
	const char *text;  /* the instruction as written */
	const char *key;   /* of the cache; for FROM what the base image's layers are called */
};

struct trail_steps {
	struct trail_step *item;
	size_t count;
	size_t room;
};

struct build_trail {
	const struct store *store;
	char name[96];
	struct arena arena;
	struct trail_steps then; /* the last build */
	struct trail_steps now;
	pthread_mutex_t lock; /* stages are built at the same time */
};

/* `topic` says which Dockerfile: where it is. */
void build_trail_open(struct build_trail *trail, const struct store *store, const char *topic);
/* Copies the texts. */
void build_trail_add(struct build_trail *trail, const struct trail_step *step);
/* Keep what this build did; of a build that failed also what it did not come to. */
void build_trail_close(struct build_trail *trail, bool succeeded);

/* The step of the last build that this one stands for, else one with the same text in another
 * Dockerfile's trail; NULL when there is none. Lives as long as the trail. */
const struct trail_step *build_trail_find(struct build_trail *trail, const struct trail_step *step);

#endif
