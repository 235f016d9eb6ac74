// SPDX-License-Identifier: Apache-2.0
/* First the build cache gives back what the request says, then everything is counted that is still
 * needed, then the rest goes. Somebody may begin to work at any time: he marks what he relies on,
 * which is looked at again once a file is out of the way. */
#include "flow/gc.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "flow/cache_prune.h"
#include "flow/disk_usage.h"
#include "flow/usage.h"
#include "rootfs/level.h"
#include "rootfs/merge.h"
#include "rootfs/spare.h"
#include "store/blob.h"
#include "store/layers.h"

struct gc {
	const struct gc_request *request;
	const struct store *store;
	struct gc_result result;
	struct reach needed;
	int64_t unmarked_ns;
	struct err *err;
};

static void went(struct gc *gc, enum gc_kind kind, const char *name, uint64_t bytes)
{
	gc->result.freed_bytes += bytes;
	gc->request->removed(gc->request->context, kind, name, bytes);
}

/* Names in a folder of the store; none when it is not there. */
static int names_in(struct gc *gc, const char *folder, struct strings *names)
{
	auto_fd fd = openat(gc->store->dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : fail(gc->err, errno, "open '%s' in '%s'", folder, gc->store->path);
	r = directory_names(fd, names, gc->err);
	strings_sort(names);
	return r;
}

static bool is_hex(const char *name)
{
	return strlen(name) == DIGEST_HEX_LENGTH &&
	       strspn(name, "0123456789abcdef") == DIGEST_HEX_LENGTH;
}

/* ---- the build cache ---- */

static int prune_cache(struct gc *gc, const struct cache_filter *filter, uint64_t keep_bytes)
{
	const struct gc_request *request = gc->request;
	const struct cache_prune_request prune = { .store = gc->store,
						   .filter = *filter,
						   .keep_bytes = keep_bytes,
						   .dry_run = request->dry_run,
						   .removed = request->removed_entry,
						   .context = request->context };
	struct cache_prune_result result;
	int r = cache_prune(&prune, &result, gc->err);

	if (r == 0) {
		gc->result.freed_bytes += result.freed_bytes;
		gc->result.busy_count += result.busy_count;
	}
	return r;
}

static int shrink_cache(struct gc *gc)
{
	const struct gc_request *request = gc->request;
	int r = 0;

	if (request->unused_s != GC_KEEPS_CACHE)
		r = prune_cache(gc, &(struct cache_filter){ .unused_s = request->unused_s }, 0);
	if (r == 0 && request->keep_bytes) {
		auto_usage usage = { 0 };
		uint64_t images;

		r = usage_read(gc->store, &usage, gc->err);
		images = usage.part[USAGE_IMAGES].bytes;
		if (r == 0) /* 0 would be no limit at all */
			r = prune_cache(gc, &(struct cache_filter){ 0 },
					request->keep_bytes > images ? request->keep_bytes - images
								     : 1);
	}
	return r;
}

/* ---- what nothing leads to ---- */

static int find_needed(struct gc *gc)
{
	int r = store_unmarked_since(gc->store, &gc->unmarked_ns, &gc->result.is_quiet, gc->err);

	if (r == 0)
		r = reach_add_all(&gc->needed, gc->store, gc->err);
	if (r == 0)
		r = reach_add_marked(&gc->needed, gc->store, gc->unmarked_ns, gc->err);
	return r;
}

static int remove_layer(struct gc *gc, const char *hex)
{
	struct digest diff_id = digest_of_hex(hex);
	uint64_t bytes = usage_of_layer(gc->store, hex);
	int r = gc->request->dry_run
			? 0
			: layer_remove_unmarked(gc->store, &diff_id, gc->unmarked_ns, gc->err);

	if (r == -EBUSY) {
		err_clear(gc->err);
		gc->result.busy_count++;
		return 0;
	}
	if (r == 0)
		went(gc, GC_LAYER, diff_id.text, bytes);
	return r;
}

static int sweep_layers(struct gc *gc)
{
	auto_strings names = { 0 };
	int r = names_in(gc, "layers", &names);

	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (is_hex(names.item[i]) && !reach_has_layer(&gc->needed, names.item[i]))
			r = remove_layer(gc, names.item[i]);
	return r;
}

static int remove_blob(struct gc *gc, const char *hex)
{
	struct digest digest = digest_of_hex(hex);
	uint64_t bytes = usage_of_blob(gc->store, hex);
	int r = gc->request->dry_run
			? 1
			: blob_remove_unmarked(gc->store, &digest, gc->unmarked_ns, gc->err);

	if (r == 0)
		gc->result.busy_count++;
	if (r > 0)
		went(gc, GC_BLOB, digest.text, bytes);
	return r < 0 ? r : 0;
}

static int sweep_blobs(struct gc *gc)
{
	auto_strings names = { 0 };
	int r = names_in(gc, "blobs/sha256", &names);

	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (is_hex(names.item[i]) && !reach_has_blob(&gc->needed, names.item[i]))
			r = remove_blob(gc, names.item[i]);
	return r;
}

/* A record comes before its layer, so a young one may be waiting for it. */
static int sweep_records(struct gc *gc)
{
	auto_strings names = { 0 };
	int r = names_in(gc, "owners", &names);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		char layer[STORE_NAME_MAX];
		char record[STORE_NAME_MAX];
		struct digest diff_id;
		struct stat st;

		if (!is_hex(names.item[i]))
			continue;
		diff_id = digest_of_hex(names.item[i]);
		if (faccessat(gc->store->dirfd, store_layer_name(&diff_id, layer), F_OK, 0) == 0 ||
		    fstatat(gc->store->dirfd, store_owners_name(&diff_id, record), &st, 0) < 0 ||
		    store_mark_time(&st) > gc->unmarked_ns)
			continue;
		r = gc->request->dry_run
			    ? 1
			    : layer_remove_record(gc->store, &diff_id, gc->unmarked_ns, gc->err);
		if (r > 0)
			went(gc, GC_RECORD, record, (uint64_t)st.st_size);
		r = r < 0 && r != -EBUSY ? r : 0;
	}
	return r;
}

/* ---- merged roots ---- */

/* A root in use has its layers held: then all of them are there. */
static bool has_layers(struct gc *gc, const char *root)
{
	auto_buf chain = { 0 };
	char path[256];
	char *at;
	char *line;

	snprintf(path, sizeof(path), "cache/roots/%.200s/chain", root);
	if (io_read_file_at(gc->store->dirfd, path, MERGE_CHAIN_BYTES_MAX, &chain, NULL) < 0)
		return false;
	at = chain.bytes;
	while ((line = strsep(&at, "\n"))) {
		struct digest diff_id;
		bool stays;

		if (!*line)
			continue;
		if (digest_parse(line, &diff_id, NULL) < 0)
			return false;
		stays = gc->request->dry_run ? reach_has_layer(&gc->needed, digest_hex(&diff_id))
					     : layer_present(gc->store, &diff_id);
		if (!stays)
			return false;
	}
	return true;
}

static int remove_root(struct gc *gc, const char *name)
{
	char work[STORE_WORK_NAME_MAX];
	uint64_t bytes = 0;
	int r = disk_usage(gc->store->dirfd, name, &bytes, gc->err);

	if (r == 0 && !gc->request->dry_run) {
		r = store_work_name(gc->store, work, gc->err);
		if (r == 0 && renameat(gc->store->dirfd, name, gc->store->dirfd, work) < 0)
			r = fail(gc->err, errno, "remove '%s'", name);
		if (r == 0)
			r = store_remove_aside(gc->store, work, gc->err);
	}
	if (r == 0)
		went(gc, GC_ROOT, name, bytes);
	return r;
}

static int sweep_roots(struct gc *gc)
{
	auto_strings names = { 0 };
	int r = names_in(gc, "cache/roots", &names);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		char name[256];

		snprintf(name, sizeof(name), "cache/roots/%.200s", names.item[i]);
		if (spare_is_name(names.item[i]) || !has_layers(gc, names.item[i]))
			r = remove_root(gc, name);
	}
	return r;
}

/* ---- all of it ---- */

static int measure(struct gc *gc)
{
	auto_usage usage = { 0 };
	int r = gc->request->keep_bytes ? usage_read(gc->store, &usage, gc->err) : 0;

	gc->result.left_bytes = usage.total_bytes;
	return r;
}

static int sweep_all(struct gc *gc)
{
	int r = find_needed(gc);

	if (r == 0)
		r = sweep_layers(gc);
	if (r == 0)
		r = sweep_blobs(gc);
	if (r == 0)
		r = sweep_records(gc);
	return r < 0 ? r : sweep_roots(gc);
}

int gc_run(const struct gc_request *request, struct gc_result *ret_result, struct err *err)
{
	struct gc gc = { .request = request, .store = request->store, .err = err };
	int r = store_announce(request->store, err);

	if (r == 0)
		r = shrink_cache(&gc);
	if (r == 0)
		r = sweep_all(&gc);
	if (r == 0 && request->dedup)
		r = dedup_layers(request->store, request->dry_run, &gc.result.dedup, err);
	if (r == 0)
		r = measure(&gc);
	reach_done(&gc.needed);
	if (r == 0)
		*ret_result = gc.result;
	return r;
}
