/* SPDX-License-Identifier: Apache-2.0 */
/* run --mount type=cache: the store's directories that builds use by the same ids. */
#ifndef FLOW_RUN_CACHE_H
#define FLOW_RUN_CACHE_H

#include "flow/run.h"

/* Fill in the source of the box's mounts that have a cache id. The locks are held by the root; a
 * cache that another one has alone is waited for. */
int run_caches_open(struct run_root *root, struct box *box, struct err *err) must_check;

#endif
