/* SPDX-License-Identifier: Apache-2.0 */
/* Which blobs and layers of a store are needed by something that has a name. */
#ifndef FLOW_REACH_H
#define FLOW_REACH_H

#include "base/map.h"
#include "image/descriptor.h"
#include "store/store.h"

struct reach {
	struct map blobs;  /* hex digits of what is needed */
	struct map layers; /* of diff ids */
};

void reach_done(struct reach *reach);
#define auto_reach cleanup(reach_done) struct reach /* initialise with { 0 } */

bool reach_has_blob(const struct reach *reach, const char *hex);
bool reach_has_layer(const struct reach *reach, const char *hex);

/* A manifest or index, and all it leads to that is there. */
int reach_add(struct reach *reach, const struct store *store, const struct descriptor *root,
	      struct err *err) must_check;
/* One blob; a layer and its blob. */
void reach_add_blob(struct reach *reach, const struct digest *blob);
void reach_add_layer(struct reach *reach, const struct digest *diff_id, const struct digest *blob);
/* Everything with a name. */
int reach_add_images(struct reach *reach, const struct store *store, struct err *err) must_check;
/* What the build cache holds: layers of steps, and what ADD fetched. */
int reach_add_cache(struct reach *reach, const struct store *store, struct err *err) must_check;
/* Everything with a name, and what the build cache holds. */
int reach_add_all(struct reach *reach, const struct store *store, struct err *err) must_check;
/* Manifests and indexes marked after `since_ns` (store_unmarked_since): they had a name until then,
 * or will have one, and a process at work may rely on all they lead to. */
int reach_add_marked(struct reach *reach, const struct store *store, int64_t since_ns,
		     struct err *err) must_check;

#endif
