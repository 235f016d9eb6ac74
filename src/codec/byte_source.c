// SPDX-License-Identifier: Apache-2.0
#include "codec/byte_source.h"

#include <unistd.h>

#include "base/banned.h"

static ssize_t read_fd(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	const int *fd = context;
	ssize_t n;

	do
		n = read(*fd, bytes, size_bytes);
	while (n < 0 && errno == EINTR);
	return n < 0 ? fail(err, errno, "read") : n;
}

struct byte_source byte_source_fd(int *fd)
{
	return (struct byte_source){ .read = read_fd, .context = fd };
}

static ssize_t read_part(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct byte_source_part *part = context;
	ssize_t n;

	if (part->left_bytes == 0)
		return 0;
	if (size_bytes > part->left_bytes)
		size_bytes = part->left_bytes;
	do
		n = pread(part->fd, bytes, size_bytes, (off_t)part->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(err, errno, "read");
	if (n == 0)
		return fail_plain(err, EUCLEAN, "the file ends too early");
	part->offset += (uint64_t)n;
	part->left_bytes -= (uint64_t)n;
	return n;
}

struct byte_source byte_source_part(struct byte_source_part *part)
{
	return (struct byte_source){ .read = read_part, .context = part };
}

ssize_t byte_source_read_full(const struct byte_source *source, void *bytes, size_t size_bytes,
			      struct err *err)
{
	size_t done = 0;

	while (done < size_bytes) {
		ssize_t n = source->read(source->context, (char *)bytes + done, size_bytes - done,
					 err);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}
