// SPDX-License-Identifier: Apache-2.0
#include "flow/archive_out.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "codec/sha256.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

void archive_out_init(struct archive_out *out, int fd, bool is_directory)
{
	*out = (struct archive_out){ .is_directory = is_directory, .fd = fd };
	export_output_init(&out->output, fd);
	out->tar.write = export_output_write;
	out->tar.context = &out->output;
}

void archive_out_done(struct archive_out *out)
{
	export_output_done(&out->output);
}

int archive_out_folder(struct archive_out *out, const char *name, struct err *err)
{
	struct tar_entry entry = { .type = TAR_DIRECTORY, .path = name, .mode = 0755 };

	if (!out->is_directory)
		return tar_writer_entry(&out->tar, &entry, err);
	if (mkdirat(out->fd, name, 0777) < 0)
		return fail(err, errno, "make directory '%s'", name);
	return 0;
}

static int begin(struct archive_out *out, const char *name, uint64_t size_bytes, int *ret_fd,
		 struct err *err)
{
	struct tar_entry entry = {
		.type = TAR_FILE, .path = name, .mode = 0644, .size_bytes = size_bytes
	};

	if (!out->is_directory)
		return tar_writer_entry(&out->tar, &entry, err);
	*ret_fd = openat(out->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return *ret_fd < 0 ? fail(err, errno, "create '%s'", name) : 0;
}

static int add(struct archive_out *out, int fd, const void *bytes, size_t size_bytes,
	       struct err *err)
{
	int r;

	if (!out->is_directory)
		return tar_writer_data(&out->tar, bytes, size_bytes, err);
	r = io_write_all(fd, bytes, size_bytes);
	return r < 0 ? fail(err, -r, "write") : 0;
}

int archive_out_bytes(struct archive_out *out, const char *name, const void *bytes,
		      size_t size_bytes, struct err *err)
{
	auto_fd fd = -1;
	int r = begin(out, name, size_bytes, &fd, err);

	return r < 0 ? r : add(out, fd, bytes, size_bytes, err);
}

int archive_out_source(struct archive_out *out, const char *name, const struct byte_source *source,
		       uint64_t size_bytes, struct err *err)
{
	auto_free char *chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	uint64_t left = size_bytes;
	auto_fd fd = -1;
	ssize_t n;
	int r = begin(out, name, size_bytes, &fd, err);

	if (r < 0)
		return r;
	while ((n = source->read(source->context, chunk, CHUNK_BYTES, err)) > 0) {
		if ((uint64_t)n > left)
			return fail(err, EUCLEAN, "'%s' is larger than it should be", name);
		left -= (uint64_t)n;
		r = add(out, fd, chunk, (size_t)n, err);
		if (r < 0)
			return r;
	}
	if (n == 0 && left)
		return fail(err, EUCLEAN, "'%s' is smaller than it should be", name);
	return (int)n;
}

int archive_out_end(struct archive_out *out, struct err *err)
{
	int r;

	if (out->is_directory)
		return 0;
	r = tar_writer_end(&out->tar, err);
	return r < 0 ? r : export_output_flush(&out->output, err);
}

/* --- checked sources --- */

struct checked_source {
	struct byte_source from;
	struct digest digest;
	struct sha256 sha;
	bool ended;
};

struct checked_source *checked_source_new(const struct byte_source *from,
					  const struct digest *digest)
{
	struct checked_source *checked = memory_zeroed(1, sizeof(*checked));

	checked->from = *from;
	checked->digest = *digest;
	sha256_init(&checked->sha);
	return checked;
}

void checked_source_free(struct checked_source *checked)
{
	sha256_done(&checked->sha);
	free(checked);
}

static ssize_t read_checked(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct checked_source *checked = context;
	char hex[SHA256_HEX_LENGTH + 1];
	ssize_t n = checked->from.read(checked->from.context, bytes, size_bytes, err);

	if (n > 0)
		sha256_add(&checked->sha, bytes, (size_t)n);
	if (n != 0 || checked->ended)
		return n;
	checked->ended = true;
	sha256_finish(&checked->sha, hex);
	if (strcmp(hex, digest_hex(&checked->digest)) != 0)
		return fail(err, EUCLEAN,
			    "digest mismatch: %s is damaged, its bytes have sha256:%s",
			    checked->digest.text, hex);
	return 0;
}

struct byte_source byte_source_checked(struct checked_source *checked)
{
	return (struct byte_source){ .read = read_checked, .context = checked };
}
