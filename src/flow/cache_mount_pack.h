/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of a cache mount as a layer, and back. */
#ifndef FLOW_CACHE_MOUNT_PACK_H
#define FLOW_CACHE_MOUNT_PACK_H

#include "codec/byte_source.h"
#include "image/descriptor.h"
#include "store/store.h"

/* Pack the mount NAME into a file without a name (*ret_fd, O_CLOEXEC, of the caller). Waits until
 * no build uses it. The media type is static text. -ENOENT: there is none. */
int cache_mount_pack(const struct store *store, const char *name, int *ret_fd,
		     struct descriptor *ret_layer, struct digest *ret_diff_id,
		     struct err *err) must_check;

/* Make the mount NAME of such a layer. 1; 0: there is one and `replace` is false. Waits until no
 * build uses it. Damaged data is -EUCLEAN and changes nothing. */
int cache_mount_unpack(const struct store *store, const char *name, const char *id,
		       const struct byte_source *source, const struct digest *diff_id, bool replace,
		       struct err *err) must_check;

#endif
