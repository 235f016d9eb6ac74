// SPDX-License-Identifier: Apache-2.0
#include "flow/flatten.h"

#include <string.h>

#include "base/banned.h"
#include "codec/stream.h"
#include "codec/tar.h"
#include "image/ownership.h"
#include "rootfs/layer_blob.h"
#include "store/blob.h"
#include "store/blob_writer.h"

static int next_chunk(void *context, const void **ret_bytes, size_t *ret_size_bytes,
		      struct err *err)
{
	return stream_next(context, ret_bytes, ret_size_bytes, err);
}

static int write_zeroes(struct tar_writer *writer, uint64_t count, struct err *err)
{
	static const char zeroes[4096];
	int r = 0;

	while (r == 0 && count) {
		size_t size = count < sizeof(zeroes) ? (size_t)count : sizeof(zeroes);

		r = tar_writer_data(writer, zeroes, size, err);
		count -= size;
	}
	return r;
}

/* Holes of a sparse file are written out. */
static int copy_data(struct tar_reader *reader, struct tar_writer *writer, uint64_t size_bytes,
		     struct err *err)
{
	uint64_t written = 0;
	const void *bytes;
	uint64_t offset;
	size_t size;
	int r;

	while ((r = tar_reader_data(reader, &bytes, &size, &offset, err)) > 0) {
		r = write_zeroes(writer, offset - written, err);
		if (r == 0)
			r = tar_writer_data(writer, bytes, size, err);
		if (r < 0)
			return r;
		written = offset + size;
	}
	return r < 0 ? r : write_zeroes(writer, size_bytes - written, err);
}

static int copy_entries(struct tar_reader *reader, struct tar_writer *writer, bool *ret_changed,
			struct err *err)
{
	struct tar_entry entry;
	int r;

	while ((r = tar_reader_next(reader, &entry, err)) > 0) {
		*ret_changed |= entry.uid || entry.gid;
		ownership_flatten(&entry.uid, &entry.gid, &entry.mode);
		entry.sparse = false;
		r = tar_writer_entry(writer, &entry, err);
		if (r == 0 && entry.type == TAR_FILE)
			r = copy_data(reader, writer, entry.size_bytes, err);
		if (r < 0)
			return err_wrap(err, "'%s'", entry.path);
	}
	return r < 0 ? r : tar_writer_end(writer, err);
}

static int flatten_layer(const struct store *store, struct descriptor *layer,
			 struct digest *diff_id, bool *ret_changed, struct err *err)
{
	auto_fd fd = -1;
	auto_stream *stream = NULL;
	auto_layer_blob *blob = NULL;
	struct byte_source source = byte_source_fd(&fd);
	struct tar_input input = { .next = next_chunk };
	struct tar_writer writer = { .write = layer_blob_write };
	int r = blob_open(store, &layer->digest, &fd, NULL, err);

	if (r == 0)
		r = stream_new(&source, &stream, err);
	if (r == 0)
		r = layer_blob_new(store, GZIP_SMALL, &blob, err);
	if (r < 0)
		return r;
	input.context = stream;
	writer.context = blob;
	auto_tar_reader *reader = tar_reader_new(&input);

	*ret_changed = false;
	r = copy_entries(reader, &writer, ret_changed, err);
	if (r == 0 && *ret_changed)
		r = layer_blob_commit(blob, layer, diff_id, NULL, err);
	return r;
}

static int write_image(const struct store *store, const struct manifest *manifest,
		       const struct config *config, struct descriptor *ret_descriptor,
		       struct err *err)
{
	struct manifest written = *manifest;
	auto_buf text = { 0 };
	int r;

	config_print(config, &text);
	written.config.size_bytes = text.size_bytes;
	r = blob_add(store, text.bytes, text.size_bytes, &written.config.digest, err);
	if (r < 0)
		return r;
	buf_truncate(&text, 0);
	manifest_print(&written, &text);
	*ret_descriptor = (struct descriptor){ .media_type = MEDIA_OCI_MANIFEST,
					       .size_bytes = text.size_bytes };
	return blob_add(store, text.bytes, text.size_bytes, &ret_descriptor->digest, err);
}

/* Docker's names for the unchanged parts have no place in an OCI manifest. */
static void use_oci_types(struct manifest *manifest)
{
	manifest->media_type = MEDIA_OCI_MANIFEST;
	manifest->config.media_type = MEDIA_OCI_CONFIG;
	for (size_t i = 0; i < manifest->layer_count; i++)
		if (strcmp(manifest->layers[i].media_type, MEDIA_DOCKER_LAYER) == 0)
			manifest->layers[i].media_type = MEDIA_OCI_LAYER_GZIP;
}

int flatten_image(const struct store *store, const struct image *image,
		  struct descriptor *ret_descriptor, struct err *err)
{
	struct manifest manifest = image->manifest;
	auto_arena arena = { 0 };
	auto_config config = { 0 };
	bool any_changed = false;
	int r = 0;

	if (manifest.layer_count != image->config.diff_id_count)
		return fail_plain(err, EUCLEAN, "the config lists %zu layers and the manifest %zu",
				  image->config.diff_id_count, manifest.layer_count);
	config_copy(&image->config, &config);
	manifest.layers = arena_array(&arena, struct descriptor, manifest.layer_count + 1);
	for (size_t i = 0; r == 0 && i < manifest.layer_count; i++) {
		bool changed = false;

		manifest.layers[i] = image->manifest.layers[i];
		r = flatten_layer(store, &manifest.layers[i], &config.diff_ids[i], &changed, err);
		if (r < 0)
			return err_wrap(err, "layer %s", image->manifest.layers[i].digest.text);
		any_changed |= changed;
	}
	if (!any_changed) {
		*ret_descriptor = image->descriptor;
		return 0;
	}
	use_oci_types(&manifest);
	return write_image(store, &manifest, &config, ret_descriptor, err);
}

int flatten_as_asked(const struct store *store, const struct image *image, const char *asked,
		     struct descriptor *ret_descriptor, struct err *err)
{
	enum ownership_mark mark;
	bool flatten;
	int r = ownership_mark_of(&image->manifest, &image->config, &mark, err);

	if (r == 0)
		r = ownership_choose(mark, asked, &flatten, err);
	if (r < 0)
		return r;
	if (flatten)
		return flatten_image(store, image, ret_descriptor, err);
	*ret_descriptor = image->descriptor;
	return 0;
}
