/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that are in the store as blobs only: of another machine's image, or removed by hand. */
#ifndef FLOW_UNPACK_IMAGE_H
#define FLOW_UNPACK_IMAGE_H

#include "store/image.h"

/* Have all layers of the image unpacked; those that are there already cost a look each. Several at
 * once; what another process unpacks is waited for. -EUCLEAN names the damaged blob, -ENOENT the
 * missing one. */
int unpack_image(const struct store *store, const struct image *image, struct err *err) must_check;

#endif
