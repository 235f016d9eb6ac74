// SPDX-License-Identifier: Apache-2.0
/* The formats of a pack that are a root file system; images are pack_image.c. */
#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "codec/gzip_writer.h"
#include "codec/sha256.h"
#include "codec/zstd_writer.h"
#include "flow/export.h"
#include "flow/pack.h"
#include "flow/pack_output.h"
#include "flow/pack_trailer.h"

/* --- hashed output --- */

void pack_output_init(struct pack_output *output, int fd)
{
	*output = (struct pack_output){ .discards = fd < 0 };
	sha256_init(&output->sha);
	export_output_init(&output->out, fd);
}

void pack_output_done(struct pack_output *output)
{
	sha256_done(&output->sha);
	export_output_done(&output->out);
}

int pack_output_write(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	struct pack_output *output = context;

	sha256_add(&output->sha, bytes, size_bytes);
	output->size_bytes += size_bytes;
	if (output->writeback)
		writeback_reached(output->writeback, output->size_bytes);
	return output->discards ? 0 : export_output_write(&output->out, bytes, size_bytes, err);
}

int pack_output_end(struct pack_output *output, struct digest *ret_digest, struct err *err)
{
	char hex[SHA256_HEX_LENGTH + 1];
	int r = output->discards ? 0 : export_output_flush(&output->out, err);

	if (r < 0)
		return r;
	sha256_finish(&output->sha, hex);
	*ret_digest = digest_of_hex(hex);
	return 0;
}

/* Of what was written at several places: while it goes to the disk. */
static int digest_of_file(int fd, struct digest *ret_digest, struct err *err)
{
	auto_writeback *writeback = writeback_new(fd);
	char hex[SHA256_HEX_LENGTH + 1];
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "seek");
	writeback_reached(writeback, (uint64_t)end);
	if (sha256_file(fd, hex, err) < 0)
		return err_wrap(err, "what was written");
	*ret_digest = digest_of_hex(hex);
	return 0;
}

/* --- tar --- */

int pack_write_tar(struct pack *pack, int (*write)(void *, const void *, size_t, struct err *),
		   void *context, struct err *err)
{
	const enum pack_format format = pack->request->format;
	const struct tree_tar_options options = { .is_layer = format == PACK_OCI ||
							      format == PACK_DOCKER };
	struct tar_writer writer = { .write = write, .context = context };

	return tree_write_tar(&pack->tree, &options, &writer, err);
}

static int to_gzip(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	return gzip_writer_add(context, bytes, size_bytes, err);
}

int pack_write_tar_gzip(struct pack *pack, const struct gzip_sink *sink, struct err *err)
{
	auto_gzip_writer *writer = NULL;
	int r = gzip_writer_new(sink, GZIP_SMALL, &writer, err);

	if (r == 0)
		r = pack_write_tar(pack, to_gzip, writer, err);
	return r < 0 ? r : gzip_writer_finish(writer, err);
}

static int to_zstd(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	return zstd_writer_add(context, bytes, size_bytes, err);
}

static int write_tar_zstd(struct pack *pack, struct pack_output *output, struct err *err)
{
	const struct zstd_sink sink = { pack_output_write, output };
	auto_zstd_writer *writer = NULL;
	int r = zstd_writer_new(&sink, &writer, err);

	if (r == 0)
		r = pack_write_tar(pack, to_zstd, writer, err);
	return r < 0 ? r : zstd_writer_finish(writer, err);
}

static int write_stream(struct pack *pack, enum pack_format format, int fd,
			struct digest *ret_digest, struct err *err)
{
	auto_writeback *writeback = writeback_new(fd);
	struct pack_output output;
	const struct gzip_sink gzip = { pack_output_write, &output };
	int r;

	pack_output_init(&output, fd);
	output.writeback = writeback;
	if (format == PACK_TAR_GZIP)
		r = pack_write_tar_gzip(pack, &gzip, err);
	else if (format == PACK_TAR_ZSTD)
		r = write_tar_zstd(pack, &output, err);
	else
		r = pack_write_tar(pack, pack_output_write, &output, err);
	if (r == 0)
		r = pack_output_end(&output, ret_digest, err);
	pack_output_done(&output);
	return r;
}

/* --- a directory, a squashfs --- */

/* What it would be as a tar is what says whether two directories are the same. */
static int write_directory(struct pack *pack, int fd, struct digest *ret_digest, struct err *err)
{
	size_t kept = 0;
	int r;

	for (size_t i = 0; i < pack->tree.count; i++) { /* an empty file would be a lie */
		mode_t type = pack->tree.item[i].mode & S_IFMT;

		if (type != S_IFCHR && type != S_IFBLK)
			pack->tree.item[kept++] = pack->tree.item[i];
	}
	pack->tree.count = kept;
	r = tree_copy(&pack->tree, TREE_COPY_REFLINK, fd, err);
	return r < 0 ? r : write_stream(pack, PACK_TAR, -1, ret_digest, err);
}

static int write_squashfs(struct pack *pack, int fd, uint64_t base, struct err *err)
{
	const struct tree_tar_options options = { 0 };
	struct squash_writer *writer;
	int r = squash_writer_new(fd, base, &writer, err);

	if (r < 0)
		return r;
	r = tree_write_squash(&pack->tree, &options, writer, err);
	squash_writer_free(writer);
	return r;
}

/* See pack_trailer.h. */
static int write_program(struct pack *pack, int fd, struct err *err)
{
	struct pack_trailer trailer = { .magic = PACK_TRAILER_MAGIC };
	auto_buf runtime = { 0 };
	uint64_t base;
	off_t end;
	int r = pack_read_runtime(pack, &runtime, err);

	if (r < 0)
		return r;
	while (runtime.size_bytes % PACK_BASE_ALIGN)
		buf_add_char(&runtime, '\0');
	base = runtime.size_bytes;
	r = io_write_all(fd, runtime.bytes, runtime.size_bytes);
	if (r < 0)
		return fail(err, -r, "write");
	r = write_squashfs(pack, fd, base, err);
	if (r < 0)
		return r;
	end = lseek(fd, 0, SEEK_END);
	trailer.base = htole64(base);
	trailer.size_bytes = htole64((uint64_t)end - base);
	r = end < 0 ? -errno : io_write_all(fd, &trailer, sizeof(trailer));
	return r < 0 ? fail(err, -r, "write") : 0;
}

int pack_write(struct pack *pack, int fd, struct digest *ret_digest, struct err *err)
{
	enum pack_format format = pack->request->format;
	int r;

	switch (format) {
	case PACK_TAR:
	case PACK_TAR_GZIP:
	case PACK_TAR_ZSTD:
		return write_stream(pack, format, fd, ret_digest, err);
	case PACK_DIRECTORY:
		return write_directory(pack, fd, ret_digest, err);
	case PACK_SQUASHFS:
		r = write_squashfs(pack, fd, 0, err);
		break;
	case PACK_RUN:
		r = write_program(pack, fd, err);
		break;
	default:
		r = pack_write_image(pack, fd, err);
	}
	return r < 0 ? r : digest_of_file(fd, ret_digest, err);
}
