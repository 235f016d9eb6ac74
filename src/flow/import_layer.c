// SPDX-License-Identifier: Apache-2.0
#include "flow/import_layer.h"

#include "base/banned.h"
#include "base/memory.h"
#include "rootfs/layer_blob.h"
#include "store/blob_writer.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

/* A source that writes what is read from it into a blob. */
struct copying_source {
	const struct byte_source *from;
	struct blob_writer *writer;
};

static ssize_t read_and_write(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct copying_source *copying = context;
	ssize_t n = copying->from->read(copying->from->context, bytes, size_bytes, err);
	int r = n > 0 ? blob_writer_add(copying->writer, bytes, (size_t)n, err) : 0;

	return r < 0 ? r : n;
}

/* A decoder need not read what comes after the end of the data it understands. */
static int read_rest(const struct byte_source *source, struct err *err)
{
	auto_free char *chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	ssize_t n;

	do
		n = source->read(source->context, chunk, CHUNK_BYTES, err);
	while (n > 0);
	return (int)n;
}

int import_blob(const struct store *store, const struct byte_source *source,
		const struct descriptor *descriptor, struct err *err)
{
	auto_blob_writer *writer = NULL;
	struct copying_source copying = { .from = source };
	struct byte_source copy = { .read = read_and_write, .context = &copying };
	int r;

	if (blob_present(store, descriptor))
		return 0;
	r = blob_writer_new(store, &descriptor->digest, descriptor->size_bytes, &writer, err);
	if (r < 0)
		return r;
	copying.writer = writer;
	r = read_rest(&copy, err);
	return r < 0 ? r : blob_writer_commit(writer, NULL, NULL, err);
}

static int publish(const struct store *store, struct layer_staged *staged, struct err *err)
{
	return layer_commit(store, &staged, 1, err);
}

/* What is known of a layer that comes. */
struct wanted {
	const struct digest *diff_id; /* NULL: nothing */
	bool end;		      /* an end mark, to tell that all of it came */
};

/* Unpack what comes and keep it as a blob; the blob is published first, so that a layer that is
 * there can always be made again. */
static int keep_and_unpack(const struct store *store, const struct byte_source *source,
			   struct blob_writer *writer, const struct wanted *wanted,
			   struct layer_staged *staged, struct err *err)
{
	struct copying_source copying = { .from = source, .writer = writer };
	struct byte_source copy = { .read = read_and_write, .context = &copying };
	struct layer_request request = { .source = &copy,
					 .diff_id = wanted->diff_id,
					 .need_end = wanted->end };
	int r = layer_stage(store, &request, staged, err);

	return r < 0 ? r : read_rest(&copy, err);
}

/* The layer is there: is it what this blob is of? */
static int keep_and_check(const struct store *store, const struct byte_source *source,
			  struct blob_writer *writer, const struct digest *diff_id, struct err *err)
{
	struct copying_source copying = { .from = source, .writer = writer };
	struct byte_source copy = { .read = read_and_write, .context = &copying };
	int r = layer_check(store, &copy, diff_id, err);

	return r < 0 ? r : read_rest(&copy, err);
}

int import_layer_as_is(const struct store *store, const struct byte_source *source,
		       const struct descriptor *descriptor, const struct digest *diff_id,
		       struct err *err)
{
	const struct wanted wanted = { .diff_id = diff_id };
	auto_layer_staged staged = { 0 };
	auto_blob_writer *writer = NULL;
	int r;

	if (blob_present(store, descriptor))
		return layer_unpack_blob(store, &descriptor->digest, diff_id, err);
	r = blob_writer_new(store, &descriptor->digest, descriptor->size_bytes, &writer, err);
	if (r == 0)
		r = layer_present(store, diff_id)
			    ? keep_and_check(store, source, writer, diff_id, err)
			    : keep_and_unpack(store, source, writer, &wanted, &staged, err);
	if (r == 0)
		r = blob_writer_commit(writer, NULL, NULL, err);
	return r < 0 || !staged.work_name[0] ? r : publish(store, &staged, err);
}

static int import_as_it_is(const struct store *store, const struct byte_source *source,
			   const struct wanted *wanted, struct layer_staged *staged,
			   struct descriptor *ret_descriptor, struct err *err)
{
	auto_blob_writer *writer = NULL;
	int r = blob_writer_new(store, NULL, BLOB_SIZE_UNKNOWN, &writer, err);

	if (r == 0)
		r = keep_and_unpack(store, source, writer, wanted, staged, err);
	if (r == 0)
		r = blob_writer_commit(writer, &ret_descriptor->digest, &ret_descriptor->size_bytes,
				       err);
	return r;
}

static int import_compressing(const struct store *store, const struct byte_source *source,
			      const struct wanted *wanted, struct layer_staged *staged,
			      struct descriptor *ret_descriptor, struct err *err)
{
	auto_layer_blob *blob = NULL;
	struct layer_request request = { .source = source,
					 .diff_id = wanted->diff_id,
					 .need_end = wanted->end,
					 .tee = { .write = layer_blob_write } };
	int r = layer_blob_new(store, GZIP_SMALL, &blob, err);

	if (r < 0)
		return r;
	request.tee.context = blob;
	r = layer_stage(store, &request, staged, err);
	return r < 0 ? r : layer_blob_commit(blob, ret_descriptor, NULL, NULL, err);
}

static int import_wanted(const struct store *store, const struct byte_source *source,
			 enum encoding encoding, const struct wanted *wanted,
			 struct import_layer *ret_layer, struct err *err)
{
	auto_layer_staged staged = { 0 };
	struct descriptor descriptor = { .media_type = encoding == ENCODING_ZSTD
							       ? MEDIA_OCI_LAYER_ZSTD
							       : MEDIA_OCI_LAYER_GZIP };
	int r;

	if (encoding == ENCODING_GZIP || encoding == ENCODING_ZSTD)
		r = import_as_it_is(store, source, wanted, &staged, &descriptor, err);
	else
		r = import_compressing(store, source, wanted, &staged, &descriptor, err);
	if (r == 0)
		r = publish(store, &staged, err);
	if (r < 0)
		return r;
	*ret_layer = (struct import_layer){ .descriptor = descriptor,
					    .diff_id = staged.diff_id,
					    .newest_mtime_s = staged.newest_mtime_s };
	return 0;
}

int import_layer(const struct store *store, const struct byte_source *source,
		 enum encoding encoding, const struct digest *diff_id,
		 struct import_layer *ret_layer, struct err *err)
{
	const struct wanted wanted = { .diff_id = diff_id, .end = !diff_id };

	return import_wanted(store, source, encoding, &wanted, ret_layer, err);
}

int import_layer_found(const struct store *store, const struct byte_source *source,
		       enum encoding encoding, struct import_layer *ret_layer, struct err *err)
{
	const struct wanted nothing = { 0 };

	return import_wanted(store, source, encoding, &nothing, ret_layer, err);
}
