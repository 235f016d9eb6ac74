// SPDX-License-Identifier: Apache-2.0
/* OCI layouts and oci-archives: blobs are taken as they are, each checked against the digest that
 * led to it. Of an index what is there is taken; what is not there is not missed. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "flow/import.h"
#include "flow/import_layer.h"
#include "store/blob_writer.h"

#define DEPTH_MAX	4 /* of indexes in indexes */
#define CONTAINERD_NAME "io.containerd.image.name"

struct import {
	const struct import_request *request;
	const struct bundle *bundle;
	struct arena arena;
	struct digest id; /* of the image for this machine, else of any */
	bool has_id;
	struct reach brought;
	struct err *err;
};

static const char *blob_name(const struct digest *digest, char name[STORE_NAME_MAX])
{
	return store_blob_name(digest, name);
}

static bool has_blob(const struct import *import, const struct digest *digest)
{
	char name[STORE_NAME_MAX];

	return bundle_has(import->bundle, blob_name(digest, name));
}

static int open_blob(struct import *import, const struct descriptor *descriptor,
		     struct bundle_file *file)
{
	char name[STORE_NAME_MAX];

	return bundle_open(import->bundle, blob_name(&descriptor->digest, name), file, import->err);
}

static int copy_blob(struct import *import, const struct descriptor *descriptor)
{
	auto_bundle_file file = BUNDLE_FILE_NONE;
	int r;

	reach_add_blob(&import->brought, &descriptor->digest);
	if (blob_present(import->request->store, descriptor))
		return 0;
	r = open_blob(import, descriptor, &file);
	if (r == 0)
		r = import_blob(import->request->store, &file.source, descriptor, import->err);
	return r;
}

static int copy_and_read(struct import *import, const struct descriptor *descriptor, size_t limit,
			 struct buf *buf)
{
	int r;

	if (descriptor->size_bytes > limit)
		return fail_plain(import->err, EFBIG, "blob %s is larger than %zu bytes",
				  descriptor->digest.text, limit);
	r = copy_blob(import, descriptor);
	return r < 0 ? r : blob_read(import->request->store, descriptor, limit, buf, import->err);
}

static bool is_for_this_machine(const struct config *config)
{
	struct platform host = platform_host();
	struct platform platform = config_platform(config);

	return platform_matches(&host, &platform);
}

static int copy_layer(struct import *import, const struct descriptor *layer,
		      const struct digest *diff_id)
{
	auto_bundle_file file = BUNDLE_FILE_NONE;
	enum compression compression;
	int r = media_type_layer(layer->media_type, &compression, import->err);

	reach_add_layer(&import->brought, diff_id, &layer->digest);
	if (r == 0)
		r = open_blob(import, layer, &file);
	if (r == 0)
		r = import_layer_as_is(import->request->store, &file.source, layer, diff_id,
				       import->err);
	return r;
}

/* Layers of other machines' images stay packed until someone wants to run them. */
static int copy_layers(struct import *import, const struct manifest *manifest,
		       const struct config *config)
{
	bool unpack = config && is_for_this_machine(config);

	if (unpack && config->diff_id_count != manifest->layer_count)
		return fail_plain(import->err, EUCLEAN,
				  "the config lists %zu layers and the manifest %zu",
				  config->diff_id_count, manifest->layer_count);
	for (size_t i = 0; i < manifest->layer_count; i++) {
		int r = unpack ? copy_layer(import, &manifest->layers[i], &config->diff_ids[i])
			       : copy_blob(import, &manifest->layers[i]);

		if (r < 0)
			return err_wrap(import->err, "layer %zu", i + 1);
	}
	return 0;
}

/* An artifact (a chart, a signature) has another kind of config: its blobs are only kept. */
static bool is_image_config(const char *media_type)
{
	return text_equal(media_type, MEDIA_OCI_CONFIG) ||
	       text_equal(media_type, MEDIA_DOCKER_CONFIG);
}

static int copy_manifest(struct import *import, const struct descriptor *descriptor)
{
	auto_config config = { 0 };
	auto_buf bytes = { 0 };
	auto_buf config_bytes = { 0 };
	struct manifest manifest;
	bool is_image;
	int r = copy_and_read(import, descriptor, MANIFEST_SIZE_MAX, &bytes);

	if (r == 0)
		r = manifest_parse(buf_text(&bytes), bytes.size_bytes, &import->arena, &manifest,
				   import->err);
	if (r < 0)
		return r;
	is_image = is_image_config(manifest.config.media_type);
	r = copy_and_read(import, &manifest.config, CONFIG_SIZE_MAX, &config_bytes);
	if (r == 0 && is_image)
		r = config_parse(buf_text(&config_bytes), config_bytes.size_bytes, &config,
				 import->err);
	if (r == 0)
		r = copy_layers(import, &manifest, is_image ? &config : NULL);
	if (r < 0)
		return r;
	if (!import->has_id || (is_image && is_for_this_machine(&config)))
		import->id = manifest.config.digest;
	import->has_id = true;
	return 0;
}

static int copy_root(struct import *import, const struct descriptor *descriptor, int depth);

static int copy_index(struct import *import, const struct descriptor *descriptor, int depth)
{
	auto_buf bytes = { 0 };
	struct index index;
	int r = copy_and_read(import, descriptor, MANIFEST_SIZE_MAX, &bytes);

	if (r == 0)
		r = index_parse(buf_text(&bytes), bytes.size_bytes, &import->arena, &index,
				import->err);
	if (r == 0 && depth == DEPTH_MAX)
		r = fail_plain(import->err, ELOOP, "indexes in indexes, more than %d deep",
			       DEPTH_MAX);
	for (size_t i = 0; r == 0 && i < index.manifest_count; i++)
		if (has_blob(import, &index.manifests[i].digest))
			r = copy_root(import, &index.manifests[i], depth + 1);
	return r;
}

static int copy_root(struct import *import, const struct descriptor *descriptor, int depth)
{
	int r;

	if (media_type_is_index(descriptor->media_type))
		r = copy_index(import, descriptor, depth);
	else if (media_type_is_manifest(descriptor->media_type))
		r = copy_manifest(import, descriptor);
	else
		r = fail_plain(import->err, ENOTSUP, "media type '%.100s' is no image",
			       descriptor->media_type);
	return r < 0 ? err_wrap(import->err, "%s", descriptor->digest.text) : 0;
}

/* --- names --- */

/* "latest", "12", "v1.2": a tag, as umoci writes it, not a name. */
static bool is_bare_tag(const char *text)
{
	if (strpbrk(text, ":/@"))
		return false;
	return strcmp(text, "latest") == 0 || isdigit((unsigned char)text[0]) ||
	       (text[0] == 'v' && isdigit((unsigned char)text[1]));
}

/* umoci gives another tag and keeps what containerd's annotation says: then that is of another
 * image. */
static bool is_stale(const char *containerd, const char *name)
{
	const char *colon = strrchr(containerd, ':');

	return name && strcmp(containerd, name) != 0 && !(colon && strcmp(colon + 1, name) == 0);
}

/* The name in the annotations, when it is one; other text there is for other tools. */
static bool find_name(const struct descriptor *descriptor, struct ref *ret_ref)
{
	const char *name = annotation_get(&descriptor->annotations, ANNOTATION_REF_NAME);
	const char *text = annotation_get(&descriptor->annotations, CONTAINERD_NAME);

	if (!text || is_stale(text, name))
		text = name;
	return text && !is_bare_tag(text) && ref_parse(text, ret_ref, NULL) == 0;
}

static int import_one(struct import *import, const struct descriptor *descriptor)
{
	struct descriptor root = { .media_type = descriptor->media_type,
				   .digest = descriptor->digest,
				   .size_bytes = descriptor->size_bytes };
	struct ref name;
	bool is_named = find_name(descriptor, &name);
	int r;

	import->has_id = false;
	import->id = descriptor->digest; /* an index of which nothing is there */
	r = copy_root(import, descriptor, 0);
	if (r < 0)
		return r;
	return import_name(import->request, &root, &import->id, is_named ? &name : NULL,
			   import->err);
}

static int import_all(struct import *import)
{
	auto_buf bytes = { 0 };
	struct index index;
	int r = bundle_read(import->bundle, "index.json", MANIFEST_SIZE_MAX, &bytes, import->err);

	if (r == 0)
		r = index_parse(buf_text(&bytes), bytes.size_bytes, &import->arena, &index,
				import->err);
	if (r < 0)
		return err_wrap(import->err, "index.json");
	if (index.manifest_count == 0)
		return fail_plain(import->err, ENOENT, "index.json lists no image");
	if (import->request->ref && index.manifest_count > 1)
		return fail_plain(import->err, EINVAL,
				  "it holds %zu images, which cannot all be given one name",
				  index.manifest_count);
	for (size_t i = 0; i < index.manifest_count; i++) {
		r = import_one(import, &index.manifests[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int import_oci(const struct import_request *request, const struct bundle *bundle, struct err *err)
{
	struct import import = { .request = request, .bundle = bundle, .err = err };
	int r = import_all(&import);

	if (r < 0)
		import_undo(request, &import.brought);
	reach_done(&import.brought);
	arena_done(&import.arena);
	return r;
}

/* --- one of them --- */

static bool has_tag(const struct descriptor *descriptor, const char *tag)
{
	const char *name = annotation_get(&descriptor->annotations, ANNOTATION_REF_NAME);
	struct ref ref;

	if (!name)
		return false;
	return strcmp(name, tag) == 0 || (!is_bare_tag(name) && ref_parse(name, &ref, NULL) == 0 &&
					  strcmp(ref.tag, tag) == 0);
}

static int choose(struct import *import, const struct index *index, const char *which,
		  const struct descriptor **ret_descriptor)
{
	for (size_t i = 0; i < index->manifest_count; i++) {
		const struct descriptor *descriptor = &index->manifests[i];

		if (which ? strcmp(descriptor->digest.text, which) != 0 &&
				    !has_tag(descriptor, which)
			  : index->manifest_count > 1 && !has_tag(descriptor, "latest"))
			continue;
		*ret_descriptor = descriptor;
		return 0;
	}
	return which ? fail_plain(import->err, ENOENT, "it lists no image '%s'", which)
		     : fail_plain(import->err, ENOENT,
				  "it lists %zu images and none of them is tagged latest",
				  index->manifest_count);
}

static int import_chosen(struct import *import, const char *which, struct descriptor *ret_root)
{
	const struct descriptor *chosen = NULL;
	auto_buf bytes = { 0 };
	struct index index;
	int r = bundle_read(import->bundle, "index.json", MANIFEST_SIZE_MAX, &bytes, import->err);

	if (r == 0)
		r = index_parse(buf_text(&bytes), bytes.size_bytes, &import->arena, &index,
				import->err);
	if (r == 0)
		r = choose(import, &index, which, &chosen);
	if (r == 0)
		r = copy_root(import, chosen, 0);
	if (r < 0)
		return r;
	*ret_root = (struct descriptor){ .digest = chosen->digest,
					 .media_type = chosen->media_type,
					 .size_bytes = chosen->size_bytes };
	return 0;
}

int import_oci_image(const struct store *store, const char *directory, const char *which,
		     struct arena *arena, struct descriptor *ret_root, struct err *err)
{
	const struct import_request request = { .store = store };
	auto_bundle bundle = BUNDLE_NONE;
	struct import import = { .request = &request, .bundle = &bundle, .err = err };
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return fail(err, errno, "OCI layout '%s'", directory);
	r = bundle_open_directory(fd, &bundle, err);
	if (r == 0)
		r = import_chosen(&import, which, ret_root);
	reach_done(&import.brought);
	if (r == 0)
		ret_root->media_type = arena_copy(arena, ret_root->media_type);
	arena_done(&import.arena);
	return r < 0 ? err_wrap(err, "OCI layout '%s'", directory) : 0;
}
