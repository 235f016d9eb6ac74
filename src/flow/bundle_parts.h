/* SPDX-License-Identifier: Apache-2.0 */
/* What an archive holds: shared by bundle*.c and nobody else. */
#ifndef FLOW_BUNDLE_PARTS_H
#define FLOW_BUNDLE_PARTS_H

#include "codec/tar.h"
#include "flow/bundle.h"

struct bundle_part {
	uint64_t offset; /* in the bundle's file */
	uint64_t size_bytes;
	const char *link; /* an entry that stands for another one, or NULL */
	/* Of a stream, or NULL: it is this blob, this layer of the store. */
	const struct digest *blob;
	const struct import_layer *layer;
};

/* NULL: an entry of which nothing can be needed. *ret_name (which may be NULL) is in the arena. */
struct bundle_part *bundle_add(struct bundle *bundle, const struct tar_entry *entry,
			       const char **ret_name);

#endif
