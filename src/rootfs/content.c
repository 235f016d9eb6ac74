// SPDX-License-Identifier: Apache-2.0
#include "rootfs/content.h"

#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define HOLE_BYTES ((size_t)64 * 1024) /* fewer zeros are written */

/* --- limits --- */

int content_take(struct content *content, uint64_t size_bytes, struct err *err)
{
	uint64_t packed_bytes;

	content->bytes += size_bytes;
	if (!content->packed_bytes || content->bytes <= CONTENT_FREE_BYTES)
		return 0;
	packed_bytes = atomic_load(content->packed_bytes);
	if (content->bytes / CONTENT_RATIO_MAX <= packed_bytes)
		return 0;
	return fail_plain(err, EFBIG,
			  "%llu bytes unpack to more than %d times as many: that is no image",
			  (unsigned long long)packed_bytes, CONTENT_RATIO_MAX);
}

int content_take_entry(struct content *content, struct err *err)
{
	uint64_t packed_bytes;

	content->entries++;
	if (!content->packed_bytes || content->entries <= CONTENT_FREE_ENTRIES)
		return 0;
	packed_bytes = atomic_load(content->packed_bytes);
	if (content->entries <= packed_bytes)
		return 0;
	return fail_plain(err, EFBIG, "%llu bytes unpack to more than %llu files: that is no image",
			  (unsigned long long)packed_bytes,
			  (unsigned long long)content->entries - 1);
}

int content_take_xattr(struct content *content, uint64_t size_bytes, struct err *err)
{
	content->xattr_bytes += size_bytes;
	if (content->xattr_bytes <= CONTENT_XATTR_BYTES)
		return 0;
	return fail_plain(err, EFBIG, "more than %llu MiB of extended attributes",
			  (unsigned long long)(CONTENT_XATTR_BYTES >> 20));
}

/* --- files --- */

static int write_at(int fd, const char *bytes, size_t size, uint64_t offset)
{
	while (size > 0) {
		ssize_t n = pwrite(fd, bytes, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static bool is_hole(const char *bytes, size_t size)
{
	return size >= HOLE_BYTES && !bytes[0] && memcmp(bytes, bytes + 1, HOLE_BYTES - 1) == 0;
}

/* How much comes before the next hole. */
static size_t data_length(const char *bytes, size_t size)
{
	size_t length = 0;

	while (length < size && !is_hole(bytes + length, size - length))
		length += size - length < HOLE_BYTES ? size - length : HOLE_BYTES;
	return length;
}

int content_take_data(struct content *content, const void *bytes, size_t size_bytes,
		      struct err *err)
{
	const char *at = bytes;
	int r = 0;

	while (r == 0 && size_bytes > 0) {
		size_t length = data_length(at, size_bytes);

		r = content_take(content, length, err);
		length = length ?: HOLE_BYTES;
		at += length;
		size_bytes -= length;
	}
	return r;
}

static int write_chunk(struct content *content, int fd, const char *bytes, size_t size,
		       uint64_t offset, bool *ret_hole, struct err *err)
{
	while (size > 0) {
		size_t length = data_length(bytes, size);
		int r = content_take(content, length, err);

		if (r < 0)
			return r;
		r = write_at(fd, bytes, length, offset);
		if (r < 0)
			return fail(err, -r, "write");
		if (length == 0) {
			length = HOLE_BYTES;
			*ret_hole = true;
		}
		bytes += length;
		offset += length;
		size -= length;
	}
	return 0;
}

int content_write(struct content *content, int fd, const struct tar_entry *entry,
		  struct tar_reader *reader, struct err *err)
{
	bool hole = entry->sparse;
	const void *bytes;
	size_t size;
	uint64_t offset;
	int r;

	while ((r = tar_reader_data(reader, &bytes, &size, &offset, err)) > 0) {
		r = write_chunk(content, fd, bytes, size, offset, &hole, err);
		if (r < 0)
			return r;
	}
	if (r == 0 && hole && ftruncate(fd, (off_t)entry->size_bytes) < 0)
		return fail(err, errno, "set the size");
	return r;
}
