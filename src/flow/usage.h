/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet df: what a store takes, by what it is for. A layer counts with its blob as stored and
 * with its tree as large as its archive, also when its files share blocks; mounts, merged roots and
 * work in progress as they are on disk. */
#ifndef FLOW_USAGE_H
#define FLOW_USAGE_H

#include "flow/reach.h"
#include "store/refs.h"

struct usage_image {
	struct ref_entry entry;
	size_t layers;
	uint64_t blob_bytes;   /* manifests, configs, layers as stored */
	uint64_t layer_bytes;  /* unpacked */
	uint64_t shared_bytes; /* of both, what another image has, too */
	uint64_t unique_bytes; /* what would go with it, but for the build cache */
};

enum usage_kind {
	USAGE_IMAGES,
	USAGE_STEPS,	 /* of the build cache, what no image has */
	USAGE_MOUNTS,	 /* cache mounts */
	USAGE_DERIVED,	 /* merged roots, real owners, small records */
	USAGE_UNNEEDED,	 /* what gc would delete if nobody were at work */
	USAGE_TEMPORARY, /* work in progress, and parts of transfers that broke off */
	USAGE_KINDS
};

struct usage_part {
	size_t count; /* images, steps, mounts, folders, blobs and layers, processes */
	uint64_t bytes;
};

struct usage {
	struct arena arena;
	struct usage_image *image; /* by name */
	size_t image_count;
	struct usage_part part[USAGE_KINDS];
	uint64_t total_bytes;
};
void usage_done(struct usage *usage);
#define auto_usage cleanup(usage_done) struct usage /* = { 0 } */

int usage_read(const struct store *store, struct usage *ret_usage, struct err *err) must_check;

/* Sizes of what `reach` names, as far as it is there. */
uint64_t usage_of_blob(const struct store *store, const char *hex);
uint64_t usage_of_layer(const struct store *store, const char *hex);

#endif
