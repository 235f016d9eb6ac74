// SPDX-License-Identifier: Apache-2.0
#include "flow/cache_transfer.h"

#include "base/banned.h"
#include "flow/cache_artifact.h"
#include "flow/cache_source.h"
#include "store/blob.h"

/* ---- export ---- */

/* A damaged record has no text and no time; a layer may be gone. */
static bool is_usable(const struct store *store, const struct build_cached *step)
{
	return step->created &&
	       (digest_is_none(&step->diff_id) || blob_present(store, &step->layer));
}

static int collect(const struct cache_export_request *request, struct cache_artifact *artifact,
		   struct err *err)
{
	auto_cache_entries entries = { 0 };
	int r = cache_entries_read(request->store, &request->filter, &entries, err);

	for (size_t i = 0; r == 0 && i < entries.count; i++) {
		const struct cache_entry *entry = &entries.item[i];

		if (!entry->is_chosen)
			continue;
		if (entry->kind == CACHE_MOUNT)
			r = cache_artifact_add_mount(artifact, entry->id, entry->text, err);
		else if (is_usable(request->store, &entry->step))
			cache_artifact_add_step(artifact, entry->id, &entry->step);
	}
	return r < 0 ? r : cache_artifact_finish(artifact, err);
}

int cache_export(const struct cache_export_request *request, size_t *ret_count, struct err *err)
{
	struct cache_artifact artifact;
	int r = store_announce(request->store, err);

	cache_artifact_init(&artifact, request->store);
	if (r == 0)
		r = collect(request, &artifact, err);
	if (r == 0)
		r = request->layout
			    ? cache_artifact_to_layout(&artifact, request->dest, "latest", err)
			    : cache_artifact_to_archive(&artifact, request->dest, err);
	if (r == 0)
		*ret_count = artifact.pack.step_count + artifact.pack.mount_count;
	cache_artifact_done(&artifact);
	return r;
}

/* ---- import ---- */

static int import_step(struct cache_source *source, const struct cache_pack_step *step,
		       struct err *err)
{
	auto_arena arena = { 0 };
	struct build_cached here;
	int r = build_cache_get(source->store, step->key, &arena, &here, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (!digest_is_none(&step->result.diff_id))
		r = cache_source_bring(source, &step->result.layer, &step->result.diff_id, err);
	return r < 0 ? r : build_cache_put(source->store, step->key, &step->result, NULL, 0, err);
}

static int import_all(struct cache_source *source, bool replace, struct cache_import_result *result,
		      struct err *err)
{
	const struct cache_pack *pack = &source->pack;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < pack->step_count; i++) {
		r = import_step(source, &pack->step[i], err);
		result->count += r >= 0;
	}
	for (size_t i = 0; r >= 0 && i < pack->mount_count; i++) {
		r = cache_source_bring_mount(source, &pack->mount[i], replace, err);
		result->count += r > 0;
		result->kept_count += r == 0;
	}
	return r < 0 ? r : 0;
}

int cache_import(const struct cache_import_request *request, struct cache_import_result *ret_result,
		 struct err *err)
{
	struct cache_import_result result = { 0 };
	struct cache_source source;
	int r = store_announce(request->store, err);

	if (r == 0)
		r = cache_source_open_file(request->store, request->source, &source, err);
	if (r < 0)
		return r;
	r = import_all(&source, request->replace, &result, err);
	cache_source_done(&source);
	if (r < 0)
		return err_wrap(err, "'%s'", request->source);
	*ret_result = result;
	return 0;
}
