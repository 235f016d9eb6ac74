// SPDX-License-Identifier: Apache-2.0
#include "flow/cache_source.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "codec/sha256.h"
#include "flow/build_cache_mount.h"
#include "flow/cache_mount_pack.h"
#include "flow/fetch.h"
#include "flow/import.h"
#include "flow/import_layer.h"
#include "image/manifest.h"
#include "store/blob.h"
#include "store/layers.h"

void cache_source_done(struct cache_source *source)
{
	if (source->has_repository)
		repository_done(&source->repository);
	remote_done(&source->remote);
	bundle_done(&source->bundle);
	map_done(&source->steps);
	arena_done(&source->arena);
	*source = (struct cache_source){ .bundle = BUNDLE_NONE };
}

/* Bytes of a blob by its descriptor, wherever they are; checked against the digest. */
typedef int read_blob(struct cache_source *source, const struct descriptor *descriptor,
		      struct buf *bytes, struct err *err);

static int check_digest(const struct descriptor *descriptor, const struct buf *bytes,
			struct err *err)
{
	char hex[SHA256_HEX_LENGTH + 1];

	sha256_hex(buf_text(bytes), bytes->size_bytes, hex);
	if (strcmp(hex, digest_hex(&descriptor->digest)) == 0)
		return 0;
	return fail(err, EUCLEAN, "digest mismatch: %s is damaged", descriptor->digest.text);
}

/* ---- from a manifest to what the cache knows ---- */

static void *join(struct arena *arena, const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	char *joined = arena_alloc(arena, a_bytes + b_bytes + 1);

	if (a_bytes)
		memcpy(joined, a, a_bytes);
	if (b_bytes)
		memcpy(joined + a_bytes, b, b_bytes);
	return joined;
}

/* To those of other platforms, which there may be. */
static void add_pack(struct cache_source *source, const struct cache_pack *more)
{
	struct cache_pack *pack = &source->pack;

	pack->step = join(&source->arena, pack->step, pack->step_count * sizeof(*pack->step),
			  more->step, more->step_count * sizeof(*more->step));
	pack->step_count += more->step_count;
	pack->mount = join(&source->arena, pack->mount, pack->mount_count * sizeof(*pack->mount),
			   more->mount, more->mount_count * sizeof(*more->mount));
	pack->mount_count += more->mount_count;
	for (size_t i = 0; i < pack->step_count; i++)
		map_set(&source->steps, pack->step[i].key, &pack->step[i]);
}

static int take_pack(struct cache_source *source, const char *text, size_t size_bytes,
		     struct err *err)
{
	struct cache_pack pack;
	int r = cache_pack_parse(text, size_bytes, &source->arena, &pack, err);

	if (r == 0)
		add_pack(source, &pack);
	return r;
}

static int take_manifest(struct cache_source *source, const struct buf *bytes, read_blob *read,
			 struct err *err)
{
	auto_buf config = { 0 };
	struct manifest manifest;
	const char *inlined;
	int r = manifest_parse(buf_text(bytes), bytes->size_bytes, &source->arena, &manifest, err);

	if (r < 0)
		return r;
	inlined = annotation_get(&manifest.annotations, ANNOTATION_CACHE);
	if (inlined)
		return take_pack(source, inlined, strlen(inlined), err);
	if (!text_equal(manifest.config.media_type, MEDIA_CACHE_CONFIG))
		return fail_plain(err, ENOENT, "it is neither a build cache nor an image with one");
	if (manifest.config.size_bytes > CACHE_PACK_BYTES_MAX)
		return fail_plain(err, EFBIG, "its list of steps is too large");
	r = read(source, &manifest.config, &config, err);
	return r < 0 ? r : take_pack(source, buf_text(&config), config.size_bytes, err);
}

/* An image for several platforms: each of its manifests may carry a cache, and one must. */
static int take_index(struct cache_source *source, const struct buf *bytes,
		      read_blob *read_manifest, read_blob *read, struct err *err)
{
	struct index index;
	int r = index_parse(buf_text(bytes), bytes->size_bytes, &source->arena, &index, err);
	size_t taken = 0;

	for (size_t i = 0; r == 0 && i < index.manifest_count; i++) {
		auto_buf manifest = { 0 };

		if (!media_type_is_manifest(index.manifests[i].media_type))
			continue;
		r = read_manifest(source, &index.manifests[i], &manifest, err);
		if (r == 0)
			r = take_manifest(source, &manifest, read, err);
		taken += r == 0;
		if (r == -ENOENT) {
			err_clear(err);
			r = 0;
		}
	}
	if (r == 0 && taken == 0)
		r = fail_plain(err, ENOENT, "none of its images carries a build cache");
	return r;
}

/* ---- files ---- */

static int read_file(struct cache_source *source, const struct descriptor *descriptor,
		     struct buf *bytes, struct err *err)
{
	char name[STORE_NAME_MAX];
	int r = bundle_read(&source->bundle, store_blob_name(&descriptor->digest, name),
			    CACHE_PACK_BYTES_MAX, bytes, err);

	return r < 0 ? r : check_digest(descriptor, bytes, err);
}

static bool is_called(const struct descriptor *root, const char *which)
{
	const char *name = annotation_get(&root->annotations, ANNOTATION_REF_NAME);
	const char *colon = name ? strrchr(name, ':') : NULL;

	return text_equal(root->digest.text, which) || text_equal(name, which) ||
	       (colon && strcmp(colon + 1, which) == 0);
}

/* The one asked for; else the only one, or latest. */
static int choose_root(const struct index *index, const char *which, struct descriptor *ret_root,
		       struct err *err)
{
	for (size_t i = 0; i < index->manifest_count; i++) {
		if ((!which && index->manifest_count == 1) ||
		    is_called(&index->manifests[i], which ?: "latest")) {
			*ret_root = index->manifests[i];
			return 0;
		}
	}
	return fail_plain(err, ENOENT, "nothing in it is called '%s'", which ?: "latest");
}

static int read_bundle(struct cache_source *source, const char *which, struct err *err)
{
	auto_buf index_text = { 0 };
	auto_buf bytes = { 0 };
	struct descriptor root;
	struct index index;
	int r = bundle_read(&source->bundle, "index.json", MANIFEST_SIZE_MAX, &index_text, err);

	if (r == 0)
		r = index_parse(index_text.bytes, index_text.size_bytes, &source->arena, &index,
				err);
	if (r == 0)
		r = choose_root(&index, which, &root, err);
	if (r == 0)
		r = read_file(source, &root, &bytes, err);
	if (r < 0)
		return r;
	return media_type_is_index(root.media_type)
		       ? take_index(source, &bytes, read_file, read_file, err)
		       : take_manifest(source, &bytes, read_file, err);
}

static int finish_file(struct cache_source *source, const char *which, const char *path,
		       struct cache_source *ret_source, struct err *err)
{
	int r = read_bundle(source, which, err);

	if (r < 0) {
		cache_source_done(source);
		return err_wrap(err, "'%s'", path);
	}
	*ret_source = *source;
	return 0;
}

int cache_source_open_layout(const struct store *store, const char *directory, const char *which,
			     struct cache_source *ret_source, struct err *err)
{
	struct cache_source source = { .store = store, .bundle = BUNDLE_NONE };
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return fail(err, errno, "'%s'", directory);
	r = bundle_open_directory(fd, &source.bundle, err);
	return r < 0 ? r : finish_file(&source, which, directory, ret_source, err);
}

int cache_source_open_file(const struct store *store, const char *path,
			   struct cache_source *ret_source, struct err *err)
{
	struct cache_source source = { .store = store, .bundle = BUNDLE_NONE };
	int r = import_open_bundle(store, path, &source.bundle, err);

	return r < 0 ? r : finish_file(&source, NULL, path, ret_source, err);
}

/* ---- registries ---- */

static int add_bytes(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	(void)err;
	buf_add(context, bytes, size_bytes);
	return 0;
}

static int read_remote(struct cache_source *source, const struct descriptor *descriptor,
		       struct buf *bytes, struct err *err)
{
	const struct registry_download download = { .descriptor = descriptor,
						    .sink = add_bytes,
						    .context = bytes };
	struct registry *registry;
	const char *name;
	int r = repository_server(&source->repository, source->repository.first, &registry, &name,
				  err);

	if (r == 0)
		r = registry_get_blob(registry, name, &download, err);
	return r < 0 ? r : check_digest(descriptor, bytes, err);
}

static int read_remote_manifest(struct cache_source *source, const struct descriptor *descriptor,
				struct buf *bytes, struct err *err)
{
	return repository_get_manifest(&source->repository, descriptor, bytes, err);
}

static int take_remote(struct cache_source *source, struct err *err)
{
	auto_free char *header = NULL;
	auto_buf bytes = { 0 };
	struct digest digest;
	const char *media_type;
	int r = repository_resolve(&source->repository, &bytes, &digest, &header, err);

	if (r == 0)
		r = manifest_detect(buf_text(&bytes), bytes.size_bytes, &media_type, err);
	if (r < 0)
		return r;
	return media_type_is_index(media_type)
		       ? take_index(source, &bytes, read_remote_manifest, read_remote, err)
		       : take_manifest(source, &bytes, read_remote, err);
}

static int open_repository(struct cache_source *source, const char *name, struct err *err)
{
	struct ref ref;
	int r = ref_parse(name, &ref, err);

	if (r == 0)
		r = repository_open(&source->remote, &ref, &source->repository, err);
	source->has_repository = r == 0;
	return r < 0 ? r : take_remote(source, err);
}

/* A short name may stand for several. */
static int open_any(struct cache_source *source, const struct strings *names, struct err *err)
{
	int r = -ENOENT;

	for (size_t i = 0; i < names->count; i++) {
		err_clear(err);
		r = open_repository(source, names->item[i], err);
		if (r == 0)
			break;
		if (source->has_repository)
			repository_done(&source->repository);
		source->has_repository = false;
	}
	return r;
}

/* In the caller's memory from the start: the remote's settings point into it. */
int cache_source_open_registry(const struct store *store, const char *name,
			       const struct remote_settings *settings, char *const *environ_list,
			       struct cache_source *ret_source, struct err *err)
{
	struct remote_settings mine = *settings;
	auto_strings names = { 0 };
	int r;

	*ret_source = (struct cache_source){ .store = store, .bundle = BUNDLE_NONE };
	mine.cancel = &ret_source->cancel;
	r = remote_init(&ret_source->remote, &mine, environ_list, err);
	if (r == 0)
		r = registries_expand(&ret_source->remote.registries, name, &names, err);
	if (r == 0)
		r = open_any(ret_source, &names, err);
	if (r < 0) {
		cache_source_done(ret_source);
		return err_wrap(err, "'%s'", name);
	}
	return 0;
}

/* ---- using ---- */

const struct cache_pack_step *cache_source_find(const struct cache_source *source,
						const char *key_hex)
{
	return map_get(&source->steps, key_hex);
}

static int bring_remote(struct cache_source *source, const struct descriptor *layer,
			const struct digest *diff_id, struct err *err)
{
	struct fetch fetch = { .descriptor = *layer, .diff_id = *diff_id, .label = "layer" };
	struct fetch_list list = { .store = source->store,
				   .repository = &source->repository,
				   .item = &fetch,
				   .count = 1,
				   .cancel = &source->cancel };

	return fetch_all(&list, err);
}

int cache_source_bring(struct cache_source *source, const struct descriptor *layer,
		       const struct digest *diff_id, struct err *err)
{
	auto_bundle_file file = BUNDLE_FILE_NONE;
	char name[STORE_NAME_MAX];
	int r;

	if (layer_present(source->store, diff_id) && blob_present(source->store, layer))
		return 0;
	if (source->has_repository)
		return bring_remote(source, layer, diff_id, err);
	r = bundle_open(&source->bundle, store_blob_name(&layer->digest, name), &file, err);
	return r < 0 ? r : import_layer_as_is(source->store, &file.source, layer, diff_id, err);
}

int cache_source_bring_mount(struct cache_source *source, const struct cache_pack_mount *mount,
			     bool replace, struct err *err)
{
	auto_bundle_file file = BUNDLE_FILE_NONE;
	const char *name = cache_mount_name(&source->arena, mount->id, mount->number);
	char blob[STORE_NAME_MAX];
	int r = bundle_open(&source->bundle, store_blob_name(&mount->layer.digest, blob), &file,
			    err);

	if (r == 0)
		r = cache_mount_unpack(source->store, name, mount->id, &file.source,
				       &mount->diff_id, replace, err);
	return r < 0 ? err_wrap(err, "cache mount '%s'", mount->id) : r;
}
