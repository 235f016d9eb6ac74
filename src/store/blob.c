// SPDX-License-Identifier: Apache-2.0
#include "store/blob.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "store/aside.h"
#include "sys/shared_file.h"

/* In whichever of the stores. -ENOENT: in none. */
static int open_anywhere(const struct store *store, const char *name)
{
	const struct store *each;

	for (size_t i = 0; (each = store_at(store, i)); i++) {
		int fd = openat(each->dirfd, name, O_RDONLY | O_CLOEXEC);

		if (fd >= 0 || errno != ENOENT)
			return fd;
	}
	aside_put_back(store, name);
	return openat(store->dirfd, name, O_RDONLY | O_CLOEXEC);
}

int blob_open(const struct store *store, const struct digest *digest, int *ret_fd,
	      uint64_t *ret_size_bytes, struct err *err)
{
	char name[STORE_NAME_MAX];
	auto_fd fd = open_anywhere(store, store_blob_name(digest, name));
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		fail_plain(err, ENOENT, "blob %s is not in the store", digest->text);
		err_hint(err, "pull or import the image again");
		return -ENOENT;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, errno, "open blob %s", digest->text);
	*ret_fd = take_fd(&fd);
	if (ret_size_bytes)
		*ret_size_bytes = (uint64_t)st.st_size;
	return 0;
}

bool blob_present(const struct store *store, const struct descriptor *descriptor)
{
	char name[STORE_NAME_MAX];
	const struct store *each;
	struct stat st;

	store_blob_name(&descriptor->digest, name);
	for (size_t i = 0; (each = store_at(store, i)); i++)
		if (store_mark(each, name, &st) && (uint64_t)st.st_size == descriptor->size_bytes)
			return true;
	return false;
}

int blob_read(const struct store *store, const struct descriptor *descriptor, size_t limit_bytes,
	      struct buf *buf, struct err *err)
{
	auto_fd fd = -1;
	uint64_t size_bytes;
	int r = blob_open(store, &descriptor->digest, &fd, &size_bytes, err);

	if (r < 0)
		return r;
	if (size_bytes != descriptor->size_bytes)
		return fail(err, EUCLEAN,
			    "blob %s is damaged: it has %llu bytes and should have %llu",
			    descriptor->digest.text, (unsigned long long)size_bytes,
			    (unsigned long long)descriptor->size_bytes);
	r = io_read_to_end(fd, limit_bytes, buf, err);
	if (r < 0)
		return err_wrap(err, "blob %s", descriptor->digest.text);
	return 0;
}

int blob_remove_unmarked(const struct store *store, const struct digest *digest,
			 int64_t unmarked_ns, struct err *err)
{
	char name[STORE_NAME_MAX];
	int64_t marked_ns;
	int r;

	store_blob_name(digest, name);
	if (!shared_file_mtime(store->dirfd, name, &marked_ns) || marked_ns > unmarked_ns)
		return 0;
	r = aside_remove(store, name, NULL, unmarked_ns, err);
	return r == -EBUSY ? 0 : r;
}
