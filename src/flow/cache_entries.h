/* SPDX-License-Identifier: Apache-2.0 */
/* What the build cache of a store holds, for `rootlet cache`: the results of steps
 * (cache/steps/KEY) and the directories of RUN --mount=type=cache (cache/mounts/NAME). */
#ifndef FLOW_CACHE_ENTRIES_H
#define FLOW_CACHE_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strings.h"
#include "flow/build_cache.h"

enum cache_kind { CACHE_STEP, CACHE_MOUNT };

struct cache_entry {
	enum cache_kind kind;
	bool is_chosen;	  /* by the filter */
	const char *id;	  /* KEY, or NAME of a mount: what its file or directory is called */
	const char *text; /* the instruction, or the mount's id; "" when the record is damaged */
	int64_t created_s;
	int64_t used_s;	     /* last taken by a build */
	uint64_t size_bytes; /* of a step: its layer, packed and unpacked; of a mount: on disk */
	bool in_image;	     /* an image has the layer too: it stays when the step goes */
	struct build_cached step;
};

/* Which of them; zeroed it is all. */
struct cache_filter {
	const struct strings *names; /* beginnings of ids (at least CACHE_ID_MIN digits), or ids of
				      * mounts as shell patterns; NULL or empty: any */
	bool only_steps;
	bool only_mounts;
	int64_t unused_s;      /* not used for so long */
	uint64_t larger_bytes; /* not smaller */
};
#define CACHE_ID_MIN 4

struct cache_entries {
	struct arena arena;
	struct cache_entry *item; /* all there are; those used last come first */
	size_t count;
	size_t room;
};
void cache_entries_done(struct cache_entries *entries);
#define auto_cache_entries cleanup(cache_entries_done) struct cache_entries /* = { 0 } */

/* -ENOENT: a name of the filter is nothing's. */
int cache_entries_read(const struct store *store, const struct cache_filter *filter,
		       struct cache_entries *ret_entries, struct err *err) must_check;

/* What the chosen ones take on disk together, layers that several steps share counted once; of
 * that, what is not an image's as well. */
void cache_entries_size(const struct cache_entries *entries, uint64_t *ret_bytes,
			uint64_t *ret_reclaimable_bytes);

#endif
