/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet gc: what no name and no part of the build cache leads to goes from the store. */
#ifndef FLOW_GC_H
#define FLOW_GC_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/cache_entries.h"
#include "flow/dedup.h"

enum gc_kind { GC_LAYER, GC_BLOB, GC_ROOT, GC_RECORD };

#define GC_KEEPS_CACHE (-1) /* as unused_s: whatever its age */

struct gc_request {
	const struct store *store;
	int64_t unused_s;    /* parts of the build cache not used for so long go, too */
	uint64_t keep_bytes; /* and then those used longest ago, until the store takes no more than
			      * this, images included; 0: no such limit */
	bool dry_run;	     /* only say what would go */
	bool dedup;	     /* then let equal files share blocks (flow/dedup.h) */
	/* Called for each that went: a digest, or a name below the store. */
	void (*removed)(void *context, enum gc_kind kind, const char *name, uint64_t bytes);
	void (*removed_entry)(void *context, const struct cache_entry *entry);
	void *context;
};

struct gc_result {
	bool is_quiet;	      /* no other process was at work */
	uint64_t freed_bytes; /* sizes as `df` has them */
	size_t busy_count;    /* unneeded, and spared for a process that uses it */
	uint64_t left_bytes;  /* what the store takes now, when there was a limit */
	struct dedup_result dedup;
};

/* Safe while builds, pulls and runs are at work: what is younger than the first of them, or marked
 * since (store_mark), or held (layer_hold) stays, and so does all that a manifest of that age leads
 * to. */
int gc_run(const struct gc_request *request, struct gc_result *ret_result,
	   struct err *err) must_check;

#endif
