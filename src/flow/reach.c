// SPDX-License-Identifier: Apache-2.0
#include "flow/reach.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "image/config.h"
#include "image/manifest.h"
#include "rootfs/level.h"
#include "store/blob.h"
#include "store/refs.h"

#define CACHE_FOLDER	 "cache/steps"
#define DOWNLOAD_FOLDER	 "cache/downloads"
#define CACHE_RECORD_MAX ((size_t)64 * 1024)
#define DEPTH_MAX	 4

static char present[] = "";

void reach_done(struct reach *reach)
{
	map_done(&reach->blobs);
	map_done(&reach->layers);
}

bool reach_has_blob(const struct reach *reach, const char *hex)
{
	return map_get(&reach->blobs, hex) != NULL;
}

bool reach_has_layer(const struct reach *reach, const char *hex)
{
	return map_get(&reach->layers, hex) != NULL;
}

void reach_add_blob(struct reach *reach, const struct digest *blob)
{
	map_set(&reach->blobs, digest_hex(blob), present);
}

static void need_layer(struct reach *reach, const struct digest *diff_id)
{
	map_set(&reach->layers, digest_hex(diff_id), present);
}

void reach_add_layer(struct reach *reach, const struct digest *diff_id, const struct digest *blob)
{
	need_layer(reach, diff_id);
	reach_add_blob(reach, blob);
}

/* What is not in the store leads nowhere; what cannot be understood (an artifact's config) neither.
 */
static int add_config(struct reach *reach, const struct store *store,
		      const struct descriptor *descriptor, struct err *err)
{
	auto_config config = { 0 };
	auto_buf bytes = { 0 };
	int r = blob_read(store, descriptor, CONFIG_SIZE_MAX, &bytes, err);

	if (r == -ENOENT || r == -EUCLEAN || r == -EFBIG)
		return 0;
	if (r < 0)
		return r;
	if (config_parse(buf_text(&bytes), bytes.size_bytes, &config, NULL) < 0)
		return 0;
	for (size_t i = 0; i < config.diff_id_count; i++)
		need_layer(reach, &config.diff_ids[i]);
	return 0;
}

static int add_manifest(struct reach *reach, const struct store *store, const struct buf *bytes,
			struct err *err)
{
	auto_arena arena = { 0 };
	struct manifest manifest;

	if (manifest_parse(buf_text(bytes), bytes->size_bytes, &arena, &manifest, NULL) < 0)
		return 0;
	reach_add_blob(reach, &manifest.config.digest);
	for (size_t i = 0; i < manifest.layer_count; i++)
		reach_add_blob(reach, &manifest.layers[i].digest);
	return add_config(reach, store, &manifest.config, err);
}

static int add(struct reach *reach, const struct store *store, const struct descriptor *root,
	       int depth, struct err *err)
{
	auto_arena arena = { 0 };
	auto_buf bytes = { 0 };
	struct index index;
	int r;

	reach_add_blob(reach, &root->digest);
	r = blob_read(store, root, MANIFEST_SIZE_MAX, &bytes, err);
	if (r == -ENOENT || r == -EUCLEAN || r == -EFBIG)
		return 0;
	if (r < 0)
		return r;
	if (!media_type_is_index(root->media_type))
		return add_manifest(reach, store, &bytes, err);
	if (depth == DEPTH_MAX ||
	    index_parse(buf_text(&bytes), bytes.size_bytes, &arena, &index, NULL) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < index.manifest_count; i++)
		r = add(reach, store, &index.manifests[i], depth + 1, err);
	return r;
}

int reach_add(struct reach *reach, const struct store *store, const struct descriptor *root,
	      struct err *err)
{
	return add(reach, store, root, 0, err);
}

/* A step's record (flow/build_cache.c): a diff id and the descriptor of the layer's blob. */
static void add_cache_record(struct reach *reach, int dirfd, const char *name)
{
	auto_arena arena = { 0 };
	auto_json *json = NULL;
	auto_buf text = { 0 };
	struct descriptor layer;
	struct digest diff_id;
	const char *diff_id_text;

	if (io_read_file_at(dirfd, name, CACHE_RECORD_MAX, &text, NULL) < 0 ||
	    json_parse(buf_text(&text), text.size_bytes, &json, NULL) < 0)
		return;
	diff_id_text = json_get_text(json, "diffId");
	if (!diff_id_text || digest_parse(diff_id_text, &diff_id, NULL) < 0 ||
	    descriptor_parse(json_get(json, "layer"), &arena, &layer, NULL) < 0)
		return;
	reach_add_layer(reach, &diff_id, &layer.digest);
}

/* What ADD fetched (flow/download.c): the digest of its blob. */
static void add_download_record(struct reach *reach, int dirfd, const char *name)
{
	auto_json *json = NULL;
	auto_buf text = { 0 };
	struct digest digest;
	const char *digest_text;

	if (io_read_file_at(dirfd, name, CACHE_RECORD_MAX, &text, NULL) < 0 ||
	    json_parse(buf_text(&text), text.size_bytes, &json, NULL) < 0)
		return;
	digest_text = json_get_text(json, "digest");
	if (digest_text && digest_parse(digest_text, &digest, NULL) == 0)
		reach_add_blob(reach, &digest);
}

static int add_records(struct reach *reach, const struct store *store, const char *folder,
		       void (*add_record)(struct reach *reach, int dirfd, const char *name),
		       struct err *err)
{
	auto_fd fd = openat(store->dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strings names = { 0 };
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return fail(err, errno, "open '%s' in '%s'", folder, store->path);
	r = directory_names(fd, &names, err);
	strings_each(&names, name)
		if (!strchr(name, '.'))
			add_record(reach, fd, name);
	return r;
}

int reach_add_cache(struct reach *reach, const struct store *store, struct err *err)
{
	int r = add_records(reach, store, CACHE_FOLDER, add_cache_record, err);

	return r < 0 ? r : add_records(reach, store, DOWNLOAD_FOLDER, add_download_record, err);
}

/* A blob that could be a manifest by its size and first byte, and is one. */
static int add_if_manifest(struct reach *reach, const struct store *store,
			   struct descriptor *descriptor, struct err *err)
{
	auto_buf bytes = { 0 };

	if (descriptor->size_bytes > MANIFEST_SIZE_MAX ||
	    blob_read(store, descriptor, MANIFEST_SIZE_MAX, &bytes, NULL) < 0 ||
	    buf_text(&bytes)[0] != '{' ||
	    manifest_detect(buf_text(&bytes), bytes.size_bytes, &descriptor->media_type, NULL) < 0)
		return 0;
	return reach_add(reach, store, descriptor, err);
}

int reach_add_marked(struct reach *reach, const struct store *store, int64_t since_ns,
		     struct err *err)
{
	auto_fd fd = openat(store->dirfd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strings names = { 0 };
	int r = fd < 0 ? fail(err, errno, "open 'blobs' in '%s'", store->path)
		       : directory_names(fd, &names, err);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		struct descriptor descriptor = { 0 };
		auto_buf text = { 0 };
		struct stat st;

		buf_printf(&text, "sha256:%s", names.item[i]);
		if (digest_parse(buf_text(&text), &descriptor.digest, NULL) < 0 ||
		    fstatat(fd, names.item[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    store_mark_time(&st) <= since_ns)
			continue;
		descriptor.size_bytes = (uint64_t)st.st_size;
		r = add_if_manifest(reach, store, &descriptor, err);
	}
	return r;
}

int reach_add_images(struct reach *reach, const struct store *store, struct err *err)
{
	auto_arena arena = { 0 };
	struct ref_entry *entries;
	size_t count;
	int r = refs_list(store, &arena, &entries, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = reach_add(reach, store, &entries[i].descriptor, err);
	return r;
}

int reach_add_all(struct reach *reach, const struct store *store, struct err *err)
{
	int r = reach_add_images(reach, store, err);

	return r < 0 ? r : reach_add_cache(reach, store, err);
}
