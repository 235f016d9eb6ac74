// SPDX-License-Identifier: Apache-2.0
#include "store/blob_writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "codec/sha256.h"
#include "store/partial.h"
#include "store/publish.h"

#define READ_BYTES ((size_t)256 * 1024)

struct blob_writer {
	const struct store *store;
	struct digest expected; /* "" when any will do */
	struct digest digest;	/* once sealed */
	uint64_t size_bytes;
	struct sha256 sha;
	int fd;
	char work_name[STORE_WORK_NAME_MAX]; /* "" once published */
	bool keeps_part;		     /* for a later blob_writer_resume */

	pthread_mutex_t mutex; /* over the two below */
	pthread_cond_t changed;
	uint64_t written_bytes;
	bool ended;
};

static void init(struct blob_writer *writer, const struct store *store,
		 const struct digest *expected, uint64_t size_bytes)
{
	writer->store = store;
	writer->size_bytes = size_bytes;
	if (expected)
		writer->expected = *expected;
	writer->fd = -1;
	sha256_init(&writer->sha);
	pthread_mutex_init(&writer->mutex, NULL);
	pthread_cond_init(&writer->changed, NULL);
}

int blob_writer_new(const struct store *store, const struct digest *expected, uint64_t size_bytes,
		    struct blob_writer **ret_writer, struct err *err)
{
	auto_blob_writer *writer = memory_zeroed(1, sizeof(*writer));
	char name[STORE_WORK_NAME_MAX];
	int r;

	init(writer, store, expected, size_bytes);
	r = store_work_name(store, name, err);
	if (r < 0)
		return r;
	writer->fd = openat(store->dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (writer->fd < 0)
		return fail(err, errno, "create '%s/%s'", store->path, name);
	memcpy(writer->work_name, name, sizeof(name));
	*ret_writer = take_ptr(writer);
	return 0;
}

/* Hash what is there; a part that is too long or cannot be read is none. Nor is one with a second
 * name: its writer died just when it had published the whole. */
static int take_part_over(struct blob_writer *writer)
{
	auto_free char *chunk = memory_zeroed(1, READ_BYTES);
	struct stat st;
	ssize_t n;

	if (fstat(writer->fd, &st) < 0 || st.st_nlink > 1 ||
	    (uint64_t)st.st_size > writer->size_bytes)
		return -EUCLEAN;
	(void)!futimens(writer->fd, NULL); /* it is ours now: store_mark */
	while ((n = io_read_full(writer->fd, chunk, READ_BYTES)) > 0) {
		sha256_add(&writer->sha, chunk, (size_t)n);
		writer->written_bytes += (uint64_t)n;
	}
	return n < 0 || writer->written_bytes != (uint64_t)st.st_size ? -EUCLEAN : 0;
}

static int open_part(struct blob_writer *writer, const char *name, struct err *err)
{
	const struct store *store = writer->store;

	if (partial_claim(store->dirfd, name, &writer->expected)) {
		writer->fd = openat(store->dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (writer->fd >= 0 && take_part_over(writer) == 0)
			return 0;
		cleanup_fd(&writer->fd);
		writer->fd = -1;
		writer->written_bytes = 0;
		sha256_done(&writer->sha);
		sha256_init(&writer->sha);
		unlinkat(store->dirfd, name, 0);
	}
	writer->fd = openat(store->dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return writer->fd < 0 ? fail(err, errno, "create '%s/%s'", store->path, name) : 0;
}

int blob_writer_resume(const struct store *store, const struct descriptor *descriptor,
		       struct blob_writer **ret_writer, uint64_t *ret_have_bytes, struct err *err)
{
	auto_blob_writer *writer = memory_zeroed(1, sizeof(*writer));
	char any_name[STORE_WORK_NAME_MAX];
	char name[STORE_WORK_NAME_MAX];
	int r;

	init(writer, store, &descriptor->digest, descriptor->size_bytes);
	r = store_work_name(store, any_name, err);
	if (r < 0)
		return r;
	partial_work_name(any_name, &descriptor->digest, name);
	r = open_part(writer, name, err);
	if (r < 0)
		return r;
	memcpy(writer->work_name, name, sizeof(name));
	writer->keeps_part = true;
	*ret_have_bytes = writer->written_bytes;
	*ret_writer = take_ptr(writer);
	return 0;
}

static const char *name_of(const struct blob_writer *writer)
{
	return writer->expected.text[0] ? writer->expected.text : "(digest not known yet)";
}

int blob_writer_add(struct blob_writer *writer, const void *bytes, size_t size_bytes,
		    struct err *err)
{
	int r;

	if (size_bytes > writer->size_bytes - writer->written_bytes)
		return fail(err, EUCLEAN, "blob %s: more than the %llu bytes announced",
			    name_of(writer), (unsigned long long)writer->size_bytes);
	r = io_write_all(writer->fd, bytes, size_bytes);
	if (r == -ENOSPC || r == -EDQUOT) /* a part that is kept would keep the disk full */
		writer->keeps_part = false;
	if (r < 0)
		return fail(err, -r, "write blob %s to '%s'", name_of(writer), writer->store->path);
	sha256_add(&writer->sha, bytes, size_bytes);
	pthread_mutex_lock(&writer->mutex);
	writer->written_bytes += size_bytes;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->mutex);
	return 0;
}

void blob_writer_end(struct blob_writer *writer)
{
	pthread_mutex_lock(&writer->mutex);
	writer->ended = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->mutex);
}

static int check(struct blob_writer *writer, struct digest *ret_digest, struct err *err)
{
	char hex[SHA256_HEX_LENGTH + 1];

	if (writer->size_bytes != BLOB_SIZE_UNKNOWN && writer->size_bytes != writer->written_bytes)
		return fail(err, EUCLEAN, "blob %s: %llu bytes came, %llu were announced",
			    name_of(writer), (unsigned long long)writer->written_bytes,
			    (unsigned long long)writer->size_bytes);
	sha256_finish(&writer->sha, hex);
	*ret_digest = digest_of_hex(hex);
	if (writer->expected.text[0] && !digest_equal(&writer->expected, ret_digest))
		return fail(err, EUCLEAN, "blob %s: digest mismatch, the bytes that came have %s",
			    writer->expected.text, ret_digest->text);
	return 0;
}

static int sync_folder(const struct store *store, struct err *err)
{
	auto_fd folder = openat(store->dirfd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0 || (fsync(folder) < 0 && errno != EINVAL))
		return fail(err, errno, "fsync '%s/blobs/sha256'", store->path);
	return 0;
}

int blob_writer_seal(struct blob_writer *writer, struct digest *ret_digest,
		     uint64_t *ret_size_bytes, struct err *err)
{
	int r;

	blob_writer_end(writer);
	r = check(writer, &writer->digest, err);
	if (r < 0)
		return r;
	if (ret_digest)
		*ret_digest = writer->digest;
	if (ret_size_bytes)
		*ret_size_bytes = writer->written_bytes;
	return 0;
}

int blob_writer_publish(struct blob_writer *writer, struct err *err)
{
	const struct store *store = writer->store;
	char name[STORE_NAME_MAX];
	int r = publish_file(store, writer->work_name, store_blob_name(&writer->digest, name));

	if (r < 0)
		return fail(err, -r, "publish blob %s", writer->digest.text);
	writer->work_name[0] = '\0';
	return 0;
}

int blob_writer_commit(struct blob_writer *writer, struct digest *ret_digest,
		       uint64_t *ret_size_bytes, struct err *err)
{
	struct digest digest;
	uint64_t size_bytes;
	int r = blob_writer_seal(writer, &digest, &size_bytes, err);

	if (r == 0 && fsync(writer->fd) < 0)
		r = fail(err, errno, "fsync blob %s", digest.text);
	if (r == 0)
		r = blob_writer_publish(writer, err);
	if (r == 0)
		r = sync_folder(writer->store, err);
	if (r < 0)
		return r;
	if (ret_digest)
		*ret_digest = digest;
	if (ret_size_bytes)
		*ret_size_bytes = size_bytes;
	return 0;
}

void blob_writer_free(struct blob_writer *writer)
{
	if (!writer)
		return;
	blob_writer_end(writer);
	if (writer->work_name[0] && writer->keeps_part &&
	    writer->written_bytes < writer->size_bytes)
		partial_keep(writer->store->dirfd, writer->work_name, &writer->expected);
	else if (writer->work_name[0])
		unlinkat(writer->store->dirfd, writer->work_name, 0);
	cleanup_fd(&writer->fd);
	sha256_done(&writer->sha);
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}

int blob_writer_reader(struct blob_writer *writer, int *ret_fd, struct err *err)
{
	/* not dup(2): the offset must be the reader's own */
	int fd = openat(writer->store->dirfd, writer->work_name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail(err, errno, "open '%s/%s'", writer->store->path, writer->work_name);
	*ret_fd = fd;
	return 0;
}

uint64_t blob_writer_wait_for(struct blob_writer *writer, uint64_t offset)
{
	uint64_t written;

	pthread_mutex_lock(&writer->mutex);
	while (writer->written_bytes <= offset && !writer->ended)
		pthread_cond_wait(&writer->changed, &writer->mutex);
	written = writer->written_bytes;
	pthread_mutex_unlock(&writer->mutex);
	return written;
}

static struct digest digest_of_bytes(const void *bytes, size_t size_bytes)
{
	char hex[SHA256_HEX_LENGTH + 1];

	sha256_hex(bytes, size_bytes, hex);
	return digest_of_hex(hex);
}

int blob_add(const struct store *store, const void *bytes, size_t size_bytes,
	     struct digest *ret_digest, struct err *err)
{
	auto_blob_writer *writer = NULL;
	struct descriptor present = { .digest = digest_of_bytes(bytes, size_bytes),
				      .size_bytes = size_bytes };
	int r;

	/* Writing costs an fsync; what a rebuild finds is mostly there. */
	if (blob_present(store, &present)) {
		if (ret_digest)
			*ret_digest = present.digest;
		return 0;
	}
	r = blob_writer_new(store, NULL, size_bytes, &writer, err);
	if (r == 0)
		r = blob_writer_add(writer, bytes, size_bytes, err);
	if (r == 0)
		r = blob_writer_commit(writer, ret_digest, NULL, err);
	return r;
}
