// SPDX-License-Identifier: Apache-2.0
/* docker-archive: HEX.json is the config (HEX is the image id), HEX.tar an uncompressed layer (HEX
 * is its diff id; shared layers are there once), manifest.json says what belongs together. */
#include <stdio.h>

#include "base/banned.h"
#include "base/map.h"
#include "base/memory.h"
#include "codec/decoder.h"
#include "codec/json.h"
#include "flow/archive_out.h"
#include "store/blob.h"
#include "store/layers.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

struct saving {
	const struct export_job *job;
	struct archive_out out;
	struct map written; /* names of entries that are there */
	struct err *err;
};

static ssize_t read_decoded(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	return decoder_read(context, bytes, size_bytes, err);
}

static int open_layer(struct saving *saving, const struct digest *blob, int *fd,
		      struct decoder **ret_decoder)
{
	struct byte_source source = byte_source_fd(fd);
	int r = blob_open(saving->job->request->store, blob, fd, NULL, saving->err);

	return r < 0 ? r : decoder_new(&source, ret_decoder, saving->err);
}

/* tar wants the size first; an unpacked layer knows it, of others it is counted. */
static int size_of_layer(struct saving *saving, const struct digest *blob,
			 const struct digest *diff_id, uint64_t *ret_size_bytes)
{
	auto_free char *chunk = NULL;
	auto_decoder *decoder = NULL;
	auto_fd fd = -1;
	ssize_t n;
	int r;

	*ret_size_bytes = layer_tar_bytes(saving->job->request->store, diff_id);
	if (*ret_size_bytes)
		return 0;
	r = open_layer(saving, blob, &fd, &decoder);
	if (r < 0)
		return r;
	chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	while ((n = decoder_read(decoder, chunk, CHUNK_BYTES, saving->err)) > 0)
		*ret_size_bytes += (uint64_t)n;
	return (int)n;
}

static int write_layer(struct saving *saving, const char *name, const struct digest *blob,
		       const struct digest *diff_id)
{
	auto_decoder *decoder = NULL;
	struct checked_source *checked;
	struct byte_source source;
	uint64_t size_bytes;
	auto_fd fd = -1;
	int r = size_of_layer(saving, blob, diff_id, &size_bytes);

	if (r == 0)
		r = open_layer(saving, blob, &fd, &decoder);
	if (r < 0)
		return r;
	source = (struct byte_source){ .read = read_decoded, .context = decoder };
	checked = checked_source_new(&source, diff_id);
	source = byte_source_checked(checked);
	r = archive_out_source(&saving->out, name, &source, size_bytes, saving->err);
	checked_source_free(checked);
	return r;
}

static bool is_written(struct saving *saving, const char *name)
{
	static char present[] = "";

	if (map_get(&saving->written, name))
		return true;
	map_set(&saving->written, name, present);
	return false;
}

static int write_layers(struct saving *saving, const struct image *image, struct json *names)
{
	if (image->manifest.layer_count != image->config.diff_id_count)
		return fail_plain(saving->err, EUCLEAN,
				  "the config lists %zu layers and the manifest %zu",
				  image->config.diff_id_count, image->manifest.layer_count);
	for (size_t i = 0; i < image->manifest.layer_count; i++) {
		const struct digest *blob = &image->manifest.layers[i].digest;
		const struct digest *diff_id = &image->config.diff_ids[i];
		char name[DIGEST_HEX_LENGTH + 8];
		int r;

		snprintf(name, sizeof(name), "%s.tar", digest_hex(diff_id));
		json_add_text(names, name);
		r = is_written(saving, name) ? 0 : write_layer(saving, name, blob, diff_id);
		if (r < 0)
			return err_wrap(saving->err, "layer %s", blob->text);
	}
	return 0;
}

static int write_config(struct saving *saving, const struct image *image, struct json *entry)
{
	char name[DIGEST_HEX_LENGTH + 8];
	auto_buf bytes = { 0 };
	int r;

	snprintf(name, sizeof(name), "%s.json", digest_hex(image_id(image)));
	json_set_text(entry, "Config", name);
	if (is_written(saving, name))
		return 0;
	r = blob_read(saving->job->request->store, &image->manifest.config, CONFIG_SIZE_MAX, &bytes,
		      saving->err);
	return r < 0 ? r
		     : archive_out_bytes(&saving->out, name, bytes.bytes, bytes.size_bytes,
					 saving->err);
}

static bool is_same(const struct export_image *a, const struct export_image *b)
{
	return digest_equal(image_id(&a->image), image_id(&b->image));
}

/* One entry for an image, however many names were asked for. */
static void add_tags(const struct export_job *job, const struct export_image *image,
		     struct json *tags)
{
	char text[REF_TEXT_MAX];

	for (size_t i = 0; i < job->image_count; i++)
		for (size_t j = 0; is_same(&job->image[i], image) && j < job->image[i].name_count;
		     j++)
			if (job->image[i].names[j].ref.tag[0])
				json_add_text(tags,
					      ref_familiar(&job->image[i].names[j].ref, text));
}

static bool is_repeated(const struct export_job *job, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_same(&job->image[i], &job->image[index]))
			return true;
	return false;
}

static int write_image(struct saving *saving, const struct export_image *image,
		       struct json *manifest)
{
	struct json *entry = json_new_object();
	struct json *tags = json_new_array();
	struct json *layers = json_new_array();
	int r;

	json_add(manifest, entry);
	r = write_config(saving, &image->image, entry);
	add_tags(saving->job, image, tags);
	json_set(entry, "RepoTags", tags);
	json_set(entry, "Layers", layers);
	return r < 0 ? r : write_layers(saving, &image->image, layers);
}

static int write_all(struct saving *saving)
{
	auto_json *manifest = json_new_array();
	auto_buf text = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < saving->job->image_count; i++)
		if (!is_repeated(saving->job, i))
			r = write_image(saving, &saving->job->image[i], manifest);
	if (r < 0)
		return r;
	json_print(manifest, JSON_ONE_LINE, &text);
	r = archive_out_bytes(&saving->out, "manifest.json", text.bytes, text.size_bytes,
			      saving->err);
	return r < 0 ? r : archive_out_end(&saving->out, saving->err);
}

int export_docker(const struct export_job *job, struct err *err)
{
	struct saving saving = { .job = job, .err = err };
	int r;

	archive_out_init(&saving.out, job->fd, false);
	r = write_all(&saving);
	archive_out_done(&saving.out);
	map_done(&saving.written);
	return r;
}
