// SPDX-License-Identifier: Apache-2.0
#include "rootfs/layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "codec/stream.h"
#include "rootfs/unpack.h"
#include "store/blob.h"
#include "sys/remove.h"

/* The decompressed stream as tar input, copied to the tee on the way. */
struct teed_stream {
	struct stream *stream;
	const struct layer_tee *tee;
};

static int next_chunk(void *context, const void **ret_bytes, size_t *ret_size_bytes,
		      struct err *err)
{
	struct teed_stream *teed = context;
	int r = stream_next(teed->stream, ret_bytes, ret_size_bytes, err);

	if (r == 0 && *ret_size_bytes && teed->tee->write)
		r = teed->tee->write(teed->tee->context, *ret_bytes, *ret_size_bytes, err);
	return r;
}

/* What follows the end mark is part of the bytes that were hashed and compressed. Writers pad to
 * some kilobytes; /dev/zero, and a few bytes that decompress to it, never end. */
#define REST_BYTES_MAX ((size_t)64 * 1024 * 1024)

static int pass_rest(struct teed_stream *teed, struct err *err)
{
	size_t rest = 0;
	const void *bytes;
	size_t size;
	int r;

	do {
		r = next_chunk(teed, &bytes, &size, err);
		rest += size;
		if (r == 0 && rest > REST_BYTES_MAX)
			return fail_plain(err, EFBIG,
					  "tar: more than 64 MiB follow the end of the archive");
	} while (r == 0 && size > 0);
	return r;
}

static int unpack_entries(struct teed_stream *teed, const struct layer_request *request,
			  struct unpacker *unpacker, struct layer_staged *staged, struct err *err)
{
	struct tar_input input = { .next = next_chunk, .context = teed };
	auto_tar_reader *reader = tar_reader_new(&input);
	struct tar_entry entry;
	int r;

	while ((r = tar_reader_next(reader, &entry, err)) > 0) {
		r = unpacker_place(unpacker, &entry, reader, err);
		if (r < 0)
			return r;
		staged->entry_count++;
		if (entry.mtime_s > staged->newest_mtime_s)
			staged->newest_mtime_s = entry.mtime_s;
	}
	if (r < 0)
		return r;
	if (request->need_end && !tar_reader_saw_end(reader))
		return fail_plain(err, EUCLEAN,
				  "tar: the archive is cut short (there is no end mark)");
	return pass_rest(teed, err);
}

static int compare(const struct digest *is, const struct digest *expected, struct err *err)
{
	return digest_equal(is, expected)
		       ? 0
		       : fail(err, EUCLEAN, "digest mismatch: the unpacked bytes have %s, not %s",
			      is->text, expected->text);
}

static int check_diff_id(struct stream *stream, const struct layer_request *request,
			 struct layer_staged *staged, struct err *err)
{
	char hex[SHA256_HEX_LENGTH + 1];
	int r = stream_finish(stream, hex, &staged->tar_bytes, err);

	if (r < 0)
		return r;
	staged->diff_id = digest_of_hex(hex);
	if (request->diff_id)
		return compare(&staged->diff_id, request->diff_id, err);
	return 0;
}

/* What was read of the source so far: in the thread that decompresses, looked at in another. */
struct counted_source {
	const struct byte_source *source;
	atomic_uint_fast64_t bytes;
};

static ssize_t read_counted(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct counted_source *counted = context;
	const struct byte_source *source = counted->source;
	ssize_t n = source->read(source->context, bytes, size_bytes, err);

	if (n > 0)
		atomic_fetch_add(&counted->bytes, (uint_fast64_t)n);
	return n;
}

static int unpack_into(int root_fd, const struct layer_request *request,
		       struct layer_staged *staged, struct err *err)
{
	struct counted_source counted = { .source = request->source };
	const struct byte_source source = { .read = read_counted, .context = &counted };
	auto_stream *stream = NULL;
	auto_unpacker *unpacker = unpacker_new(root_fd);
	struct teed_stream teed = { .tee = &request->tee };
	struct owners owners;
	int r = stream_new(&source, &stream, err);

	if (r < 0)
		return r;
	if (request->is_literal)
		unpacker_be_literal(unpacker);
	unpacker_limit(unpacker, &counted.bytes);
	teed.stream = stream;
	staged->encoding = stream_encoding(stream);
	r = unpack_entries(&teed, request, unpacker, staged, err);
	if (r == 0)
		r = check_diff_id(stream, request, staged, err);
	if (r == 0)
		r = unpacker_finish(unpacker, &owners, err);
	if (r == 0)
		owners_copy(&owners, &staged->arena, &staged->owners);
	staged->owners.tar_bytes = staged->tar_bytes;
	return r;
}

static int stage(const struct store *store, const struct layer_request *request,
		 struct layer_staged *staged, struct err *err)
{
	char name[STORE_WORK_NAME_MAX];
	auto_fd root = -1;
	int r = store_work_name(store, name, err);

	if (r < 0)
		return r;
	if (mkdirat(store->dirfd, name, 0755) < 0)
		return fail(err, errno, "make '%s' in '%s'", name, store->path);
	memcpy(staged->work_name, name, sizeof(name));
	root = openat(store->dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || fchmod(root, 0755) < 0)
		return fail(err, errno, "open '%s' in '%s'", name, store->path);
	return unpack_into(root, request, staged, err);
}

int layer_stage(const struct store *store, const struct layer_request *request,
		struct layer_staged *ret_staged, struct err *err)
{
	struct layer_staged staged = { .store = store };
	int r = stage(store, request, &staged, err);

	if (r < 0) {
		layer_staged_done(&staged);
		return err_wrap(err, "unpack layer%s%s", request->diff_id ? " " : "",
				request->diff_id ? request->diff_id->text : "");
	}
	*ret_staged = staged;
	return 0;
}

void layer_staged_done(struct layer_staged *staged)
{
	if (staged->work_name[0])
		(void)!remove_tree(staged->store->dirfd, staged->work_name, NULL);
	arena_done(&staged->arena);
	memset(staged, 0, sizeof(*staged));
}

int layer_commit(const struct store *store, struct layer_staged *const *staged, size_t count,
		 struct err *err)
{
	if (count && syncfs(store->dirfd) < 0)
		return fail(err, errno, "sync '%s'", store->path);
	for (size_t i = 0; i < count; i++) {
		int r = layer_publish(store, &staged[i]->diff_id, staged[i]->work_name,
				      &staged[i]->owners, err);

		if (r < 0)
			return r;
		staged[i]->work_name[0] = '\0';
	}
	return 0;
}

/* Not one byte more is decompressed than the layer has. */
int layer_check(const struct store *store, const struct byte_source *source,
		const struct digest *diff_id, struct err *err)
{
	uint64_t expected_bytes = layer_tar_bytes(store, diff_id);
	char hex[SHA256_HEX_LENGTH + 1];
	auto_stream *stream = NULL;
	struct digest is;
	const void *bytes;
	uint64_t size_bytes = 0;
	size_t size = 1;
	int r = stream_new(source, &stream, err);

	while (r == 0 && size > 0) {
		r = stream_next(stream, &bytes, &size, err);
		size_bytes += size;
		if (r == 0 && expected_bytes && size_bytes > expected_bytes)
			return fail(err, EUCLEAN, "it unpacks to more than layer %s",
				    diff_id->text);
	}
	if (r == 0)
		r = stream_finish(stream, hex, &size_bytes, err);
	if (r < 0)
		return r;
	is = digest_of_hex(hex);
	return compare(&is, diff_id, err);
}

int layer_unpack(const struct store *store, const struct layer_request *request,
		 struct digest *ret_diff_id, struct err *err)
{
	auto_layer_staged staged = { 0 };
	struct layer_staged *all = &staged;
	int r;

	if (request->diff_id && layer_present(store, request->diff_id)) {
		if (ret_diff_id)
			*ret_diff_id = *request->diff_id;
		return 0;
	}
	r = layer_stage(store, request, &staged, err);
	if (r == 0)
		r = layer_commit(store, &all, 1, err);
	if (r == 0 && ret_diff_id)
		*ret_diff_id = staged.diff_id;
	return r;
}

int layer_unpack_blob(const struct store *store, const struct digest *blob,
		      const struct digest *diff_id, struct err *err)
{
	auto_fd fd = -1;
	struct byte_source source = byte_source_fd(&fd);
	struct layer_request request = { .source = &source, .diff_id = diff_id };
	int r;

	if (layer_present(store, diff_id))
		return 0;
	r = blob_open(store, blob, &fd, NULL, err);
	if (r < 0)
		return r;
	r = layer_unpack(store, &request, NULL, err);
	return r < 0 ? err_wrap(err, "blob %s", blob->text) : 0;
}
