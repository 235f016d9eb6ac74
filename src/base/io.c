// SPDX-License-Identifier: Apache-2.0
#include "base/io.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>

#define CHUNK_BYTES ((size_t)128 * 1024)
#define SMALL_BYTES 32768
#define STALE_MAX   32

int io_write_all(int fd, const void *bytes, size_t size_bytes)
{
	const char *at = bytes;

	while (size_bytes > 0) {
		ssize_t n = write(fd, at, size_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}

ssize_t io_read_full(int fd, void *bytes, size_t size_bytes)
{
	size_t done = 0;

	while (done < size_bytes) {
		ssize_t n = read(fd, (char *)bytes + done, size_bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int read_rest(int fd, size_t limit_bytes, struct buf *buf, size_t total, struct err *err)
{
	while (total <= limit_bytes) {
		char *end = buf_reserve(buf, 1); /* doubles the room when there is none */
		ssize_t n = read(fd, end, buf->room_bytes - buf->size_bytes - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, errno, "read");
		if (n == 0)
			return 0;
		buf_grow_by(buf, (size_t)n);
		total += (size_t)n;
	}
	return fail(err, EFBIG, "more than %zu bytes", limit_bytes);
}

/* Most files that are read whole are small. From the stack they get the little memory they need; a
 * fresh page costs more than a call. */
int io_read_to_end(int fd, size_t limit_bytes, struct buf *buf, struct err *err)
{
	char first[2048];
	size_t total = 0;

	while (total < sizeof(first)) {
		ssize_t n = read(fd, first + total, sizeof(first) - total);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, errno, "read");
		if (n == 0)
			break;
		total += (size_t)n;
	}
	buf_add(buf, first, total);
	if (total < sizeof(first) && total <= limit_bytes)
		return 0;
	return read_rest(fd, limit_bytes, buf, total, err);
}

static int read_file_once(int dirfd, const char *path, size_t limit_bytes, struct buf *buf,
			  struct err *err)
{
	auto_fd fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return fail(err, errno, "open '%s'", path);
	r = io_read_to_end(fd, limit_bytes, buf, err);
	if (r < 0)
		return err_wrap(err, "'%s'", path);
	return 0;
}

/* On a network the file may be replaced, by one of another machine or our own, between finding it
 * and reading it. The kernel looks again once, which is not enough where many replace it. */
int io_read_file_at(int dirfd, const char *path, size_t limit_bytes, struct buf *buf,
		    struct err *err)
{
	size_t before = buf->size_bytes;
	int r = read_file_once(dirfd, path, limit_bytes, buf, err);

	for (int i = 0; r == -ESTALE && i < STALE_MAX; i++) {
		err_clear(err);
		buf_truncate(buf, before);
		r = read_file_once(dirfd, path, limit_bytes, buf, err);
	}
	return r;
}

struct replacement {
	int dirfd;
	const char *path;
	const void *bytes;
	size_t size_bytes;
	mode_t mode;
	bool synced;
};

static int replace(const struct replacement *new, const char *temporary, struct err *err)
{
	auto_fd fd = openat(new->dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			    new->mode);
	int r;

	if (fd < 0)
		return fail(err, errno, "create '%s'", temporary);
	r = io_write_all(fd, new->bytes, new->size_bytes);
	if (r < 0)
		return fail(err, -r, "write '%s'", temporary);
	if (new->synced && fsync(fd) < 0)
		return fail(err, errno, "fsync '%s'", temporary);
	if (renameat(new->dirfd, temporary, new->dirfd, new->path) < 0)
		return fail(err, errno, "rename '%s' to '%s'", temporary, new->path);
	return 0;
}

static int replace_aside(const struct replacement *new, struct err *err)
{
	auto_buf temporary = { 0 };
	uint64_t random;
	int r;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail(err, errno, "getrandom");
	buf_printf(&temporary, "%s.tmp-%016llx", new->path, (unsigned long long)random);
	r = replace(new, temporary.bytes, err);
	if (r < 0)
		unlinkat(new->dirfd, temporary.bytes, 0);
	return r;
}

/* The directory entry is durable only once its directory is (fsync(2), NOTES). */
static int sync_parent(int dirfd, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char parent[4096] = ".";
	auto_fd fd = -1;

	if (slash)
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path) + 1, path);
	fd = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, errno, "open directory of '%s'", path);
	if (fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
		return fail(err, errno, "fsync directory of '%s'", path);
	return 0;
}

int io_replace_file_at(int dirfd, const char *path, const void *bytes, size_t size_bytes,
		       mode_t mode, struct err *err)
{
	const struct replacement new = { dirfd, path, bytes, size_bytes, mode, true };
	int r = replace_aside(&new, err);

	return r < 0 ? r : sync_parent(dirfd, path, err);
}

int io_replace_file_unsynced_at(int dirfd, const char *path, const void *bytes, size_t size_bytes,
				mode_t mode, struct err *err)
{
	const struct replacement new = { dirfd, path, bytes, size_bytes, mode, false };

	return replace_aside(&new, err);
}

static int copy_by_hand(int from_fd, int to_fd, uint64_t size_bytes, struct err *err)
{
	auto_free char *chunk = malloc(CHUNK_BYTES);

	if (!chunk)
		return fail(err, ENOMEM, "copy buffer");
	while (size_bytes > 0) {
		size_t want = size_bytes < CHUNK_BYTES ? (size_t)size_bytes : CHUNK_BYTES;
		ssize_t n = io_read_full(from_fd, chunk, want);
		int r;

		if (n < 0)
			return fail(err, (int)-n, "read");
		if (n == 0)
			return 0;
		r = io_write_all(to_fd, chunk, (size_t)n);
		if (r < 0)
			return fail(err, -r, "write");
		size_bytes -= (uint64_t)n;
	}
	return 0;
}

/* Most files are small: a read and a write cost less than asking for anything cleverer. */
static bool is_small(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	       st.st_size <= SMALL_BYTES;
}

static int copy_small(int from_fd, int to_fd, struct err *err)
{
	char chunk[SMALL_BYTES + 1];
	ssize_t n = io_read_full(from_fd, chunk, sizeof(chunk));
	int r;

	if (n < 0)
		return fail(err, (int)-n, "read");
	r = io_write_all(to_fd, chunk, (size_t)n);
	if (r < 0)
		return fail(err, -r, "write");
	/* it may have grown meanwhile */
	return (size_t)n < sizeof(chunk) ? 0 : copy_by_hand(from_fd, to_fd, UINT64_MAX, err);
}

int io_copy(int from_fd, int to_fd, uint64_t size_bytes, struct err *err)
{
	if (size_bytes == UINT64_MAX && is_small(from_fd))
		return copy_small(from_fd, to_fd, err);
	if (size_bytes == UINT64_MAX && lseek(from_fd, 0, SEEK_CUR) == 0 &&
	    lseek(to_fd, 0, SEEK_CUR) == 0 && ioctl(to_fd, FICLONE, from_fd) == 0) {
		lseek(from_fd, 0, SEEK_END);
		lseek(to_fd, 0, SEEK_END);
		return 0;
	}
	while (size_bytes > 0) {
		size_t want = size_bytes < 0x40000000 ? (size_t)size_bytes : 0x40000000;
		ssize_t n = copy_file_range(from_fd, NULL, to_fd, NULL, want, 0);

		if (n == 0) /* end, or a pseudo file that only read(2) can see into */
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
			return fail(err, errno, "copy");
		if (n < 0)
			break;
		if (size_bytes != UINT64_MAX)
			size_bytes -= (uint64_t)n;
	}
	return copy_by_hand(from_fd, to_fd, size_bytes, err);
}

void io_reserve_stdio(void)
{
	struct pollfd fds[3] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

	if (poll(fds, 3, 0) <= 0)
		return;
	for (int fd = 0; fd < 3; fd++)
		if (fds[fd].revents & POLLNVAL) /* the lowest free number is this one */
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}
