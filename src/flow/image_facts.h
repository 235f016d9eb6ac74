/* SPDX-License-Identifier: Apache-2.0 */
/* What `images` shows of an image, remembered in cache/images by the digest of its manifest, which
 * says all of it: a listing of a thousand images then reads one file, not two thousand. Nothing is
 * believed of an image whose manifest or config is gone. */
#ifndef FLOW_IMAGE_FACTS_H
#define FLOW_IMAGE_FACTS_H

#include <pthread.h>

#include "base/map.h"
#include "store/image.h"

struct image_fact_layer {
	struct digest diff_id;
	uint64_t stored_bytes;
};

struct image_facts {
	struct descriptor config; /* digest and size only */
	const char *platform;	  /* "linux/amd64" */
	const char *created;	  /* as the config has it; "" when not known */
	struct image_fact_layer *layer;
	size_t layer_count;
};

struct image_memory {
	const struct store *store;
	pthread_mutex_t lock; /* over the following */
	struct arena arena;
	struct map known;     /* digest -> struct image_facts */
	struct map tar_bytes; /* diff id -> size of the unpacked layer plus one */
	size_t added;
	size_t used;
};

/* What cannot be read is not known. */
void image_memory_init(struct image_memory *memory, const struct store *store);
void image_memory_done(struct image_memory *memory);
/* NULL: not known, or no longer so. From any thread, as the others. */
const struct image_facts *image_memory_find(struct image_memory *memory,
					    const struct descriptor *root);
/* What was found out by reading; an index, of which one image or another may be there, is not
 * remembered. */
const struct image_facts *image_memory_add(struct image_memory *memory, const struct image *image);
/* Sum over the layers: uncompressed where known, else as stored. */
uint64_t image_memory_size(struct image_memory *memory, const struct image_facts *facts);
/* For the next listing, if there is something new; a store that is only read stays as it is. */
void image_memory_save(struct image_memory *memory);

#endif
