// SPDX-License-Identifier: Apache-2.0
#include "flow/build_caches.h"

#include <string.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/memory.h"
#include "flow/build_args.h"
#include "flow/build_state.h"
#include "flow/cache_artifact.h"

enum from_state { FROM_NEW, FROM_OPEN, FROM_BROKEN };

struct cache_from {
	struct cache_spec spec;
	enum from_state state; /* under the lock */
	bool is_open;
	struct cache_source source;
};

struct noted_step {
	char key[DIGEST_HEX_LENGTH + 1];
	struct build_cached result; /* texts in the arena of the caches */
	bool in_image;		    /* its stage is one that the target stands on */
};

/* ---- beginning and end ---- */

static int parse_all(struct build *build, const struct strings *given,
		     enum cache_direction direction, struct err *err)
{
	struct build_caches *caches = &build->caches;

	for (size_t i = 0; i < given->count; i++) {
		struct cache_spec *spec = direction == CACHE_FROM ? &caches->from[i].spec
								  : &caches->to[i];
		int r = cache_spec_parse(given->item[i], direction, &build->arena, spec, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int build_caches_init(struct build *build, struct err *err)
{
	const struct build_request *request = build->request;
	struct build_caches *caches = &build->caches;
	bool inlines;
	int r;

	pthread_mutex_init(&caches->lock, NULL);
	caches->from_count = request->cache_from.count;
	r = build_arg_is_set(build, "BUILDKIT_INLINE_CACHE", &inlines, err);
	caches->to_count = request->cache_to.count;
	caches->from = arena_array(&build->arena, struct cache_from, caches->from_count);
	caches->to = arena_array(&build->arena, struct cache_spec, caches->to_count + 1);
	if (r == 0)
		r = parse_all(build, &request->cache_from, CACHE_FROM, err);
	if (r == 0)
		r = parse_all(build, &request->cache_to, CACHE_TO, err);
	if (r == 0 && inlines)
		r = cache_spec_parse("type=inline", CACHE_TO, &build->arena,
				     &caches->to[caches->to_count++], err);
	return r;
}

void build_caches_done(struct build *build)
{
	struct build_caches *caches = &build->caches;

	for (size_t i = 0; caches->from && i < caches->from_count; i++)
		if (caches->from[i].is_open)
			cache_source_done(&caches->from[i].source);
	free(caches->noted);
	arena_done(&caches->arena);
	pthread_mutex_destroy(&caches->lock);
}

void build_caches_begin_platform(struct build *build)
{
	build->caches.platform_begins = build->caches.noted_count;
}

/* ---- from ---- */

/* The step is done here then, which is right in any case. */
static void give_up(struct cache_from *from, const struct err *err)
{
	if (from->state == FROM_BROKEN)
		return;
	from->state = FROM_BROKEN;
	if (err->code == ENOENT)
		log_info("--cache-from %s: nothing is there: %s", from->spec.text, err->text);
	else
		log_warning("--cache-from %s: %s", from->spec.text, err->text);
}

static int open_source(struct build *build, struct cache_from *from, struct err *err)
{
	if (from->spec.type == CACHE_LOCAL)
		return cache_source_open_layout(&build->store, from->spec.path, from->spec.tag,
						&from->source, err);
	return cache_source_open_registry(&build->store, from->spec.ref, &build->request->remote,
					  environ, &from->source, err);
}

/* Opened when the first step asks for it: a build that finds all its steps here needs none. */
static bool is_usable(struct build *build, struct cache_from *from)
{
	struct err err = { 0 };
	bool usable;

	pthread_mutex_lock(&build->caches.lock);
	if (from->state == FROM_NEW) {
		if (open_source(build, from, &err) < 0) {
			give_up(from, &err);
		} else {
			from->state = FROM_OPEN;
			from->is_open = true;
			log_verbose("--cache-from %s: %zu steps", from->spec.text,
				    from->source.pack.step_count);
		}
	}
	usable = from->state == FROM_OPEN;
	pthread_mutex_unlock(&build->caches.lock);
	return usable;
}

static bool bring(struct build *build, struct cache_from *from, const struct build_cached *result)
{
	struct err err = { 0 };

	if (digest_is_none(&result->diff_id) ||
	    cache_source_bring(&from->source, &result->layer, &result->diff_id, &err) == 0)
		return true;
	pthread_mutex_lock(&build->caches.lock);
	give_up(from, &err);
	pthread_mutex_unlock(&build->caches.lock);
	return false;
}

int build_caches_find(struct built_stage *stage, const struct build_key *key, const char *key_hex,
		      struct arena *arena, struct build_cached *ret_cached, struct err *err)
{
	struct build *build = stage->build;
	struct build_caches *caches = &build->caches;

	for (size_t i = 0; i < caches->from_count; i++) {
		struct cache_from *from = &caches->from[i];
		const struct cache_pack_step *found;
		int r;

		if (!is_usable(build, from))
			continue;
		found = cache_source_find(&from->source, key_hex);
		if (!found || !bring(build, from, &found->result))
			continue;
		r = build_cache_put(&build->store, key_hex, &found->result, key->inputs.bytes,
				    key->inputs.size_bytes, err);
		return r < 0 ? r : build_cache_get(&build->store, key_hex, arena, ret_cached, err);
	}
	return 0;
}

/* ---- to ---- */

/* The target, or a stage that it is FROM, directly or not. */
static bool is_of_image(const struct build *build, const struct built_stage *stage)
{
	const struct stage *at = &build->plan.stage[build->plan.target];

	while (at != stage->plan && at->base.kind == ORIGIN_STAGE)
		at = &build->plan.stage[at->base.stage];
	return at == stage->plan;
}

void build_caches_note(struct built_stage *stage, const char *key_hex,
		       const struct build_cached *result)
{
	struct build *build = stage->build;
	struct build_caches *caches = &build->caches;
	struct noted_step *noted;

	if (caches->to_count == 0)
		return;
	pthread_mutex_lock(&caches->lock);
	if (caches->noted_count == caches->noted_room) {
		caches->noted_room = caches->noted_room ? caches->noted_room * 2 : 32;
		caches->noted = memory_resize(caches->noted, caches->noted_room, sizeof(*noted));
	}
	noted = &caches->noted[caches->noted_count++];
	*noted = (struct noted_step){ .result = *result, .in_image = is_of_image(build, stage) };
	memcpy(noted->key, key_hex, sizeof(noted->key));
	noted->result.created = arena_copy(&caches->arena, result->created);
	noted->result.text = arena_copy(&caches->arena, result->text);
	noted->result.layer.media_type = arena_copy(&caches->arena, result->layer.media_type ?: "");
	pthread_mutex_unlock(&caches->lock);
}

static void add_steps(struct build *build, size_t first, bool max, struct cache_artifact *artifact)
{
	const struct build_caches *caches = &build->caches;

	cache_artifact_init(artifact, &build->store);
	for (size_t i = first; i < caches->noted_count; i++)
		if (max || caches->noted[i].in_image)
			cache_artifact_add_step(artifact, caches->noted[i].key,
						&caches->noted[i].result);
}

const char *build_caches_inlined(struct build *build)
{
	struct build_caches *caches = &build->caches;
	struct cache_artifact artifact;
	const char *text = NULL;
	struct err err = { 0 };

	for (size_t i = 0; i < caches->to_count && !text; i++) {
		if (caches->to[i].type != CACHE_INLINE)
			continue;
		add_steps(build, caches->platform_begins, false, &artifact);
		if (cache_artifact_finish(&artifact, &err) == 0)
			text = arena_copy(&caches->arena, buf_text(&artifact.config));
		else
			log_warning("--cache-to %s: %s", caches->to[i].text, err.text);
		cache_artifact_done(&artifact);
	}
	return text;
}

static int write_one(struct build *build, const struct cache_spec *spec, struct err *err)
{
	struct cache_artifact artifact;
	int r;

	add_steps(build, 0, spec->max, &artifact);
	r = cache_artifact_finish(&artifact, err);
	if (r == 0 && spec->type == CACHE_LOCAL)
		r = cache_artifact_to_layout(&artifact, spec->path, spec->tag ?: "latest", err);
	else if (r == 0)
		r = cache_artifact_to_registry(&artifact, spec->ref, &build->request->remote,
					       environ, err);
	cache_artifact_done(&artifact);
	return r < 0 ? err_wrap(err, "--cache-to %s", spec->text) : 0;
}

int build_caches_write(struct build *build, struct err *err)
{
	const struct build_caches *caches = &build->caches;

	for (size_t i = 0; i < caches->to_count; i++) {
		int r = caches->to[i].type == CACHE_INLINE ? 0
							   : write_one(build, &caches->to[i], err);

		if (r < 0 && !caches->to[i].ignore_error)
			return r;
		if (r < 0)
			log_warning("%s", err->text);
		err_clear(err);
	}
	return 0;
}
