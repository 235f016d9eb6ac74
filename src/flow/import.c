// SPDX-License-Identifier: Apache-2.0
/* Finding out what the source is, and getting it into a form that can be read twice. */
#include "flow/import.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "codec/decoder.h"
#include "codec/tar.h"
#include "flow/squash_share.h"
#include "flow/sweep.h"
#include "image/whiteout.h"
#include "rootfs/content.h"
#include "store/refs.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

int import_name(const struct import_request *request, const struct descriptor *root,
		const struct digest *id, const struct ref *name, struct err *err)
{
	const struct ref *ref = request->ref ? request->ref : name;
	int r = ref ? refs_set(request->store, ref, root, err)
		    : refs_set_untagged(request->store, root, err);

	return r < 0 ? r : request->imported(request->context, id, ref, err);
}

void import_undo(const struct import_request *request, const struct reach *brought)
{
	struct swept swept;
	struct err err = { 0 };

	if (sweep_own(request->store, brought, &swept, &err) < 0)
		log_verbose("left for gc: %s", err.text);
}

/* --- a source that can be looked at before it is read --- */

struct input {
	int fd;
	bool is_seekable;
	/* Of one that is not: what was read so far, and how much of it was given again. */
	struct buf head;
	size_t given_bytes;
	bool is_watched; /* what is read goes there */
	atomic_uint_fast64_t read_bytes;
};

static void input_done(struct input *input)
{
	cleanup_fd(&input->fd);
	buf_done(&input->head);
}
#define auto_input cleanup(input_done) struct input

static ssize_t read_input(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct input *input = context;
	size_t left = input->head.size_bytes - input->given_bytes;
	ssize_t n;

	if (left) {
		size_bytes = size_bytes < left ? size_bytes : left;
		memcpy(bytes, input->head.bytes + input->given_bytes, size_bytes);
		input->given_bytes += size_bytes;
		return (ssize_t)size_bytes;
	}
	do
		n = read(input->fd, bytes, size_bytes);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(err, errno, "read");
	atomic_fetch_add(&input->read_bytes, (uint64_t)n);
	if (input->is_watched && n > 0) {
		buf_add(&input->head, bytes, (size_t)n);
		input->given_bytes += (size_t)n;
	}
	return n;
}

/* From its beginning, as often as wanted while it is watched. */
static int input_begin(struct input *input, bool is_watched, struct byte_source *ret_source,
		       struct err *err)
{
	if (input->is_seekable && lseek(input->fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "seek");
	input->is_watched = is_watched && !input->is_seekable;
	input->given_bytes = 0;
	*ret_source = (struct byte_source){ .read = read_input, .context = input };
	return 0;
}

/* --- an archive, decompressed --- */

/* It may not become more than an honest one does (rootfs/content.h): what is in it is compressed
 * itself, or files. */
struct decoded {
	struct decoder *decoder;
	struct content content;
};

static void decoded_done(struct decoded *decoded)
{
	decoder_free(decoded->decoder);
}
#define auto_decoded cleanup(decoded_done) struct decoded

static int decoded_begin(struct decoded *decoded, struct input *input, struct err *err)
{
	struct byte_source source;
	int r = input_begin(input, false, &source, err);

	decoded->content.packed_bytes = &input->read_bytes;
	return r < 0 ? r : decoder_new(&source, &decoded->decoder, err);
}

static ssize_t read_decoded(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct decoded *decoded = context;
	ssize_t n = decoder_read(decoded->decoder, bytes, size_bytes, err);
	int r = n > 0 ? content_take_data(&decoded->content, bytes, (size_t)n, err) : 0;

	return r < 0 ? r : n;
}

/* --- temporary files --- */

/* All of it into a temporary file. */
static int spool_decompressed(const struct store *store, struct input *input, int *ret_fd,
			      struct err *err)
{
	auto_free char *chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	auto_decoded decoded = { 0 };
	auto_fd fd = -1;
	ssize_t n;
	int r = store_open_unnamed(store, &fd, err);

	if (r == 0)
		r = decoded_begin(&decoded, input, err);
	if (r < 0)
		return r;
	while ((n = decoder_read(decoded.decoder, chunk, CHUNK_BYTES, err)) > 0) {
		/* nothing becomes a hole here */
		r = content_take(&decoded.content, (uint64_t)n, err);
		if (r < 0)
			return r;
		r = io_write_all(fd, chunk, (size_t)n);
		if (r < 0)
			return fail(err, -r, "write a temporary file in '%s'", store->path);
	}
	if (n < 0)
		return (int)n;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* What cannot be sought in becomes a file in the store. */
static int make_seekable(const struct store *store, struct input *input, struct err *err)
{
	struct byte_source source;
	auto_fd fd = -1;
	int r;

	if (input->is_seekable)
		return 0;
	r = input_begin(input, false, &source, err);
	if (r == 0)
		r = store_open_unnamed(store, &fd, err);
	if (r == 0)
		r = io_write_all(fd, input->head.bytes, input->head.size_bytes);
	input->given_bytes = input->head.size_bytes;
	if (r == 0)
		r = io_copy(input->fd, fd, UINT64_MAX, err);
	if (r < 0)
		return err_wrap(err, "copy to a temporary file in '%s'", store->path);
	close(input->fd);
	input->fd = take_fd(&fd);
	input->is_seekable = true;
	buf_truncate(&input->head, 0);
	input->given_bytes = 0;
	return 0;
}

/* --- what is it? --- */

struct decoded_input {
	struct decoder *decoder;
	char chunk[4096];
};

static int next_chunk(void *context, const void **ret_bytes, size_t *ret_size_bytes,
		      struct err *err)
{
	struct decoded_input *input = context;
	ssize_t n = decoder_read(input->decoder, input->chunk, sizeof(input->chunk), err);

	*ret_bytes = input->chunk;
	*ret_size_bytes = n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : 0;
}

/* Names that archives of images begin with, in whatever order; docker's older ones have a folder
 * and a file named by 64 hex digits for each layer and config. */
static bool is_name_of_image_archive(const char *path)
{
	static const char *const names[] = { "oci-layout", "index.json", "manifest.json",
					     "repositories", "blobs" };
	size_t length;
	size_t hex = 0;

	while (text_starts(path, "./"))
		path += 2;
	length = strcspn(path, "/");
	for (size_t i = 0; i < array_count(names); i++)
		if (length == strlen(names[i]) && strncmp(path, names[i], length) == 0)
			return true;
	while (isxdigit((unsigned char)path[hex]))
		hex++;
	return hex == DIGEST_HEX_LENGTH && (path[hex] == '/' || strcmp(path + hex, ".json") == 0 ||
					    strcmp(path + hex, ".tar") == 0);
}

/* "./", with which tar(1) begins when it was given a directory. */
static bool is_whole(const char *path)
{
	return path[strspn(path, "./")] == '\0' && !strstr(path, "..");
}

/* Does the tar (perhaps compressed) look like images, by its first file? */
static int looks_like_images(struct input *file, bool *ret_images, enum encoding *ret_encoding,
			     struct err *err)
{
	auto_free struct decoded_input *state = memory_zeroed(1, sizeof(*state));
	auto_decoder *decoder = NULL;
	auto_tar_reader *reader = NULL;
	struct tar_input input = { .next = next_chunk, .context = state };
	struct byte_source source;
	struct tar_entry entry;
	int r = input_begin(file, true, &source, err);

	if (r == 0)
		r = decoder_new(&source, &decoder, err);
	if (r < 0)
		return r;
	state->decoder = decoder;
	reader = tar_reader_new(&input);
	r = tar_reader_next(reader, &entry, err);
	if (r > 0 && is_whole(entry.path))
		r = tar_reader_next(reader, &entry, err);
	if (r < 0)
		return r;
	*ret_images = r > 0 && is_name_of_image_archive(entry.path);
	*ret_encoding = decoder_encoding(decoder);
	return 0;
}

static int look_for_squashfs(struct input *input, bool *ret_is, struct err *err)
{
	char magic[4] = "";
	struct byte_source source;
	int r;
	ssize_t n;

	if (input->is_seekable) {
		*ret_is = squash_is_image(input->fd);
		return 0;
	}
	r = input_begin(input, true, &source, err);
	n = r < 0 ? r : byte_source_read_full(&source, magic, sizeof(magic), err);
	*ret_is = n == (ssize_t)sizeof(magic) && memcmp(magic, "hsqs", sizeof(magic)) == 0;
	return n < 0 ? (int)n : 0;
}

static int import_bundle(const struct import_request *request, const struct bundle *bundle,
			 bool *ret_done, struct err *err)
{
	*ret_done = true;
	if (bundle_has(bundle, "oci-layout") && bundle_has(bundle, "index.json"))
		return import_oci(request, bundle, err);
	if (bundle_has(bundle, "manifest.json"))
		return import_docker(request, bundle, err);
	*ret_done = false;
	return 0;
}

/* Of a file that is not compressed: entries are read where they are. */
static int import_archive(const struct import_request *request, int fd, bool *ret_done,
			  struct err *err)
{
	auto_bundle bundle = BUNDLE_NONE;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int r = copy < 0 ? fail(err, errno, "duplicate a file descriptor")
			 : bundle_open_archive(copy, &bundle, err);

	return r < 0 ? r : import_bundle(request, &bundle, ret_done, err);
}

/* Of what can be read but once. What came that no image needed goes again. */
static int import_stream(const struct import_request *request, struct input *input, bool *ret_done,
			 struct err *err)
{
	auto_bundle bundle = BUNDLE_NONE;
	auto_decoded decoded = { 0 };
	const struct byte_source source = { .read = read_decoded, .context = &decoded };
	int r = decoded_begin(&decoded, input, err);

	if (r < 0)
		return r;
	r = bundle_open_stream(request->store, &source, &input->read_bytes, &bundle, err);
	if (r == 0)
		r = import_bundle(request, &bundle, ret_done, err);
	import_undo(request, &bundle.brought);
	return r;
}

static int no_root(struct err *err)
{
	fail_plain(err, EINVAL, "no image is in it (neither docker-archive nor OCI)");
	err_hint(err, "'rootlet import' makes an image of a root file system");
	return -EINVAL;
}

static int import_images(const struct import_request *request, struct input *input,
			 enum encoding encoding, bool *ret_done, struct err *err)
{
	if (input->is_seekable && encoding == ENCODING_NONE)
		return import_archive(request, input->fd, ret_done, err);
	return import_stream(request, input, ret_done, err);
}

/* A squashfs is read here and there. */
static int import_squashfs(const struct import_request *request, struct input *input,
			   struct err *err)
{
	int r = request->images_only ? no_root(err) : make_seekable(request->store, input, err);

	return r < 0 ? r : import_root_squashfs(request, input->fd, err);
}

static int import_file(const struct import_request *request, struct input *input, struct err *err)
{
	enum encoding encoding = ENCODING_NONE;
	struct byte_source source;
	bool is_squashfs = false;
	bool images = false;
	bool done = false;
	int r = look_for_squashfs(input, &is_squashfs, err);

	if (r == 0 && is_squashfs)
		return import_squashfs(request, input, err);
	if (r == 0)
		r = looks_like_images(input, &images, &encoding, err);
	if (r == 0 && images)
		r = import_images(request, input, encoding, &done, err);
	if (r < 0 || done)
		return r;
	/* It only began as one; a pipe has been read. */
	if (request->images_only || (images && !input->is_seekable))
		return no_root(err);
	r = input_begin(input, false, &source, err);
	return r < 0 ? r : import_root(request, &source, encoding, err);
}

static int import_directory(const struct import_request *request, int fd, struct err *err)
{
	auto_bundle bundle = BUNDLE_NONE;
	int copy;
	bool done;
	int r;

	if (request->owners) /* said to be a root by that */
		return import_root_directory(request, fd, err);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return fail(err, errno, "duplicate a file descriptor");
	r = bundle_open_directory(copy, &bundle, err);
	if (r == 0)
		r = import_bundle(request, &bundle, &done, err);
	if (r < 0 || done)
		return r;
	return request->images_only ? no_root(err) : import_root_directory(request, fd, err);
}

static int open_source(const char *path, struct input *ret_input, struct err *err)
{
	int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
					: open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(err, errno, "open");
	*ret_input = (struct input){ .fd = fd, .is_seekable = lseek(fd, 0, SEEK_CUR) >= 0 };
	return 0;
}

static int open_bundle(const struct store *store, struct input *input, struct bundle *ret_bundle,
		       struct err *err)
{
	enum encoding encoding = ENCODING_NONE;
	bool images = false;
	struct stat st;
	int plain_fd = -1;
	int r;

	if (fstat(input->fd, &st) < 0)
		return fail(err, errno, "stat");
	if (S_ISDIR(st.st_mode))
		return bundle_open_directory(take_fd(&input->fd), ret_bundle, err);
	r = looks_like_images(input, &images, &encoding, err);
	if (r == 0 && !images)
		r = fail_plain(err, EINVAL, "neither an OCI layout nor an archive of one");
	if (r == 0 && (encoding != ENCODING_NONE || !input->is_seekable))
		r = spool_decompressed(store, input, &plain_fd, err);
	if (r < 0)
		return r;
	return bundle_open_archive(plain_fd >= 0 ? plain_fd : take_fd(&input->fd), ret_bundle, err);
}

int import_open_bundle(const struct store *store, const char *source, struct bundle *ret_bundle,
		       struct err *err)
{
	auto_input input = { .fd = -1 };
	int r = open_source(source, &input, err);

	if (r == 0)
		r = open_bundle(store, &input, ret_bundle, err);
	return r < 0 ? err_wrap(err, "'%s'", source) : 0;
}

int import_run(const struct import_request *request, struct err *err)
{
	auto_input input = { .fd = -1 };
	struct stat st;
	int r = store_announce(request->store, err);

	if (r == 0)
		r = open_source(request->source, &input, err);
	if (r == 0 && fstat(input.fd, &st) < 0)
		r = fail(err, errno, "stat");
	if (r == 0 && request->owners && !S_ISDIR(st.st_mode))
		r = fail_plain(err, EINVAL, "--owners is for a directory: archives have them");
	if (r == 0)
		r = S_ISDIR(st.st_mode) ? import_directory(request, input.fd, err)
					: import_file(request, &input, err);
	return r < 0 ? err_wrap(err, "'%s'", request->source) : 0;
}
