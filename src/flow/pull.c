// SPDX-License-Identifier: Apache-2.0
/* Name -> manifest (of an index, the platform's) -> config -> layers -> name in the store. The name
 * points at what the registry's tag points at, also at an index of which only one platform was
 * fetched, so that digests agree everywhere. */
#include "flow/pull.h"

#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "flow/fetch.h"
#include "image/config.h"
#include "image/manifest.h"
#include "store/blob_writer.h"
#include "store/image.h"
#include "store/layers.h"

#define TAGS_SHOWN 8 /* in the hint for a tag that is not there */

struct pull {
	const struct store *store;
	const struct pull_request *request;
	struct remote remote;
	atomic_bool cancel;
	struct arena arena;
	struct platform platform; /* to be unpacked */
	struct repository repository;
	struct descriptor root; /* what the name stands for */
	/* manifests to keep besides the root, as bytes */
	struct buf *manifests;
	size_t manifest_count;
};

static void pull_done(struct pull *pull)
{
	for (size_t i = 0; i < pull->manifest_count; i++)
		buf_done(&pull->manifests[i]);
	arena_done(&pull->arena);
	remote_done(&pull->remote);
}

/* ---- what is there already ---- */

static bool is_unpacked(const struct store *store, const struct image *image)
{
	for (size_t i = 0; i < image->config.diff_id_count; i++)
		if (!layer_present(store, &image->config.diff_ids[i]))
			return false;
	for (size_t i = 0; i < image->manifest.layer_count; i++)
		if (!blob_present(store, &image->manifest.layers[i]))
			return false;
	return true;
}

/* Is the image that the name means here complete for this platform? */
static bool is_complete(struct pull *pull, const struct ref *ref, struct digest *ret_digest)
{
	const char *wanted = pull->request->platform;
	struct descriptor root;
	auto_image image = { 0 };

	if (pull->request->all_platforms ||
	    refs_get(pull->store, ref, &pull->arena, &root, NULL) < 0 ||
	    image_load_descriptor(pull->store, &root, wanted ? &pull->platform : NULL, &image,
				  NULL) < 0)
		return false;
	*ret_digest = root.digest;
	return is_unpacked(pull->store, &image);
}

/* A digest cannot mean anything new; for a tag the registry is asked for no more than the digest.
 */
static bool is_up_to_date(struct pull *pull, const struct ref *ref, struct digest *ret_digest)
{
	struct digest here;
	struct digest there = { 0 };
	struct err ignored = { 0 };

	if (!is_complete(pull, ref, &here))
		return false;
	if (digest_is_none(&ref->digest) &&
	    (repository_head(&pull->repository, &there, &ignored) < 0 ||
	     !digest_equal(&here, &there)))
		return false;
	*ret_digest = here;
	return true;
}

/* ---- blobs ---- */

static bool is_image_config(const char *media_type)
{
	return strcmp(media_type, MEDIA_OCI_CONFIG) == 0 ||
	       strcmp(media_type, MEDIA_DOCKER_CONFIG) == 0;
}

static int fetch_items(struct pull *pull, struct fetch *item, size_t count, struct err *err)
{
	struct fetch_list list = {
		.store = pull->store,
		.repository = &pull->repository,
		.item = item,
		.count = count,
		.threads = pull->request->threads,
		.progress = pull->request->progress,
		.cancel = &pull->cancel,
	};

	return fetch_all(&list, err);
}

static int fetch_config(struct pull *pull, const struct manifest *manifest, struct config *config,
			struct err *err)
{
	struct fetch fetch = { .descriptor = manifest->config, .label = "config" };
	auto_buf bytes = { 0 };
	int r;

	if (is_image_config(manifest->config.media_type) &&
	    manifest->config.size_bytes > CONFIG_SIZE_MAX)
		return fail_plain(err, EFBIG, "config '%s' of %llu bytes: too large",
				  manifest->config.digest.text,
				  (unsigned long long)manifest->config.size_bytes);
	r = fetch_items(pull, &fetch, 1, err);
	if (r < 0 || !is_image_config(manifest->config.media_type))
		return r;
	r = blob_read(pull->store, &manifest->config, CONFIG_SIZE_MAX, &bytes, err);
	if (r >= 0)
		r = config_parse(buf_text(&bytes), bytes.size_bytes, config, err);
	if (r < 0)
		return err_wrap(err, "config '%s'", manifest->config.digest.text);
	if (config->diff_id_count != manifest->layer_count)
		return fail_plain(
			err, EUCLEAN, "config '%s' tells of %zu layers, its manifest of %zu",
			manifest->config.digest.text, config->diff_id_count, manifest->layer_count);
	return 0;
}

/* A platform asked for by name must be what comes; an image without index may be anything. */
static int check_platform(const struct pull *pull, const struct config *config, struct err *err)
{
	struct platform offered = config_platform(config);
	char wanted[64];
	char got[64];

	if (!pull->request->platform || !config->architecture ||
	    platform_matches(&pull->platform, &offered))
		return 0;
	return fail_plain(err, ENOENT, "the image is for %s, not for %s",
			  platform_format(&offered, got), platform_format(&pull->platform, wanted));
}

/* The same blob may be a layer twice: fetched and unpacked once. (Two blobs of one diff id are
 * both needed; unpacking both is harmless.) */
static bool is_listed(const struct fetch *item, size_t count, const struct digest *digest)
{
	for (size_t i = 0; i < count; i++)
		if (digest_equal(&item[i].descriptor.digest, digest))
			return true;
	return false;
}

static int list_layers(struct pull *pull, const struct manifest *manifest,
		       const struct config *config, bool unpacks, struct fetch **ret_item,
		       size_t *ret_count, struct err *err)
{
	struct fetch *item = arena_array(&pull->arena, struct fetch, manifest->layer_count + 1);
	size_t count = 0;

	for (size_t i = 0; i < manifest->layer_count; i++) {
		const struct descriptor *layer = &manifest->layers[i];
		enum compression compression;
		int r;

		if (is_listed(item, count, &layer->digest))
			continue;
		item[count] = (struct fetch){ .descriptor = *layer, .label = "layer" };
		if (unpacks) {
			r = media_type_layer(layer->media_type, &compression, err);
			if (r < 0)
				return err_wrap(err, "layer '%s'", layer->digest.text);
			item[count].diff_id = config->diff_ids[i];
		}
		count++;
	}
	*ret_item = item;
	*ret_count = count;
	return 0;
}

static int fetch_image(struct pull *pull, const struct buf *bytes, bool unpacks, struct err *err)
{
	auto_config config = { 0 };
	struct manifest manifest;
	struct fetch *item = NULL;
	size_t count = 0;
	bool is_image;
	int r;

	r = manifest_parse(buf_text(bytes), bytes->size_bytes, &pull->arena, &manifest, err);
	if (r < 0)
		return r;
	r = fetch_config(pull, &manifest, &config, err);
	if (r < 0)
		return r;
	is_image = is_image_config(manifest.config.media_type);
	if (is_image && unpacks) {
		r = check_platform(pull, &config, err);
		if (r < 0)
			return r;
	}
	r = list_layers(pull, &manifest, &config, is_image && unpacks, &item, &count, err);
	if (r < 0)
		return r;
	return fetch_items(pull, item, count, err);
}

/* ---- manifests ---- */

/* Bytes to be kept once everything they name is there. */
static struct buf *new_manifest(struct pull *pull)
{
	return &pull->manifests[pull->manifest_count++];
}

static int fetch_child(struct pull *pull, const struct descriptor *descriptor, bool unpacks,
		       struct err *err)
{
	struct buf *bytes = new_manifest(pull);
	const char *media_type;
	int r;

	if (descriptor->size_bytes > MANIFEST_SIZE_MAX)
		return fail_plain(err, EFBIG, "manifest '%s' of %llu bytes: too large",
				  descriptor->digest.text,
				  (unsigned long long)descriptor->size_bytes);
	if (blob_present(pull->store, descriptor))
		r = blob_read(pull->store, descriptor, MANIFEST_SIZE_MAX, bytes, err);
	else
		r = repository_get_manifest(&pull->repository, descriptor, bytes, err);
	if (r >= 0)
		r = manifest_detect(buf_text(bytes), bytes->size_bytes, &media_type, err);
	if (r < 0)
		return r;
	if (media_type_is_index(media_type))
		return fail_plain(err, ENOTSUP, "'%s': an index within an index",
				  descriptor->digest.text);
	r = fetch_image(pull, bytes, unpacks, err);
	return r < 0 ? err_wrap(err, "manifest '%s'", descriptor->digest.text) : 0;
}

static int fetch_every_platform(struct pull *pull, const struct index *index,
				const struct digest *unpacked, struct err *err)
{
	for (size_t i = 0; i < index->manifest_count; i++) {
		const struct descriptor *child = &index->manifests[i];
		int r = fetch_child(pull, child, digest_equal(&child->digest, unpacked), err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int fetch_index(struct pull *pull, const struct buf *bytes, struct err *err)
{
	struct descriptor chosen = { 0 };
	struct index index;
	int r;

	r = index_parse(buf_text(bytes), bytes->size_bytes, &pull->arena, &index, err);
	if (r < 0)
		return r;
	pull->manifests = arena_array(&pull->arena, struct buf, index.manifest_count + 1);
	r = index_select(&index, &pull->platform, &chosen, err);
	if (pull->request->all_platforms) {
		err_clear(err); /* none to unpack here is fine: everything is wanted as it is */
		return fetch_every_platform(pull, &index, &chosen.digest, err);
	}
	return r < 0 ? r : fetch_child(pull, &chosen, true, err);
}

/* The header and the document must not say different things: two readers of one digest would see
 * two images (CVE-2021-41190). */
static int check_media_type(const char *header, const char *document, struct err *err)
{
	if (!media_type_is_index(header) && !media_type_is_manifest(header))
		return 0; /* text/plain and the like: the server does not know */
	if (strcmp(header, document) == 0)
		return 0;
	return fail_plain(err, EUCLEAN, "the registry says it is %s, the document says %s", header,
			  document);
}

static int keep_bytes(struct pull *pull, const struct buf *bytes, struct err *err)
{
	return blob_add(pull->store, buf_text(bytes), bytes->size_bytes, NULL, err);
}

static int fetch_root(struct pull *pull, const struct buf *bytes, const char *header,
		      struct err *err)
{
	const char *media_type;
	int r;

	r = manifest_detect(buf_text(bytes), bytes->size_bytes, &media_type, err);
	if (r >= 0)
		r = check_media_type(header, media_type, err);
	if (r < 0)
		return r;
	pull->root.media_type = media_type;
	pull->root.size_bytes = bytes->size_bytes;
	if (media_type_is_index(media_type))
		r = fetch_index(pull, bytes, err);
	else
		r = fetch_image(pull, bytes, true, err);
	for (size_t i = 0; r >= 0 && i < pull->manifest_count; i++)
		r = keep_bytes(pull, &pull->manifests[i], err);
	return r < 0 ? r : keep_bytes(pull, bytes, err);
}

/* ---- names ---- */

static size_t common_length(const char *a, const char *b)
{
	size_t length = 0;

	while (a[length] && a[length] == b[length])
		length++;
	return length;
}

/* Move the tags most like the wanted one to the front, so that a typing error is seen. */
static void likest_first(struct strings *tags, const char *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t best = i;
		char *taken;

		for (size_t j = i + 1; j < tags->count; j++)
			if (common_length(tags->item[j], wanted) >
			    common_length(tags->item[best], wanted))
				best = j;
		taken = tags->item[best];
		tags->item[best] = tags->item[i];
		tags->item[i] = taken;
	}
}

/* Which tags there are, when the one asked for is not; no tags, no hint. */
static void hint_at_tags(struct pull *pull, const struct ref *ref, struct err *err)
{
	auto_strings tags = { 0 };
	auto_buf list = { 0 };
	struct registry *registry;
	struct err ignored = { 0 };
	const char *name;
	size_t shown;

	if (!digest_is_none(&ref->digest) ||
	    repository_server(&pull->repository, pull->repository.count - 1, &registry, &name,
			      &ignored) < 0 ||
	    registry_get_tags(registry, name, &tags, &ignored) < 0 || tags.count == 0)
		return;
	shown = tags.count < TAGS_SHOWN ? tags.count : TAGS_SHOWN;
	likest_first(&tags, ref->tag, shown);
	for (size_t i = 0; i < shown; i++)
		buf_printf(&list, "%s%.*s", i ? ", " : "", REF_TAG_MAX, tags.item[i]);
	err_hint(err, "tags there: %s%s", list.bytes, shown < tags.count ? ", ..." : "");
}

static int fetch_ref(struct pull *pull, const struct ref *ref, struct err *err)
{
	auto_free char *header = NULL;
	auto_buf bytes = { 0 };
	int r;

	r = repository_resolve(&pull->repository, &bytes, &pull->root.digest, &header, err);
	if (r == -ENOENT)
		hint_at_tags(pull, ref, err);
	if (r < 0)
		return r;
	r = fetch_root(pull, &bytes, header, err);
	if (r < 0)
		return r;
	return refs_set(pull->store, ref, &pull->root, err);
}

static int pull_ref(struct pull *pull, const struct ref *ref, struct pull_result *result,
		    struct err *err)
{
	char name[REF_TEXT_MAX];
	int r = repository_open(&pull->remote, ref, &pull->repository, err);

	if (r < 0)
		return r;
	result->ref = *ref;
	if (is_up_to_date(pull, ref, &result->digest)) {
		result->up_to_date = true;
	} else {
		r = fetch_ref(pull, ref, err);
		result->digest = pull->root.digest;
	}
	repository_done(&pull->repository);
	return r < 0 ? err_wrap(err, "'%s'", ref_format(ref, name)) : 0;
}

/* A short name may stand for several; only what is not there leads on to the next. */
static int pull_any(struct pull *pull, const struct strings *names, struct pull_result *result,
		    struct err *err)
{
	int r = -ENOENT;

	for (size_t i = 0; i < names->count; i++) {
		struct ref ref;

		r = ref_parse(names->item[i], &ref, err);
		if (r >= 0)
			r = pull_ref(pull, &ref, result, err);
		if (r >= 0 || i + 1 == names->count || (r != -ENOENT && r != -EACCES))
			break;
		log_info("%s", err->text);
		err_clear(err);
	}
	return r;
}

static int pull_with(struct pull *pull, char *const *environ_list, struct pull_result *result,
		     struct err *err)
{
	struct remote_settings settings = pull->request->remote;
	auto_strings names = { 0 };
	int r = 0;

	settings.cancel = &pull->cancel;
	pull->platform = platform_host();
	if (pull->request->platform)
		r = platform_parse(pull->request->platform, &pull->arena, &pull->platform, err);
	if (r >= 0)
		r = remote_init(&pull->remote, &settings, environ_list, err);
	if (r >= 0)
		r = registries_expand(&pull->remote.registries, pull->request->name, &names, err);
	return r < 0 ? r : pull_any(pull, &names, result, err);
}

int pull(const struct store *store, const struct pull_request *request, char *const *environ_list,
	 struct pull_result *ret_result, struct err *err)
{
	struct pull state = { .store = store, .request = request };
	struct pull_result result = { 0 };
	int r = pull_with(&state, environ_list, &result, err);

	pull_done(&state);
	if (r >= 0)
		*ret_result = result;
	return r;
}
