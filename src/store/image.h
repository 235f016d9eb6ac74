/* SPDX-License-Identifier: Apache-2.0 */
/* An image of the store as a whole: found by name or id, its manifest and config read. */
#ifndef STORE_IMAGE_H
#define STORE_IMAGE_H

#include "image/config.h"
#include "image/manifest.h"
#include "store/refs.h"
#include "store/store.h"

struct image {
	struct arena arena;	      /* holds what the members point at */
	struct ref ref;		      /* empty (name "") when found by id */
	struct descriptor root;	      /* what the name points at: a manifest or an index */
	struct descriptor descriptor; /* of the manifest */
	struct manifest manifest;
	struct config config;
};

void image_done(struct image *image);
#define auto_image cleanup(image_done) struct image /* initialise with { 0 } */

/* `text` is a reference, or an image id: the config's or manifest's digest, complete ("sha256:..")
 * or at least its first 4 hex digits, as Docker has it. A reference wins over an id.
 * platform: which of an index; NULL is this machine's; of an image that is no index the platform
 * is not checked. -ENOENT: no such image, or not for this platform. */
int image_load(const struct store *store, const char *text, const struct platform *platform,
	       struct image *ret_image, struct err *err) must_check;
/* The image a descriptor of a manifest or index points at. */
int image_load_descriptor(const struct store *store, const struct descriptor *root,
			  const struct platform *platform, struct image *ret_image,
			  struct err *err) must_check;
/* All names that lead to the image: those that `text` means, when it is an id all names of that
 * image. In the arena. */
int image_find_entries(const struct store *store, const char *text, struct arena *arena,
		       struct ref_entry **ret_entries, size_t *ret_count,
		       struct err *err) must_check;

/* The id people see: the digest of the config. */
const struct digest *image_id(const struct image *image);

#endif
