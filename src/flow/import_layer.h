/* SPDX-License-Identifier: Apache-2.0 */
/* A layer into the store, blob and tree in one reading: for the import flows. */
#ifndef FLOW_IMPORT_LAYER_H
#define FLOW_IMPORT_LAYER_H

#include "image/descriptor.h"
#include "rootfs/layer.h"

/* Copy a blob without unpacking it. Digest and size are checked; there already is success. */
int import_blob(const struct store *store, const struct byte_source *source,
		const struct descriptor *descriptor, struct err *err) must_check;

/* The bytes become a blob as they are, and the layer is unpacked. What is there already is not
 * done again. need_end: as in struct layer_request.
 * descriptor: what they must be; diff_id: what they must unpack to. */
int import_layer_as_is(const struct store *store, const struct byte_source *source,
		       const struct descriptor *descriptor, const struct digest *diff_id,
		       struct err *err) must_check;

/* A layer about which nothing is promised: kept as it is when it is gzip or zstd (`encoding`, as
 * the first bytes say), else compressed by us. */
struct import_layer {
	struct descriptor descriptor; /* media type is static text */
	struct digest diff_id;
	int64_t newest_mtime_s; /* of its entries; 0 when there is none */
};
int import_layer(const struct store *store, const struct byte_source *source,
		 enum encoding encoding, const struct digest *diff_id,
		 struct import_layer *ret_layer, struct err *err) must_check;
/* The same of an archive that ends where its file does, with an end mark or without. */
int import_layer_found(const struct store *store, const struct byte_source *source,
		       enum encoding encoding, struct import_layer *ret_layer,
		       struct err *err) must_check;

#endif
