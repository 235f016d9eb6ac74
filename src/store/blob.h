/* SPDX-License-Identifier: Apache-2.0 */
/* Reading blobs of the store. Writing is blob_writer.h (needs hashing, so rootlet-image only). */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "image/descriptor.h"
#include "store/store.h"

/* Open the blob, read-only, O_CLOEXEC; the caller closes *ret_fd. The bytes are not hashed again.
 * -ENOENT: not in this store. Safe against a running gc: the fd keeps the inode.
 * ret_size_bytes may be NULL. */
int blob_open(const struct store *store, const struct digest *digest, int *ret_fd,
	      uint64_t *ret_size_bytes, struct err *err) must_check;

/* Is it there, with the size its descriptor gives? Then gc leaves it alone as long as this process,
 * having announced itself, is at work (store_mark). */
bool blob_present(const struct store *store, const struct descriptor *descriptor);

/* Append a small blob (manifest, config) to buf. -ENOENT: not in this store. -EUCLEAN: its size
 * is not what the descriptor says. -EFBIG: larger than limit_bytes. */
int blob_read(const struct store *store, const struct descriptor *descriptor, size_t limit_bytes,
	      struct buf *buf, struct err *err) must_check;

/* Only if it was not marked since unmarked_ns (store_unmarked_since): 1 when it went, else 0. */
int blob_remove_unmarked(const struct store *store, const struct digest *digest,
			 int64_t unmarked_ns, struct err *err) must_check;

#endif
