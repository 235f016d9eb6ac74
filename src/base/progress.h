/* SPDX-License-Identifier: Apache-2.0 */
/* How far something is: what flows tell, and whoever called them shows (cmd/progress.h).
 *
 * A producer begins an item, moves it on and ends it; each item is a line or a bar to a person, a
 * record to a program. All calls may come from any thread; a NULL progress swallows everything. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdint.h>

#include "base/attributes.h"

enum progress_kind { PROGRESS_BEGIN, PROGRESS_MOVE, PROGRESS_END };

struct progress_event {
	enum progress_kind kind;
	unsigned item;	      /* tells items apart, from 1 */
	const char *label;    /* BEGIN: "layer 4f0a1b..", "config"; NULL else; borrowed */
	const char *activity; /* "downloading", at END how it ended: "done"; static text; NULL at
			       * BEGIN: nothing to tell yet, at MOVE: as before */
	uint64_t done_bytes;
	uint64_t total_bytes; /* 0: not known, or not counted in bytes */
};

struct progress {
	void (*show)(struct progress *progress, const struct progress_event *event);
	unsigned last_item; /* for progress_begin; start with 0 */
};

/* The number of the new item, 0 when progress is NULL. */
unsigned progress_begin(struct progress *progress, const char *label, const char *activity,
			uint64_t total_bytes);
/* done_bytes so far, not since the last call; it may go back when work is repeated. */
void progress_move(struct progress *progress, unsigned item, const char *activity,
		   uint64_t done_bytes, uint64_t total_bytes);
void progress_end(struct progress *progress, unsigned item, const char *outcome);

#endif
