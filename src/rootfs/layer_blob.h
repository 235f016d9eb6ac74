/* SPDX-License-Identifier: Apache-2.0 */
/* A layer blob in the making: tar bytes go in, a gzip blob (deterministic, see gzip_writer.h)
 * comes into the store, and the diff id is known. */
#ifndef ROOTFS_LAYER_BLOB_H
#define ROOTFS_LAYER_BLOB_H

#include "codec/gzip_writer.h"
#include "image/descriptor.h"
#include "store/store.h"

struct layer_blob;

int layer_blob_new(const struct store *store, enum gzip_effort effort, struct layer_blob **ret_blob,
		   struct err *err) must_check;
/* Signature of struct tar_writer's and struct layer_tee's write; context is the layer_blob. */
int layer_blob_write(void *context, const void *bytes, size_t size_bytes,
		     struct err *err) must_check;
/* Publish. The descriptor's media type is static text. ret_diff_id may be NULL. */
int layer_blob_commit(struct layer_blob *blob, struct descriptor *ret_descriptor,
		      struct digest *ret_diff_id, uint64_t *ret_tar_bytes,
		      struct err *err) must_check;
/* The same in two halves: the caller syncs the store in between (store_sync). */
int layer_blob_seal(struct layer_blob *blob, struct descriptor *ret_descriptor,
		    struct digest *ret_diff_id, uint64_t *ret_tar_bytes,
		    struct err *err) must_check;
int layer_blob_publish(struct layer_blob *blob, struct err *err) must_check;
void layer_blob_free(struct layer_blob *blob);
static inline void layer_blob_cleanup(struct layer_blob **blob)
{
	layer_blob_free(*blob);
}
#define auto_layer_blob cleanup(layer_blob_cleanup) struct layer_blob

#endif
