// SPDX-License-Identifier: Apache-2.0
#include "flow/sweep.h"

#include "base/banned.h"
#include "base/log.h"
#include "store/blob.h"
#include "store/layers.h"

static uint64_t blob_bytes(const struct store *store, const struct digest *digest)
{
	uint64_t size_bytes = 0;
	auto_fd fd = -1;

	return blob_open(store, digest, &fd, &size_bytes, NULL) < 0 ? 0 : size_bytes;
}

static int delete_blobs(const struct store *store, const struct reach *candidates,
			const struct reach *needed, int64_t unmarked_ns, struct swept *swept,
			struct err *err)
{
	map_each(&candidates->blobs, entry) {
		struct digest digest = digest_of_hex(entry->key);
		uint64_t bytes;
		int r;

		if (reach_has_blob(needed, entry->key))
			continue;
		bytes = blob_bytes(store, &digest);
		r = blob_remove_unmarked(store, &digest, unmarked_ns, err);
		if (r < 0)
			return r;
		if (r > 0)
			swept->freed_bytes += bytes;
	}
	return 0;
}

static int delete_layers(const struct store *store, const struct reach *candidates,
			 const struct reach *needed, int64_t unmarked_ns, struct swept *swept,
			 struct err *err)
{
	map_each(&candidates->layers, entry) {
		struct digest diff_id = digest_of_hex(entry->key);
		uint64_t bytes;
		int r;

		if (reach_has_layer(needed, entry->key))
			continue;
		bytes = layer_tar_bytes(store, &diff_id);
		r = layer_remove_unmarked(store, &diff_id, unmarked_ns, err);
		if (r == -EBUSY) {
			log_verbose("layer %s is in use and stays", diff_id.text);
			err_clear(err);
			continue;
		}
		if (r < 0)
			return r;
		swept->freed_bytes += bytes;
	}
	return 0;
}

static int sweep_since(const struct store *store, const struct reach *candidates,
		       int64_t unmarked_ns, struct swept *ret_swept, struct err *err)
{
	struct swept swept = { 0 };
	auto_reach needed = { 0 };
	int r = store_is_quiet(store, &swept.is_quiet, err);

	if (r == 0 && swept.is_quiet)
		r = reach_add_all(&needed, store, err);
	if (r == 0 && swept.is_quiet)
		r = delete_layers(store, candidates, &needed, unmarked_ns, &swept, err);
	if (r == 0 && swept.is_quiet)
		r = delete_blobs(store, candidates, &needed, unmarked_ns, &swept, err);
	if (r == 0)
		*ret_swept = swept;
	return r;
}

int sweep(const struct store *store, const struct reach *candidates, struct swept *ret_swept,
	  struct err *err)
{
	int64_t unmarked_ns;
	bool is_quiet;
	int r = store_unmarked_since(store, &unmarked_ns, &is_quiet, err);

	return r < 0 ? r : sweep_since(store, candidates, unmarked_ns, ret_swept, err);
}

int sweep_own(const struct store *store, const struct reach *brought, struct swept *ret_swept,
	      struct err *err)
{
	int64_t marked_ns;
	int r = store_now(store, &marked_ns, err);

	return r < 0 ? r : sweep_since(store, brought, marked_ns, ret_swept, err);
}
