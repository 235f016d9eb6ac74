/* SPDX-License-Identifier: Apache-2.0 */
/* The images of a store, as images, inspect and history show them. */
#ifndef FLOW_IMAGES_H
#define FLOW_IMAGES_H

#include "store/image.h"

struct image_item {
	struct ref_entry entry;
	size_t rank;	      /* among all names, sorted */
	struct digest id;     /* of the config; the manifest's digest when it cannot be read */
	int64_t created_s;    /* 0: not known */
	const char *created;  /* as the config has it; "" when not known */
	uint64_t size_bytes;  /* of the layers, uncompressed as far as that is known */
	const char *platform; /* "linux/amd64"; "" when not known */
	const char *problem;  /* why the image cannot be read, or NULL */
};

/* All names (an image with two names is there twice), newest first. In the arena. */
int images_list(const struct store *store, struct arena *arena, struct image_item **ret_items,
		size_t *ret_count, struct err *err) must_check;

/* Sum over the layers: uncompressed where known, else as stored. */
uint64_t image_size(const struct store *store, const struct image *image);
/* Seconds since 1970 of an RFC 3339 time; false when it is none. */
bool time_parse(const char *text, int64_t *ret_seconds);

/* What `docker image inspect` prints for one image, with members of our own after them. `entries`
 * are all names of the store. */
struct json *image_describe(const struct store *store, const struct image *image,
			    const struct ref_entry *entries, size_t count);

#endif
