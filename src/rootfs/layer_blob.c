// SPDX-License-Identifier: Apache-2.0
#include "rootfs/layer_blob.h"

#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/gzip_writer.h"
#include "codec/sha256.h"
#include "store/blob_writer.h"

#define BUFFER_BYTES ((size_t)256 * 1024)

struct layer_blob {
	struct sha256 sha;
	struct gzip_writer *gzip;
	struct blob_writer *blob;
	unsigned char *buffer; /* tar headers come in small pieces */
	size_t buffered_bytes;
	uint64_t tar_bytes;
};

static int to_blob(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	return blob_writer_add(context, bytes, size_bytes, err);
}

int layer_blob_new(const struct store *store, enum gzip_effort effort, struct layer_blob **ret_blob,
		   struct err *err)
{
	auto_layer_blob *blob = memory_zeroed(1, sizeof(*blob));
	struct gzip_sink sink = { .write = to_blob };
	int r;

	sha256_init(&blob->sha);
	blob->buffer = memory_resize(NULL, BUFFER_BYTES, 1);
	r = blob_writer_new(store, NULL, BLOB_SIZE_UNKNOWN, &blob->blob, err);
	if (r < 0)
		return r;
	sink.context = blob->blob;
	r = gzip_writer_new(&sink, effort, &blob->gzip, err);
	if (r < 0)
		return r;
	*ret_blob = take_ptr(blob);
	return 0;
}

void layer_blob_free(struct layer_blob *blob)
{
	if (!blob)
		return;
	gzip_writer_free(blob->gzip);
	blob_writer_free(blob->blob);
	sha256_done(&blob->sha);
	free(blob->buffer);
	free(blob);
}

static int pass_on(struct layer_blob *blob, const void *bytes, size_t size_bytes, struct err *err)
{
	sha256_add(&blob->sha, bytes, size_bytes);
	blob->tar_bytes += size_bytes;
	return gzip_writer_add(blob->gzip, bytes, size_bytes, err);
}

static int flush(struct layer_blob *blob, struct err *err)
{
	size_t size = blob->buffered_bytes;

	blob->buffered_bytes = 0;
	return size ? pass_on(blob, blob->buffer, size, err) : 0;
}

int layer_blob_write(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	struct layer_blob *blob = context;
	int r = 0;

	if (size_bytes > BUFFER_BYTES - blob->buffered_bytes)
		r = flush(blob, err);
	if (r < 0 || size_bytes > BUFFER_BYTES)
		return r < 0 ? r : pass_on(blob, bytes, size_bytes, err);
	memcpy(blob->buffer + blob->buffered_bytes, bytes, size_bytes);
	blob->buffered_bytes += size_bytes;
	return 0;
}

static int finish(struct layer_blob *blob,
		  int (*end)(struct blob_writer *writer, struct digest *ret_digest,
			     uint64_t *ret_size_bytes, struct err *err),
		  struct descriptor *ret_descriptor, struct digest *ret_diff_id, struct err *err)
{
	struct descriptor descriptor = { .media_type = MEDIA_OCI_LAYER_GZIP };
	char hex[SHA256_HEX_LENGTH + 1];
	int r = flush(blob, err);

	if (r == 0)
		r = gzip_writer_finish(blob->gzip, err);
	if (r == 0)
		r = end(blob->blob, &descriptor.digest, &descriptor.size_bytes, err);
	if (r < 0)
		return r;
	sha256_finish(&blob->sha, hex);
	*ret_descriptor = descriptor;
	if (ret_diff_id)
		*ret_diff_id = digest_of_hex(hex);
	return 0;
}

int layer_blob_commit(struct layer_blob *blob, struct descriptor *ret_descriptor,
		      struct digest *ret_diff_id, uint64_t *ret_tar_bytes, struct err *err)
{
	int r = finish(blob, blob_writer_commit, ret_descriptor, ret_diff_id, err);

	if (r == 0 && ret_tar_bytes)
		*ret_tar_bytes = blob->tar_bytes;
	return r;
}

int layer_blob_seal(struct layer_blob *blob, struct descriptor *ret_descriptor,
		    struct digest *ret_diff_id, uint64_t *ret_tar_bytes, struct err *err)
{
	int r = finish(blob, blob_writer_seal, ret_descriptor, ret_diff_id, err);

	if (r == 0 && ret_tar_bytes)
		*ret_tar_bytes = blob->tar_bytes;
	return r;
}

int layer_blob_publish(struct layer_blob *blob, struct err *err)
{
	return blob_writer_publish(blob->blob, err);
}
