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

	if (sweep(request->store, brought, &swept, &err) < 0)
		log_verbose("left for gc: %s", err.text);
}

/* --- temporary files --- */

/* Read all of the source, decompressed, into a temporary file. */
static int spool_decompressed(const struct store *store, const struct byte_source *source,
			      int *ret_fd, struct err *err)
{
	auto_free char *chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	auto_decoder *decoder = NULL;
	auto_fd fd = -1;
	ssize_t n;
	int r = store_open_unnamed(store, &fd, err);

	if (r == 0)
		r = decoder_new(source, &decoder, err);
	if (r < 0)
		return r;
	while ((n = decoder_read(decoder, chunk, CHUNK_BYTES, err)) > 0) {
		r = io_write_all(fd, chunk, (size_t)n);
		if (r < 0)
			return fail(err, -r, "write a temporary file in '%s'", store->path);
	}
	if (n < 0)
		return (int)n;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int spool(const struct store *store, int from_fd, int *ret_fd, struct err *err)
{
	auto_fd fd = -1;
	int r = store_open_unnamed(store, &fd, err);

	if (r == 0)
		r = io_copy(from_fd, fd, UINT64_MAX, err);
	if (r < 0)
		return err_wrap(err, "copy to a temporary file in '%s'", store->path);
	*ret_fd = take_fd(&fd);
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

/* Does the tar (perhaps compressed) at the beginning of fd look like images, by its first entry? */
static int looks_like_images(int fd, bool *ret_images, enum encoding *ret_encoding, struct err *err)
{
	auto_free struct decoded_input *state = memory_zeroed(1, sizeof(*state));
	auto_decoder *decoder = NULL;
	auto_tar_reader *reader = NULL;
	struct tar_input input = { .next = next_chunk, .context = state };
	struct byte_source source = byte_source_fd(&fd);
	struct tar_entry entry;
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "seek");
	r = decoder_new(&source, &decoder, err);
	if (r < 0)
		return r;
	state->decoder = decoder;
	reader = tar_reader_new(&input);
	r = tar_reader_next(reader, &entry, err);
	if (r < 0)
		return r;
	*ret_images = r > 0 && is_name_of_image_archive(entry.path);
	*ret_encoding = decoder_encoding(decoder);
	return 0;
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

static int open_archive(const struct store *store, int fd, enum encoding encoding,
			struct bundle *ret_bundle, struct err *err)
{
	struct byte_source source = byte_source_fd(&fd);
	int plain_fd = -1;
	int r = 0;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "seek");
	if (encoding == ENCODING_NONE)
		plain_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	else
		r = spool_decompressed(store, &source, &plain_fd, err);
	if (r < 0)
		return r;
	if (plain_fd < 0)
		return fail(err, errno, "duplicate a file descriptor");
	return bundle_open_archive(plain_fd, ret_bundle, err);
}

static int import_archive(const struct import_request *request, int fd, enum encoding encoding,
			  bool *ret_done, struct err *err)
{
	auto_bundle bundle = BUNDLE_NONE;
	int r = open_archive(request->store, fd, encoding, &bundle, err);

	return r < 0 ? r : import_bundle(request, &bundle, ret_done, err);
}

static int no_root(struct err *err)
{
	fail_plain(err, EINVAL, "no image is in it (neither docker-archive nor OCI)");
	err_hint(err, "'rootlet import' makes an image of a root file system");
	return -EINVAL;
}

static int import_file(const struct import_request *request, int fd, struct err *err)
{
	enum encoding encoding = ENCODING_NONE;
	bool images = false;
	bool done = false;
	int r;

	if (squash_is_image(fd))
		return request->images_only ? no_root(err) : import_root_squashfs(request, fd, err);
	r = looks_like_images(fd, &images, &encoding, err);
	if (r == 0 && images)
		r = import_archive(request, fd, encoding, &done, err);
	if (r < 0 || done)
		return r;
	if (request->images_only)
		return no_root(err);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "seek");
	return import_root(request, fd, err);
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

static int open_source(const struct store *store, const char *path, int *ret_fd, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	auto_fd fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			      : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(err, errno, "open");
	if (lseek(fd, 0, SEEK_CUR) < 0) {
		int r = spool(store, fd, ret_fd, err);

		return r;
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

static int open_bundle(const struct store *store, int *fd, struct bundle *ret_bundle,
		       struct err *err)
{
	enum encoding encoding = ENCODING_NONE;
	bool images = false;
	struct stat st;
	int r;

	if (fstat(*fd, &st) < 0)
		return fail(err, errno, "stat");
	if (S_ISDIR(st.st_mode))
		return bundle_open_directory(take_fd(fd), ret_bundle, err);
	r = looks_like_images(*fd, &images, &encoding, err);
	if (r == 0 && !images)
		r = fail_plain(err, EINVAL, "neither an OCI layout nor an archive of one");
	return r < 0 ? r : open_archive(store, *fd, encoding, ret_bundle, err);
}

int import_open_bundle(const struct store *store, const char *source, struct bundle *ret_bundle,
		       struct err *err)
{
	auto_fd fd = -1;
	int r = open_source(store, source, &fd, err);

	if (r == 0)
		r = open_bundle(store, &fd, ret_bundle, err);
	return r < 0 ? err_wrap(err, "'%s'", source) : 0;
}

int import_run(const struct import_request *request, struct err *err)
{
	auto_fd fd = -1;
	struct stat st;
	int r = store_announce(request->store, err);

	if (r == 0)
		r = open_source(request->store, request->source, &fd, err);
	if (r == 0 && fstat(fd, &st) < 0)
		r = fail(err, errno, "stat");
	if (r == 0 && request->owners && !S_ISDIR(st.st_mode))
		r = fail_plain(err, EINVAL, "--owners is for a directory: archives have them");
	if (r == 0)
		r = S_ISDIR(st.st_mode) ? import_directory(request, fd, err)
					: import_file(request, fd, err);
	return r < 0 ? err_wrap(err, "'%s'", request->source) : 0;
}
