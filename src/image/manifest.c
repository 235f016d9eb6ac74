// SPDX-License-Identifier: Apache-2.0
#include "image/manifest.h"

#include <string.h>

#include "base/banned.h"
#include "base/strings.h"

static int parse_list(const struct json *array, const char *name, struct arena *arena,
		      struct descriptor **ret_list, size_t *ret_count, struct err *err)
{
	size_t count = json_count(array);
	struct descriptor *list;

	if (array && !json_is_array(array))
		return fail_plain(err, EINVAL, "'%s' is not an array", name);
	if (count > MANIFEST_LAYER_MAX)
		return fail_plain(err, E2BIG, "'%s' has %zu entries, more than %d", name, count,
				  MANIFEST_LAYER_MAX);
	list = arena_array(arena, struct descriptor, count);
	for (size_t i = 0; i < count; i++) {
		int r = descriptor_parse(json_at(array, i), arena, &list[i], err);

		if (r < 0)
			return err_wrap(err, "'%s', entry %zu", name, i + 1);
	}
	*ret_list = list;
	*ret_count = count;
	return 0;
}

static int parse_object(const void *bytes, size_t size_bytes, struct json **ret_json,
			struct err *err)
{
	auto_json *json = NULL;
	int64_t version;
	int r;

	if (size_bytes > MANIFEST_SIZE_MAX)
		return fail_plain(err, EFBIG, "larger than %zu bytes", MANIFEST_SIZE_MAX);
	r = json_parse(bytes, size_bytes, &json, err);
	if (r < 0)
		return r;
	if (!json_is_object(json))
		return fail_plain(err, EINVAL, "not a JSON object");
	if (!json_integer_of(json_get(json, "schemaVersion"), &version))
		return fail_plain(err, EINVAL, "'schemaVersion' is missing");
	if (version == 1)
		return fail_plain(err, ENOTSUP,
				  "Docker schema 1, withdrawn in 2017, is not supported");
	if (version != 2)
		return fail_plain(err, ENOTSUP, "schema version %lld is not supported",
				  (long long)version);
	*ret_json = take_ptr(json);
	return 0;
}

static const char *detect(const struct json *json)
{
	static const char *const known[] = { MEDIA_OCI_INDEX, MEDIA_OCI_MANIFEST, MEDIA_DOCKER_LIST,
					     MEDIA_DOCKER_MANIFEST };
	const char *media_type = json_get_text(json, "mediaType");

	for (size_t i = 0; i < array_count(known); i++)
		if (text_equal(media_type, known[i]))
			return known[i];
	if (media_type)
		return NULL;
	if (json_get(json, "manifests"))
		return MEDIA_OCI_INDEX;
	if (json_get(json, "config"))
		return MEDIA_OCI_MANIFEST;
	return NULL;
}

static int parse_manifest(const void *bytes, size_t size_bytes, struct arena *arena,
			  struct manifest *manifest, struct err *err)
{
	auto_json *json = NULL;
	const char *artifact_type;
	int r = parse_object(bytes, size_bytes, &json, err);

	if (r < 0)
		return r;
	manifest->media_type = detect(json);
	if (!media_type_is_manifest(manifest->media_type))
		return fail_plain(err, EINVAL, "media type '%.100s' is not an image manifest",
				  json_get_text(json, "mediaType") ?: "(none)");
	r = descriptor_parse(json_get(json, "config"), arena, &manifest->config, err);
	if (r < 0)
		return err_wrap(err, "'config'");
	r = parse_list(json_get(json, "layers"), "layers", arena, &manifest->layers,
		       &manifest->layer_count, err);
	if (r < 0)
		return r;
	artifact_type = json_get_text(json, "artifactType");
	manifest->artifact_type = artifact_type ? arena_copy(arena, artifact_type) : NULL;
	return annotations_parse(json_get(json, "annotations"), arena, &manifest->annotations, err);
}

int manifest_parse(const void *bytes, size_t size_bytes, struct arena *arena,
		   struct manifest *ret_manifest, struct err *err)
{
	struct manifest manifest = { 0 };
	int r = parse_manifest(bytes, size_bytes, arena, &manifest, err);

	if (r < 0)
		return err_wrap(err, "manifest");
	*ret_manifest = manifest;
	return 0;
}

static int parse_index(const void *bytes, size_t size_bytes, struct arena *arena,
		       struct index *index, struct err *err)
{
	auto_json *json = NULL;
	int r = parse_object(bytes, size_bytes, &json, err);

	if (r < 0)
		return r;
	index->media_type = detect(json);
	if (!media_type_is_index(index->media_type))
		return fail_plain(err, EINVAL, "media type '%.100s' is not an image index",
				  json_get_text(json, "mediaType") ?: "(none)");
	r = parse_list(json_get(json, "manifests"), "manifests", arena, &index->manifests,
		       &index->manifest_count, err);
	if (r < 0)
		return r;
	return annotations_parse(json_get(json, "annotations"), arena, &index->annotations, err);
}

int index_parse(const void *bytes, size_t size_bytes, struct arena *arena, struct index *ret_index,
		struct err *err)
{
	struct index index = { 0 };
	int r = parse_index(bytes, size_bytes, arena, &index, err);

	if (r < 0)
		return err_wrap(err, "index");
	*ret_index = index;
	return 0;
}

int manifest_detect(const void *bytes, size_t size_bytes, const char **ret_media_type,
		    struct err *err)
{
	auto_json *json = NULL;
	const char *media_type;
	int r = parse_object(bytes, size_bytes, &json, err);

	if (r < 0)
		return err_wrap(err, "manifest");
	media_type = detect(json);
	if (!media_type)
		return fail_plain(err, ENOTSUP, "media type '%.100s' is neither manifest nor index",
				  json_get_text(json, "mediaType") ?: "(none)");
	*ret_media_type = media_type;
	return 0;
}

static struct json *list_to_json(const struct descriptor *list, size_t count)
{
	struct json *array = json_new_array();

	for (size_t i = 0; i < count; i++)
		json_add(array, descriptor_to_json(&list[i]));
	return array;
}

void manifest_print(const struct manifest *manifest, struct buf *buf)
{
	auto_json *json = json_new_object();

	json_set_integer(json, "schemaVersion", 2);
	json_set_text(json, "mediaType",
		      manifest->media_type ? manifest->media_type : MEDIA_OCI_MANIFEST);
	json_set_text(json, "artifactType", manifest->artifact_type);
	json_set(json, "config", descriptor_to_json(&manifest->config));
	json_set(json, "layers", list_to_json(manifest->layers, manifest->layer_count));
	if (manifest->annotations.count)
		json_set(json, "annotations", annotations_to_json(&manifest->annotations));
	json_print(json, JSON_ONE_LINE, buf);
}

void index_print(const struct index *index, struct buf *buf)
{
	auto_json *json = json_new_object();

	json_set_integer(json, "schemaVersion", 2);
	json_set_text(json, "mediaType", index->media_type ? index->media_type : MEDIA_OCI_INDEX);
	json_set(json, "manifests", list_to_json(index->manifests, index->manifest_count));
	if (index->annotations.count)
		json_set(json, "annotations", annotations_to_json(&index->annotations));
	json_print(json, JSON_ONE_LINE, buf);
}

static bool has_platform(const struct descriptor *descriptor)
{
	return descriptor->platform.os || descriptor->platform.architecture;
}

/* The same variant, also "none", beats one that merely does not contradict: amd64/v3 must not be
 * taken for plain amd64 while both are offered. */
static const struct descriptor *find(const struct index *index, const struct platform *platform)
{
	const struct descriptor *lenient = NULL;
	bool any_platform = false;

	for (size_t i = 0; i < index->manifest_count; i++) {
		const struct descriptor *offer = &index->manifests[i];

		any_platform |= has_platform(offer);
		if (!has_platform(offer) || !platform_matches(platform, &offer->platform))
			continue;
		if (text_equal(platform->variant, offer->platform.variant))
			return offer;
		if (!lenient)
			lenient = offer;
	}
	if (lenient || any_platform || !index->manifest_count)
		return lenient;
	return &index->manifests[0];
}

int index_select(const struct index *index, const struct platform *platform,
		 struct descriptor *ret_descriptor, struct err *err)
{
	const struct descriptor *found = find(index, platform);
	char text[64];

	if (found) {
		*ret_descriptor = *found;
		return 0;
	}
	fail_plain(err, ENOENT,
		   "no image for platform %s; there is:", platform_format(platform, text));
	for (size_t i = 0; i < index->manifest_count; i++)
		if (!text_equal(index->manifests[i].platform.os, "unknown"))
			err_append(err, " %s",
				   platform_format(&index->manifests[i].platform, text));
	return -ENOENT;
}
