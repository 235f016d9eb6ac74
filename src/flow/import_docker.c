// SPDX-License-Identifier: Apache-2.0
/* docker-archive, as `docker save` and `podman save` write it: manifest.json names the config, the
 * tags and the layers (moby, image/spec/v1.2.md "Combined Image JSON + Filesystem Changeset
 * Format"). The config is kept, and with it the image id; the manifest is ours. */
#include <string.h>

#include "base/banned.h"
#include "codec/json.h"
#include "flow/import.h"
#include "flow/import_layer.h"
#include "store/blob_writer.h"

#define MANIFEST_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct import {
	const struct import_request *request;
	const struct bundle *bundle;
	struct arena arena;
	struct map layers; /* name in the archive -> struct import_layer: shared ones once */
	struct reach brought;
	struct err *err;
};

static enum encoding encoding_of(const struct bundle_file *file)
{
	char magic[16];
	size_t size = sizeof(magic);
	ssize_t n;

	if (size > file->part.left_bytes)
		size = (size_t)file->part.left_bytes;
	n = pread(file->part.fd, magic, size, (off_t)file->part.offset);
	return n < 0 ? ENCODING_NONE : encoding_detect(magic, (size_t)n);
}

static int import_one_layer(struct import *import, const char *name, const struct digest *diff_id,
			    struct import_layer **ret_layer)
{
	auto_bundle_file file = BUNDLE_FILE_NONE;
	struct import_layer *layer = map_get(&import->layers, name);
	int r;

	if (!layer) {
		const struct import_layer *found = bundle_layer(import->bundle, name);

		layer = arena_new(&import->arena, struct import_layer);
		r = found ? 0 : bundle_open(import->bundle, name, &file, import->err);
		if (found)
			*layer = *found;
		else if (r == 0)
			r = import_layer(import->request->store, &file.source, encoding_of(&file),
					 diff_id, layer, import->err);
		if (r < 0)
			return err_wrap(import->err, "layer '%s'", name);
		reach_add_layer(&import->brought, &layer->diff_id, &layer->descriptor.digest);
		map_set(&import->layers, name, layer);
	}
	if (!digest_equal(&layer->diff_id, diff_id))
		return fail(import->err, EUCLEAN, "layer '%s' is %s and not %s", name,
			    layer->diff_id.text, diff_id->text);
	*ret_layer = layer;
	return 0;
}

static int import_layers(struct import *import, const struct strings *names,
			 const struct config *config, struct manifest *manifest)
{
	if (names->count != config->diff_id_count)
		return fail_plain(import->err, EUCLEAN,
				  "the config lists %zu layers and manifest.json %zu",
				  config->diff_id_count, names->count);
	manifest->layers = arena_array(&import->arena, struct descriptor, names->count);
	for (size_t i = 0; i < names->count; i++) {
		struct import_layer *layer = NULL;
		int r = import_one_layer(import, names->item[i], &config->diff_ids[i], &layer);

		if (r < 0)
			return r;
		manifest->layers[manifest->layer_count++] = layer->descriptor;
	}
	return 0;
}

static int name_image(struct import *import, const struct strings *tags,
		      const struct descriptor *root, const struct digest *id)
{
	if (import->request->ref || tags->count == 0)
		return import_name(import->request, root, id, NULL, import->err);
	strings_each(tags, tag) {
		struct ref ref;
		int r = ref_parse(tag, &ref, import->err);

		if (r == 0)
			r = import_name(import->request, root, id, &ref, import->err);
		if (r < 0)
			return err_wrap(import->err, "'RepoTags'");
	}
	return 0;
}

static int import_parts(struct import *import, const char *config_name,
			const struct strings *layer_names, const struct strings *tags)
{
	struct descriptor root = { .media_type = MEDIA_OCI_MANIFEST };
	struct manifest manifest = { .config = { .media_type = MEDIA_OCI_CONFIG } };
	const struct store *store = import->request->store;
	auto_config config = { 0 };
	auto_buf bytes = { 0 };
	auto_buf text = { 0 };
	int r = bundle_read(import->bundle, config_name, CONFIG_SIZE_MAX, &bytes, import->err);

	if (r == 0)
		r = config_parse(buf_text(&bytes), bytes.size_bytes, &config, import->err);
	if (r == 0)
		r = import_layers(import, layer_names, &config, &manifest);
	if (r == 0)
		r = blob_add(store, bytes.bytes, bytes.size_bytes, &manifest.config.digest,
			     import->err);
	if (r < 0)
		return r;
	reach_add_blob(&import->brought, &manifest.config.digest);
	manifest.config.size_bytes = bytes.size_bytes;
	manifest_print(&manifest, &text);
	r = blob_add(store, text.bytes, text.size_bytes, &root.digest, import->err);
	root.size_bytes = text.size_bytes;
	reach_add_blob(&import->brought, &root.digest);
	return r < 0 ? r : name_image(import, tags, &root, &manifest.config.digest);
}

static int import_image(struct import *import, const struct json *image)
{
	auto_strings layers = { 0 };
	auto_strings tags = { 0 };
	const char *config_name;
	int r = json_need_text(image, "Config", &config_name, import->err);

	if (r == 0)
		r = json_read_strings(image, "Layers", &layers, import->err);
	if (r == 0)
		r = json_read_strings(image, "RepoTags", &tags, import->err);
	return r < 0 ? r : import_parts(import, config_name, &layers, &tags);
}

static int import_all(struct import *import)
{
	auto_json *json = NULL;
	auto_buf bytes = { 0 };
	int r = bundle_read(import->bundle, "manifest.json", MANIFEST_BYTES_MAX, &bytes,
			    import->err);

	if (r == 0)
		r = json_parse(buf_text(&bytes), bytes.size_bytes, &json, import->err);
	if (r == 0 && (!json_is_array(json) || !json_count(json)))
		r = fail_plain(import->err, EINVAL, "it lists no image");
	if (r == 0 && import->request->ref && json_count(json) > 1)
		r = fail_plain(import->err, EINVAL,
			       "it lists %zu images, which cannot all be given one name",
			       json_count(json));
	for (size_t i = 0; r == 0 && i < json_count(json); i++) {
		r = import_image(import, json_at(json, i));
		if (r < 0)
			return err_wrap(import->err, "image %zu of manifest.json", i + 1);
	}
	return r < 0 ? err_wrap(import->err, "manifest.json") : 0;
}

int import_docker(const struct import_request *request, const struct bundle *bundle,
		  struct err *err)
{
	struct import import = { .request = request, .bundle = bundle, .err = err };
	int r = import_all(&import);

	if (r < 0)
		import_undo(request, &import.brought);
	reach_done(&import.brought);
	map_done(&import.layers);
	arena_done(&import.arena);
	return r;
}
