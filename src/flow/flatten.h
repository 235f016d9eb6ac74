/* SPDX-License-Identifier: Apache-2.0 */
/* An image whose files are all root's, made from one whose are not (image/ownership.h). */
#ifndef FLOW_FLATTEN_H
#define FLOW_FLATTEN_H

#include "store/image.h"

/* Layers that name other owners are written anew, the rest is shared; the manifest keeps the
 * original's annotations. The new image has no name in the store: gc takes it. The descriptor's
 * texts are static. When nothing had to change it is the original's. */
int flatten_image(const struct store *store, const struct image *image,
		  struct descriptor *ret_descriptor, struct err *err) must_check;
/* The same when `asked` (--ownership, or NULL) and the image's mark want it, else the original's
 * descriptor. */
int flatten_as_asked(const struct store *store, const struct image *image, const char *asked,
		     struct descriptor *ret_descriptor, struct err *err) must_check;

#endif
