// SPDX-License-Identifier: Apache-2.0
#include "flow/build_stage.h"

#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "image/ownership.h"
#include "store/blob_writer.h"

/* OCI's ChainID (image-spec, config.md): the name of a stack of layers. */
static void extend_chain(struct build_stage *stage, const struct digest *diff_id)
{
	auto_sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, stage->chain, strlen(stage->chain));
	sha256_add(&sha, " ", 1);
	sha256_add(&sha, diff_id->text, strlen(diff_id->text));
	sha256_finish(&sha, stage->chain);
}

static void add_layer(struct build_stage *stage, const struct digest *diff_id,
		      const struct descriptor *layer)
{
	size_t count = stage->config.diff_id_count;

	stage->layers = memory_resize(stage->layers, count + 1, sizeof(*stage->layers));
	stage->layers[count] = *layer;
	stage->layers[count].media_type = arena_copy(&stage->arena, layer->media_type);
	stage->layers[count].platform = (struct platform){ 0 };
	stage->layers[count].annotations = (struct annotations){ 0 };
	config_add_diff_id(&stage->config, diff_id);
}

void build_stage_done(struct build_stage *stage)
{
	config_done(&stage->config);
	view_done(&stage->view);
	free(stage->layers);
	free(stage->created);
	arena_done(&stage->arena);
	*stage = (struct build_stage){ 0 };
}

int build_stage_from_scratch(const struct store *store, const struct platform *platform,
			     struct build_stage *stage, struct err *err)
{
	(void)err;
	*stage = (struct build_stage){ .store = store };
	config_init(&stage->config);
	config_set(&stage->config.os, platform->os);
	config_set(&stage->config.architecture, platform->architecture);
	config_set(&stage->config.variant, platform->variant);
	view_init(&stage->view);
	return 0;
}

/* Push what the config lists onto the view and the chain. */
static int look_at_layers(struct build_stage *stage, struct err *err)
{
	for (size_t i = 0; i < stage->config.diff_id_count; i++) {
		const struct digest *diff_id = &stage->config.diff_ids[i];
		int r = view_push_layer(&stage->view, stage->store, diff_id, err);

		if (r < 0)
			return r;
		extend_chain(stage, diff_id);
	}
	return 0;
}

static int start_with(const struct store *store, const struct config *config,
		      const struct descriptor *layers, struct build_stage *stage, struct err *err)
{
	int r;

	*stage = (struct build_stage){ .store = store };
	config_copy(config, &stage->config);
	view_init(&stage->view);
	stage->config.diff_id_count = 0;
	for (size_t i = 0; i < config->diff_id_count; i++)
		add_layer(stage, &config->diff_ids[i], &layers[i]);
	r = look_at_layers(stage, err);
	if (r < 0)
		build_stage_done(stage);
	return r;
}

int build_stage_from_image(const struct store *store, const struct image *image,
			   struct build_stage *stage, struct err *err)
{
	int r;

	if (image->manifest.layer_count != image->config.diff_id_count)
		return fail(err, EUCLEAN, "the image's manifest has %zu layers, its config %zu",
			    image->manifest.layer_count, image->config.diff_id_count);
	r = start_with(store, &image->config, image->manifest.layers, stage, err);
	if (r == 0 && image->config.created)
		stage->created = memory_copy_text(image->config.created);
	return r;
}

int build_stage_from_stage(const struct build_stage *parent, struct build_stage *stage,
			   struct err *err)
{
	int r = start_with(parent->store, &parent->config, parent->layers, stage, err);

	if (r == 0 && parent->created)
		stage->created = memory_copy_text(parent->created);
	return r;
}

static char *text_or_null(const char *text)
{
	return text ? memory_copy_text(text) : NULL;
}

static void add_history(struct build_stage *stage, const char *created_by, const char *created,
			bool empty)
{
	struct history history = { .created = text_or_null(created),
				   .created_by = text_or_null(created_by),
				   .empty_layer = empty };

	config_add_history(&stage->config, &history);
	free(history.created);
	free(history.created_by);
}

int build_stage_add(struct build_stage *stage, const struct build_cached *result,
		    const char *created_by, struct err *err)
{
	bool empty = digest_is_none(&result->diff_id);
	int r;

	if (!empty) {
		r = view_push_layer(&stage->view, stage->store, &result->diff_id, err);
		if (r < 0)
			return r;
		add_layer(stage, &result->diff_id, &result->layer);
		extend_chain(stage, &result->diff_id);
	}
	free(stage->created);
	stage->created = memory_copy_text(result->created);
	add_history(stage, created_by, result->created, empty);
	return 0;
}

/* The time is that of the newest layer: the same Dockerfile on the same layers is the same image.
 */
void build_stage_add_history(struct build_stage *stage, const char *created_by)
{
	add_history(stage, created_by, stage->created, true);
}

/* Layers of a Docker base keep their bytes; in an OCI manifest they take OCI's names for them. */
static const char *oci_media_type(const char *media_type)
{
	return strcmp(media_type, MEDIA_DOCKER_LAYER) == 0 ? MEDIA_OCI_LAYER_GZIP : media_type;
}

/* A small blob up to the point where it can be published; *ret_writer stays NULL when the store has
 * it already. */
static int draft(const struct store *store, const struct buf *text, struct descriptor *descriptor,
		 struct blob_writer **ret_writer, struct err *err)
{
	auto_blob_writer *writer = NULL;
	int r = blob_writer_new(store, NULL, text->size_bytes, &writer, err);

	if (r == 0)
		r = blob_writer_add(writer, text->bytes, text->size_bytes, err);
	if (r == 0)
		r = blob_writer_seal(writer, &descriptor->digest, &descriptor->size_bytes, err);
	if (r == 0 && !blob_present(store, descriptor))
		*ret_writer = take_ptr(writer);
	return r;
}

/* One sync for both, and for the names of the layers, before anything points to them. */
static int publish(const struct store *store, struct blob_writer *config,
		   struct blob_writer *manifest, struct err *err)
{
	int r = config || manifest ? store_sync(store, err) : 0;

	if (r == 0 && config)
		r = blob_writer_publish(config, err);
	if (r == 0 && manifest)
		r = blob_writer_publish(manifest, err);
	return r;
}

/* The mark says it where tools look that do not read configs; one that was asked for wins. */
static void add_mark(struct build_stage *stage, const struct annotations *given,
		     struct annotations *annotations)
{
	const char *mark = strings_env_get(&stage->config.labels, OWNERSHIP_MARK);

	annotations->item = arena_array(&stage->arena, struct annotation, given->count + 1);
	if (mark && !annotation_get(given, OWNERSHIP_MARK))
		annotations->item[annotations->count++] = (struct annotation){ OWNERSHIP_MARK,
									       mark };
	for (size_t i = 0; i < given->count; i++)
		annotations->item[annotations->count++] = given->item[i];
}

int build_stage_write(struct build_stage *stage, const struct annotations *annotations,
		      struct descriptor *ret_manifest, struct digest *ret_image_id, struct err *err)
{
	struct manifest manifest = { .media_type = MEDIA_OCI_MANIFEST,
				     .config = { .media_type = MEDIA_OCI_CONFIG },
				     .layers = stage->layers,
				     .layer_count = stage->config.diff_id_count };
	auto_blob_writer *config_writer = NULL;
	auto_blob_writer *manifest_writer = NULL;
	auto_buf config = { 0 };
	auto_buf text = { 0 };
	int r;

	for (size_t i = 0; i < manifest.layer_count; i++)
		stage->layers[i].media_type = oci_media_type(stage->layers[i].media_type);
	config_set(&stage->config.created, stage->created);
	config_print(&stage->config, &config);
	add_mark(stage, annotations, &manifest.annotations);
	r = draft(stage->store, &config, &manifest.config, &config_writer, err);
	if (r < 0)
		return r;
	manifest_print(&manifest, &text);
	*ret_manifest = (struct descriptor){ .media_type = MEDIA_OCI_MANIFEST };
	r = draft(stage->store, &text, ret_manifest, &manifest_writer, err);
	if (r == 0)
		r = publish(stage->store, config_writer, manifest_writer, err);
	if (r == 0)
		*ret_image_id = manifest.config.digest;
	return r;
}
