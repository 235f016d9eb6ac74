/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting blobs and layers to which no name leads any more, for whoever removed the names. */
#ifndef FLOW_SWEEP_H
#define FLOW_SWEEP_H

#include <stdbool.h>

#include "flow/reach.h"

struct swept {
	bool is_quiet; /* nobody else was at work; if somebody was, nothing was deleted */
	uint64_t freed_bytes;
};

/* Delete those of the candidates that nothing needs. Call it after the names are gone: it looks
 * first whether anybody is at work, then what is needed, then deletes; who begins in between finds
 * no name that leads here, but may make the same layer or blob again, which he marks (store_mark).
 * What was marked since we began stays, and a layer that a process holds. */
int sweep(const struct store *store, const struct reach *candidates, struct swept *ret_swept,
	  struct err *err) must_check;

/* The same of what this process brought itself, and marked until now. What another one has marked
 * since this was called stays. */
int sweep_own(const struct store *store, const struct reach *brought, struct swept *ret_swept,
	      struct err *err) must_check;

#endif
