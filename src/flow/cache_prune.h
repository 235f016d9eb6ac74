/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet cache prune: the build cache gives back what it takes on disk. */
#ifndef FLOW_CACHE_PRUNE_H
#define FLOW_CACHE_PRUNE_H

#include "flow/cache_entries.h"

struct cache_prune_request {
	const struct store *store;
	struct cache_filter filter;
	uint64_t
		keep_bytes; /* stop when the cache takes no more; those used longest ago go first */
	bool dry_run;	    /* only say what would go */
	/* Called for each that went. */
	void (*removed)(void *context, const struct cache_entry *entry);
	void *context;
};

struct cache_prune_result {
	size_t count;
	uint64_t freed_bytes;
	size_t busy_count; /* in use: mounts by a build, steps by any process in the store */
};

/* A build at the same time is not disturbed: what it uses stays. */
int cache_prune(const struct cache_prune_request *request, struct cache_prune_result *ret_result,
		struct err *err) must_check;

#endif
