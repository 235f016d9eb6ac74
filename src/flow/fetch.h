/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs from a repository into the store, several at once; layers are unpacked while they come:
 * one thread receives, hashes and writes a blob, another reads it behind the first, decompresses
 * and unpacks. What the store has is neither fetched nor unpacked, and what another process is
 * fetching is waited for (flow/flight.h). */
#ifndef FLOW_FETCH_H
#define FLOW_FETCH_H

#include <stdatomic.h>

#include "base/progress.h"
#include "image/descriptor.h"
#include "remote/repository.h"
#include "store/store.h"

#define FETCH_THREADS_DEFAULT 4

struct fetch {
	struct descriptor descriptor;
	struct digest diff_id; /* unpack it as this layer; none: only fetch it */
	const char *label;     /* "layer", "config": for people */
};

struct fetch_list {
	const struct store *store;
	struct repository *repository;
	struct fetch *item;
	size_t count;
	unsigned threads; /* 0: the default */
	struct progress *progress;
	atomic_bool *cancel;	     /* the one of the repository's remote_settings */
	struct layer_staged *staged; /* for fetch_all itself */
};

/* The order of the list changes: the largest come first, so that none of them is left over at the
 * end alone. The first failure is reported; blobs that were complete by then stay in the store. */
int fetch_all(struct fetch_list *list, struct err *err) must_check;

#endif
