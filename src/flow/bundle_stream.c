// SPDX-License-Identifier: Apache-2.0
/* An archive from a pipe, or compressed: what is large goes to where it will be needed, so that it
 * is on the disk once, and nothing of the archive is kept beside it. */
#include <string.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/text.h"
#include "flow/bundle_parts.h"
#include "rootfs/content.h"
#include "store/store.h"

#define SMALL_BYTES_MAX ((uint64_t)64 << 20) /* of all that is neither blob nor layer */
#define BLOBS		"blobs/sha256/"

struct stream {
	struct bundle *bundle;
	struct tar_reader *reader;
	const char *left; /* of the stretch that was read last */
	size_t left_bytes;
	uint64_t spooled_bytes;
	struct content blobs; /* which are compressed: here zeros count as well */
};

/* --- one entry as a source --- */

/* More of it, unless something is left. 0: that was all. */
static int look(struct stream *stream, struct err *err)
{
	const void *bytes;
	uint64_t offset;
	int r;

	if (stream->left_bytes)
		return 1;
	r = tar_reader_data(stream->reader, &bytes, &stream->left_bytes, &offset, err);
	if (r <= 0)
		stream->left_bytes = 0;
	stream->left = bytes;
	return r;
}

static ssize_t read_entry(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct stream *stream = context;
	int r = look(stream, err);

	if (r <= 0)
		return r;
	if (size_bytes > stream->left_bytes)
		size_bytes = stream->left_bytes;
	memcpy(bytes, stream->left, size_bytes);
	stream->left += size_bytes;
	stream->left_bytes -= size_bytes;
	return (ssize_t)size_bytes;
}

/* --- where it goes --- */

static bool is_blob(const char *name, struct digest *ret_digest)
{
	auto_buf text = { 0 };

	if (!text_starts(name, BLOBS))
		return false;
	buf_printf(&text, "sha256:%s", name + strlen(BLOBS));
	return digest_parse(buf_text(&text), ret_digest, NULL) == 0;
}

/* docker's are called HEX/layer.tar, podman's HEX.tar. */
static bool is_layer(const char *name)
{
	return text_ends(name, "/layer.tar") || (text_ends(name, ".tar") && !strchr(name, '/'));
}

static ssize_t read_blob(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct stream *stream = context;
	ssize_t n = read_entry(stream, bytes, size_bytes, err);
	int r = n > 0 ? content_take(&stream->blobs, (uint64_t)n, err) : 0;

	return r < 0 ? r : n;
}

static int take_blob(struct stream *stream, struct bundle_part *part, const struct digest *digest,
		     struct err *err)
{
	const struct byte_source source = { .read = read_blob, .context = stream };
	const struct descriptor descriptor = { .digest = *digest, .size_bytes = part->size_bytes };
	struct digest *kept = arena_new(&stream->bundle->arena, struct digest);

	*kept = *digest;
	part->blob = kept;
	reach_add_blob(&stream->bundle->brought, digest);
	return import_blob(stream->bundle->store, &source, &descriptor, err);
}

static int take_layer(struct stream *stream, struct bundle_part *part, struct err *err)
{
	const struct byte_source source = { .read = read_entry, .context = stream };
	struct import_layer *layer = arena_new(&stream->bundle->arena, struct import_layer);
	int r = look(stream, err);

	if (r < 0)
		return r;
	r = import_layer_found(stream->bundle->store, &source,
			       encoding_detect(stream->left, stream->left_bytes), layer, err);
	if (r < 0)
		return r;
	part->layer = layer;
	reach_add_layer(&stream->bundle->brought, &layer->diff_id, &layer->descriptor.digest);
	return 0;
}

static int spool(struct stream *stream, struct bundle_part *part, struct err *err)
{
	int r;

	part->offset = stream->spooled_bytes;
	if (part->size_bytes > SMALL_BYTES_MAX - stream->spooled_bytes)
		return fail_plain(err, EFBIG,
				  "more than %llu MiB of what is neither blob nor layer",
				  (unsigned long long)(SMALL_BYTES_MAX >> 20));
	stream->spooled_bytes += part->size_bytes;
	while ((r = look(stream, err)) > 0) {
		r = io_write_all(stream->bundle->fd, stream->left, stream->left_bytes);
		if (r < 0)
			return fail(err, -r, "write a temporary file in '%s'",
				    stream->bundle->store->path);
		stream->left_bytes = 0;
	}
	return r;
}

static int take(struct stream *stream, const struct tar_entry *entry, struct err *err)
{
	const char *name;
	struct bundle_part *part = bundle_add(stream->bundle, entry, &name);
	struct digest digest;
	int r;

	stream->left_bytes = 0;
	if (!part || part->link)
		return 0;
	if (is_blob(name, &digest))
		r = take_blob(stream, part, &digest, err);
	else if (is_layer(name))
		r = take_layer(stream, part, err);
	else
		r = spool(stream, part, err);
	return r < 0 ? err_wrap(err, "'%s'", name) : 0;
}

/* --- reading it --- */

struct stream_input {
	const struct byte_source *source;
	char chunk[(size_t)256 * 1024];
};

static int next_chunk(void *context, const void **ret_bytes, size_t *ret_size_bytes,
		      struct err *err)
{
	struct stream_input *input = context;
	ssize_t n = input->source->read(input->source->context, input->chunk, sizeof(input->chunk),
					err);

	*ret_bytes = input->chunk;
	*ret_size_bytes = n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : 0;
}

int bundle_open_stream(const struct store *store, const struct byte_source *source,
		       const atomic_uint_fast64_t *packed_bytes, struct bundle *bundle,
		       struct err *err)
{
	auto_free struct stream_input *state = memory_zeroed(1, sizeof(*state));
	struct tar_input input = { .next = next_chunk, .context = state };
	auto_tar_reader *reader = tar_reader_new(&input);
	struct stream stream = { .bundle = bundle,
				 .reader = reader,
				 .blobs = { .packed_bytes = packed_bytes } };
	struct tar_entry entry;
	int r = store_open_unnamed(store, &bundle->fd, err);

	bundle->store = store;
	state->source = source;
	while (r == 0 && (r = tar_reader_next(reader, &entry, err)) > 0)
		r = take(&stream, &entry, err);
	return r;
}
