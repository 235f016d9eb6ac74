// SPDX-License-Identifier: Apache-2.0
#include "flow/build_image.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "codec/json.h"
#include "flow/build_output.h"
#include "image/manifest.h"
#include "image/ownership.h"
#include "store/blob_writer.h"

static void add_labels(const struct build *build, struct config *config)
{
	const struct strings *labels = &build->request->labels;

	for (size_t i = 0; i < labels->count; i++) {
		const char *equals = strchr(labels->item[i], '=');
		auto_buf name = { 0 };

		buf_add(&name, labels->item[i], (size_t)(equals - labels->item[i]));
		strings_env_set(&config->labels, name.bytes, equals + 1);
	}
	if (build->request->ownership)
		strings_env_set(&config->labels, OWNERSHIP_MARK, build->request->ownership);
}

static const char *copy_or_null(struct build *build, const char *text)
{
	return text ? arena_copy(&build->arena, text) : NULL;
}

int build_image_write(struct build *build, struct build_platform *platform, struct err *err)
{
	struct build_stage *state = &build->stage[build->plan.target].state;
	struct annotations annotations = build_annotations_for(
		build->annotations, ANNOTATE_MANIFEST, &platform->platform, &build->arena);
	const char *cache = build_caches_inlined(build);
	int r;

	if (cache)
		build_annotations_add(&annotations, ANNOTATION_CACHE, cache, &build->arena);
	add_labels(build, &state->config);
	r = build_stage_write(state, &annotations, &platform->manifest, &platform->image_id, err);
	if (r < 0)
		return r;
	platform->manifest.platform = (struct platform){
		.os = copy_or_null(build, state->config.os),
		.architecture = copy_or_null(build, state->config.architecture),
		.variant = copy_or_null(build, state->config.variant),
		.os_version = copy_or_null(build, state->config.os_version),
	};
	platform->manifest.annotations = build_annotations_for(build->annotations,
							       ANNOTATE_MANIFEST_DESCRIPTOR,
							       &platform->platform, &build->arena);
	return 0;
}

/* A base image without an index is what it is, whatever was asked for: two of the same platform in
 * one index would mean that one of them is never found. */
static int check_distinct(const struct build *build, struct err *err)
{
	for (size_t i = 0; i < build->platform_count; i++) {
		const struct build_platform *platform = &build->platform[i];
		char asked[64];
		char got[64];

		if (platform_matches(&platform->platform, &platform->manifest.platform))
			continue;
		platform_format(&platform->manifest.platform, got);
		fail_plain(err, EINVAL, "the image for %s came out as one for %s",
			   platform_format(&platform->platform, asked), got);
		err_hint(err, "the base image is for %s only: pull or import one that has %s", got,
			 asked);
		return -EINVAL;
	}
	return 0;
}

static int write_index(struct build *build, struct err *err)
{
	struct index index = {
		.manifests = arena_array(&build->arena, struct descriptor, build->platform_count),
		.manifest_count = build->platform_count,
		.annotations = build_annotations_for(build->annotations, ANNOTATE_INDEX, NULL,
						     &build->arena),
	};
	auto_buf text = { 0 };
	int r = check_distinct(build, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < build->platform_count; i++)
		index.manifests[i] = build->platform[i].manifest;
	index_print(&index, &text);
	build->root = (struct descriptor){
		.media_type = MEDIA_OCI_INDEX,
		.size_bytes = text.size_bytes,
		.annotations = build_annotations_for(build->annotations, ANNOTATE_INDEX_DESCRIPTOR,
						     NULL, &build->arena),
	};
	return blob_add(&build->store, text.bytes, text.size_bytes, &build->root.digest, err);
}

int build_image_finish(struct build *build, struct err *err)
{
	int r = 0;

	if (build->makes_index)
		r = write_index(build, err);
	else
		build->root = build->platform->manifest;
	if (r < 0)
		return r;
	build->result.manifest = build->root.digest;
	build->result.image_id = build->makes_index ? build->root.digest
						    : build->platform->image_id;
	return 0;
}

int build_image_metadata(const struct build *build, struct err *err)
{
	auto_json *json = json_new_object();
	auto_buf names = { 0 };
	auto_buf text = { 0 };

	build_output_names(build, &names);
	if (!build->makes_index)
		json_set_text(json, "containerimage.config.digest", build->result.image_id.text);
	json_set(json, "containerimage.descriptor", descriptor_to_json(&build->root));
	json_set_text(json, "containerimage.digest", build->root.digest.text);
	if (names.size_bytes)
		json_set_text(json, "image.name", names.bytes);
	json_print(json, JSON_PRETTY, &text);
	buf_add_char(&text, '\n');
	return io_replace_file_at(AT_FDCWD, build->request->metadata_file, text.bytes,
				  text.size_bytes, 0666, err);
}
