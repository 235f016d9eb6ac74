/* SPDX-License-Identifier: Apache-2.0 */
/* Writing blobs: bytes stream in, are hashed on the way, and appear under their digest at commit.
 * Until then nothing of them is visible. */
#ifndef STORE_BLOB_WRITER_H
#define STORE_BLOB_WRITER_H

#include "store/blob.h"

struct blob_writer;

#define BLOB_SIZE_UNKNOWN UINT64_MAX

/* expected: what commit must find, or NULL; size_bytes: what the descriptor says, or
 * BLOB_SIZE_UNKNOWN. */
int blob_writer_new(const struct store *store, const struct digest *expected, uint64_t size_bytes,
		    struct blob_writer **ret_writer, struct err *err) must_check;
/* The same for a blob whose bytes can be asked for from any place. A part that an earlier transfer
 * left in the store is taken over: *ret_have_bytes of it are there, as if they had been added. In
 * turn this writer, freed before it had all bytes, leaves its part to the next one, unless the disk
 * is full. The part may be damaged: when commit says so, a new writer begins from nothing. */
int blob_writer_resume(const struct store *store, const struct descriptor *descriptor,
		       struct blob_writer **ret_writer, uint64_t *ret_have_bytes,
		       struct err *err) must_check;
/* -EUCLEAN as soon as there are more bytes than the size given. Not for two threads at once. */
int blob_writer_add(struct blob_writer *writer, const void *bytes, size_t size_bytes,
		    struct err *err) must_check;
/* Check digest and size (-EUCLEAN names both), fsync, publish. The writer is to be freed after.
 * ret_digest and ret_size_bytes may be NULL. */
int blob_writer_commit(struct blob_writer *writer, struct digest *ret_digest,
		       uint64_t *ret_size_bytes, struct err *err) must_check;
/* The same in two halves, for many blobs with one sync: seal checks and tells what it is, publish
 * makes it visible. Between them the caller syncs the store (store_sync). */
int blob_writer_seal(struct blob_writer *writer, struct digest *ret_digest,
		     uint64_t *ret_size_bytes, struct err *err) must_check;
int blob_writer_publish(struct blob_writer *writer, struct err *err) must_check;
void blob_writer_free(struct blob_writer *writer); /* not committed: nothing becomes visible */
static inline void blob_writer_cleanup(struct blob_writer **writer)
{
	blob_writer_free(*writer);
}
#define auto_blob_writer cleanup(blob_writer_cleanup) struct blob_writer

/* A second reader while bytes still come in: an own file descriptor on the file being written
 * (read-only, O_CLOEXEC, the caller closes it), and how far it may be read. wait_for blocks until
 * more than `offset` bytes were written and returns how many there are; equal to offset: the
 * writer was committed or freed and no more will come. From any thread; the writer must not be
 * freed while one waits (free it after the reader has ended). */
int blob_writer_reader(struct blob_writer *writer, int *ret_fd, struct err *err) must_check;
uint64_t blob_writer_wait_for(struct blob_writer *writer, uint64_t offset);
/* No more bytes will be added: readers see the end. Implied by commit and free. */
void blob_writer_end(struct blob_writer *writer);

/* A small blob at once; ret_digest may be NULL. */
int blob_add(const struct store *store, const void *bytes, size_t size_bytes,
	     struct digest *ret_digest, struct err *err) must_check;

#endif
