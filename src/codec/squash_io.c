// SPDX-License-Identifier: Apache-2.0
#include "codec/squash_io.h"

#include <sqfs/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"

int squash_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
	char *bytes = buffer;

	while (size > 0) {
		ssize_t n = pread(fd, bytes, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		bytes += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static int read_at(sqfs_file_t *file, sqfs_u64 offset, void *buffer, size_t size)
{
	struct squash_io *io = (struct squash_io *)file;
	int r = squash_pread(io->fd, buffer, size, io->base + offset);

	if (r == -ENODATA)
		return SQFS_ERROR_OUT_OF_BOUNDS;
	if (r < 0)
		io->saved_errno = -r;
	return r < 0 ? SQFS_ERROR_IO : 0;
}

static int write_at(sqfs_file_t *file, sqfs_u64 offset, const void *buffer, size_t size)
{
	struct squash_io *io = (struct squash_io *)file;
	const char *bytes = buffer;

	while (size > 0) {
		ssize_t n = pwrite(io->fd, bytes, size, (off_t)(io->base + offset));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			io->saved_errno = n < 0 ? errno : ENOSPC;
			return SQFS_ERROR_IO;
		}
		bytes += n;
		offset += (sqfs_u64)n;
		size -= (size_t)n;
	}
	return 0;
}

static sqfs_u64 get_size(const sqfs_file_t *file)
{
	const struct squash_io *io = (const struct squash_io *)file;
	struct stat st;

	return fstat(io->fd, &st) < 0 || (uint64_t)st.st_size < io->base
		       ? 0
		       : (sqfs_u64)st.st_size - io->base;
}

static int truncate_file(sqfs_file_t *file, sqfs_u64 size)
{
	struct squash_io *io = (struct squash_io *)file;

	if (ftruncate(io->fd, (off_t)(io->base + size)) == 0)
		return 0;
	io->saved_errno = errno;
	return SQFS_ERROR_IO;
}

static void destroy(sqfs_object_t *object)
{
	(void)object; /* its owner frees it */
}

void squash_io_init(struct squash_io *io, int fd, uint64_t base)
{
	*io = (struct squash_io){ .file = { .base = { .destroy = destroy },
					    .read_at = read_at,
					    .write_at = write_at,
					    .get_size = get_size,
					    .truncate = truncate_file },
				  .fd = fd,
				  .base = base };
}

static int load_xattrs(struct squash_tables *tables, struct squash_io *io)
{
	if (tables->super.flags & SQFS_FLAG_NO_XATTRS ||
	    tables->super.xattr_id_table_start == UINT64_MAX)
		return 0;
	tables->xattrs = sqfs_xattr_reader_create(0);
	if (!tables->xattrs)
		return SQFS_ERROR_ALLOC;
	return sqfs_xattr_reader_load(tables->xattrs, &tables->super, &io->file,
				      tables->decompressor);
}

int squash_tables_load(struct squash_tables *tables, struct squash_io *io)
{
	sqfs_super_t *super = &tables->super;
	int r = sqfs_super_read(super, &io->file);

	if (r == 0)
		r = squash_decompressor_new(super, &tables->decompressor);
	if (r < 0)
		return r;
	tables->ids = sqfs_id_table_create(0);
	if (!tables->ids)
		return SQFS_ERROR_ALLOC;
	r = sqfs_id_table_read(tables->ids, &io->file, super, tables->decompressor);
	return r < 0 ? r : load_xattrs(tables, io);
}

void squash_tables_done(struct squash_tables *tables)
{
	sqfs_destroy(tables->xattrs);
	sqfs_destroy(tables->ids);
	sqfs_destroy(tables->decompressor);
}

static int as_errno(int code)
{
	switch (code) {
	case SQFS_ERROR_ALLOC:
		return ENOMEM;
	case SQFS_ERROR_UNSUPPORTED:
	case SFQS_ERROR_SUPER_VERSION:
		return ENOTSUP;
	case SQFS_ERROR_IO:
		return EIO;
	default:
		return EUCLEAN;
	}
}

static const char *in_words(int code)
{
	switch (code) {
	case SQFS_ERROR_ALLOC:
		return "out of memory";
	case SQFS_ERROR_IO:
		return "the file cannot be read or written";
	case SQFS_ERROR_COMPRESSOR:
		return "damaged compressed data";
	case SQFS_ERROR_CORRUPTED:
		return "damaged squashfs";
	case SQFS_ERROR_UNSUPPORTED:
		return "not supported by libsquashfs";
	case SQFS_ERROR_OVERFLOW:
		return "a number is too large";
	case SQFS_ERROR_OUT_OF_BOUNDS:
		return "the file is cut short, or damaged";
	case SFQS_ERROR_SUPER_MAGIC:
		return "no squashfs";
	case SFQS_ERROR_SUPER_VERSION:
		return "not version 4.0 of squashfs";
	case SQFS_ERROR_SUPER_BLOCK_SIZE:
		return "damaged squashfs (block size)";
	case SQFS_ERROR_LINK_LOOP:
		return "damaged squashfs (a directory inside of itself)";
	default:
		return "libsquashfs failed";
	}
}

int squash_fail(struct err *err, const struct squash_io *io, int code, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (code == SQFS_ERROR_IO && io->saved_errno)
		return fail(err, io->saved_errno, "%s", text);
	return fail_plain(err, as_errno(code), "%s: %s", text, in_words(code));
}
