// SPDX-License-Identifier: Apache-2.0
/* A pack as an image of one layer in one file: oci-archive or docker-archive. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/text.h"
#include "codec/json.h"
#include "flow/archive_out.h"
#include "flow/pack.h"
#include "flow/pack_output.h"
#include "image/manifest.h"

#define LAYOUT_TEXT	  "{\"imageLayoutVersion\":\"1.0.0\"}"
#define CONTAINERD_NAME	  "io.containerd.image.name"
#define ANNOTATION_WRITER "org.rootlet.pack.writer"
#define BLOBS		  "blobs/sha256/"

struct packed_image {
	struct pack *pack;
	struct archive_out out;
	int layer_fd; /* as it goes into the archive */
	uint64_t layer_bytes;
	struct digest diff_id;
	struct digest layer; /* of the blob */
	struct err *err;
};

/* --- the layer, which must be there before the header that tells its size --- */

struct layer_writer {
	struct sha256 diff;
	struct gzip_writer *gzip;
};

static int hash_and_compress(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	struct layer_writer *layer = context;

	sha256_add(&layer->diff, bytes, size_bytes);
	return gzip_writer_add(layer->gzip, bytes, size_bytes, err);
}

static int write_gzip_layer(struct packed_image *image, struct pack_output *output)
{
	const struct gzip_sink sink = { pack_output_write, output };
	auto_gzip_writer *gzip = NULL;
	struct layer_writer layer;
	char hex[SHA256_HEX_LENGTH + 1];
	int r = gzip_writer_new(&sink, GZIP_FAST, &gzip, image->err);

	if (r < 0)
		return r;
	layer.gzip = gzip;
	sha256_init(&layer.diff);
	r = pack_write_tar(image->pack, hash_and_compress, &layer, image->err);
	if (r == 0)
		r = gzip_writer_finish(gzip, image->err);
	sha256_finish(&layer.diff, hex);
	sha256_done(&layer.diff);
	image->diff_id = digest_of_hex(hex);
	return r;
}

static int write_layer(struct packed_image *image)
{
	bool is_oci = image->pack->request->format == PACK_OCI;
	struct pack_output output;
	int r;

	image->layer_fd = open(image->pack->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (image->layer_fd < 0)
		return fail(image->err, errno, "temporary file in '%s'", image->pack->folder);
	pack_output_init(&output, image->layer_fd);
	r = is_oci ? write_gzip_layer(image, &output)
		   : pack_write_tar(image->pack, pack_output_write, &output, image->err);
	if (r == 0)
		r = pack_output_end(&output, &image->layer, image->err);
	image->layer_bytes = output.size_bytes;
	pack_output_done(&output);
	if (!is_oci)
		image->diff_id = image->layer;
	if (r == 0 && lseek(image->layer_fd, 0, SEEK_SET) < 0)
		r = fail(image->err, errno, "seek");
	return r;
}

static int add_layer(struct packed_image *image, const char *name)
{
	const struct byte_source source = byte_source_fd(&image->layer_fd);

	return archive_out_source(&image->out, name, &source, image->layer_bytes, image->err);
}

/* --- config and manifest --- */

static void print_config(struct packed_image *image, struct buf *text)
{
	struct pack *pack = image->pack;
	struct config *config = &pack->config;
	char created[TEXT_TIME_BYTES];
	char by[] = "rootlet pack";
	struct history history = { .created = created, .created_by = by };

	config_set(&config->created, text_time(pack->time_s, created));
	config->diff_id_count = 0;
	for (size_t i = 0; i < config->history_count; i++)
		config->history[i].empty_layer = true;
	config_add_diff_id(config, &image->diff_id);
	config_add_history(config, &history);
	config_print(config, text);
}

static int add_blob(struct packed_image *image, const struct buf *bytes, struct digest *ret_digest)
{
	char hex[SHA256_HEX_LENGTH + 1];
	char name[sizeof(BLOBS) + SHA256_HEX_LENGTH];

	sha256_hex(bytes->bytes, bytes->size_bytes, hex);
	*ret_digest = digest_of_hex(hex);
	snprintf(name, sizeof(name), BLOBS "%s", hex);
	return archive_out_bytes(&image->out, name, bytes->bytes, bytes->size_bytes, image->err);
}

static const char *full_name(struct pack *pack)
{
	return arena_printf(&pack->arena, "docker.io/library/%s:latest", pack->name);
}

static int add_manifest(struct packed_image *image, struct descriptor *ret_descriptor)
{
	struct annotation writer[] = { { ANNOTATION_WRITER, pack_writer(image->pack) } };
	struct descriptor layers[] = { { .media_type = MEDIA_OCI_LAYER_GZIP,
					 .digest = image->layer,
					 .size_bytes = image->layer_bytes } };
	struct manifest manifest = { .layers = layers,
				     .layer_count = 1,
				     .config = { .media_type = MEDIA_OCI_CONFIG },
				     .annotations = { writer, 1 } };
	auto_buf config = { 0 };
	auto_buf text = { 0 };
	int r;

	print_config(image, &config);
	r = add_blob(image, &config, &manifest.config.digest);
	if (r < 0)
		return r;
	manifest.config.size_bytes = config.size_bytes;
	manifest_print(&manifest, &text);
	ret_descriptor->media_type = MEDIA_OCI_MANIFEST;
	ret_descriptor->size_bytes = text.size_bytes;
	return add_blob(image, &text, &ret_descriptor->digest);
}

static int write_oci(struct packed_image *image)
{
	struct archive_out *out = &image->out;
	struct annotation names[] = { { CONTAINERD_NAME, full_name(image->pack) },
				      { ANNOTATION_REF_NAME, "latest" } };
	struct descriptor descriptor = { .annotations = { names, 2 } };
	struct index index = { .manifests = &descriptor, .manifest_count = 1 };
	char name[sizeof(BLOBS) + SHA256_HEX_LENGTH];
	auto_buf text = { 0 };
	int r = archive_out_bytes(out, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), image->err);

	snprintf(name, sizeof(name), BLOBS "%s", digest_hex(&image->layer));
	if (r == 0)
		r = archive_out_folder(out, "blobs", image->err);
	if (r == 0)
		r = archive_out_folder(out, "blobs/sha256", image->err);
	if (r == 0)
		r = add_layer(image, name);
	if (r == 0)
		r = add_manifest(image, &descriptor);
	if (r < 0)
		return r;
	index_print(&index, &text);
	return archive_out_bytes(out, "index.json", text.bytes, text.size_bytes, image->err);
}

/* --- docker's archive: see export_docker.c --- */

static int write_docker(struct packed_image *image)
{
	struct archive_out *out = &image->out;
	auto_json *manifest = json_new_array();
	struct json *entry = json_new_object();
	struct json *tags = json_new_array();
	struct json *layers = json_new_array();
	char hex[SHA256_HEX_LENGTH + 1];
	auto_buf layer_name = { 0 };
	auto_buf config_name = { 0 };
	auto_buf config = { 0 };
	auto_buf text = { 0 };
	int r;

	print_config(image, &config);
	sha256_hex(config.bytes, config.size_bytes, hex);
	buf_printf(&config_name, "%s.json", hex);
	buf_printf(&layer_name, "%s.tar", digest_hex(&image->diff_id));
	json_add(manifest, entry);
	json_set_text(entry, "Config", config_name.bytes);
	json_set(entry, "RepoTags", tags);
	json_set(entry, "Layers", layers);
	json_add_text(tags, arena_printf(&image->pack->arena, "%s:latest", image->pack->name));
	json_add_text(layers, layer_name.bytes);
	json_print(manifest, JSON_ONE_LINE, &text);
	r = archive_out_bytes(out, config_name.bytes, config.bytes, config.size_bytes, image->err);
	if (r == 0)
		r = add_layer(image, layer_name.bytes);
	return r < 0 ? r
		     : archive_out_bytes(out, "manifest.json", text.bytes, text.size_bytes,
					 image->err);
}

int pack_write_image(struct pack *pack, int fd, struct err *err)
{
	struct packed_image image = { .pack = pack, .layer_fd = -1, .err = err };
	int r;

	archive_out_init(&image.out, fd, false);
	r = write_layer(&image);
	if (r == 0)
		r = pack->request->format == PACK_OCI ? write_oci(&image) : write_docker(&image);
	if (r == 0)
		r = archive_out_end(&image.out, err);
	archive_out_done(&image.out);
	cleanup_fd(&image.layer_fd);
	return r;
}
