/* SPDX-License-Identifier: Apache-2.0 */
/* The build cache in the store: cache/steps/KEY says what a step made, cache/steps/KEY.inputs what
 * went into its key. Both are published by rename(2); the result comes last, so what is found is
 * complete. Concurrent builds that make the same step write the same words. */
#ifndef FLOW_BUILD_CACHE_H
#define FLOW_BUILD_CACHE_H

#include "image/descriptor.h"
#include "store/store.h"

#define BUILD_CACHE_FOLDER "cache/steps"

struct build_cached {
	struct digest diff_id; /* "" when the step changed nothing */
	struct descriptor layer;
	const char *created; /* RFC 3339 */
	const char *text;    /* the beginning of the instruction that made it, for people */
};

/* As records are written. Texts are in the arena. */
struct json *build_cached_to_json(const struct build_cached *cached);
int build_cached_parse(const struct json *record, struct arena *arena,
		       struct build_cached *ret_cached, struct err *err) must_check;

/* 1 when there is a record, 0 when not; texts are in the arena. One that cannot be read counts as
 * absent: the step is done again and the record replaced. */
int build_cache_read(const struct store *store, const char *key_hex, struct arena *arena,
		     struct build_cached *ret_cached, struct err *err) must_check;
/* The same for a build that wants to use it: 0 also when its layer is not in the store. The record
 * gets the time of this use. */
int build_cache_get(const struct store *store, const char *key_hex, struct arena *arena,
		    struct build_cached *ret_cached, struct err *err) must_check;
/* What went into that key, as struct build_key has it. -ENOENT: not here. */
int build_cache_inputs(const struct store *store, const char *key_hex, struct buf *inputs,
		       struct err *err) must_check;
/* `inputs` may be NULL: not known. */
int build_cache_put(const struct store *store, const char *key_hex,
		    const struct build_cached *cached, const char *inputs, size_t inputs_bytes,
		    struct err *err) must_check;
/* The record and its inputs are gone afterwards; the layer stays. */
int build_cache_remove(const struct store *store, const char *key_hex, struct err *err) must_check;

#endif
