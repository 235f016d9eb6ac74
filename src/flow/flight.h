/* SPDX-License-Identifier: Apache-2.0 */
/* Single flight: many things to be brought into the store, each by one process only though several
 * want it at the same time (store/lease.h). What others are at is waited for last, and taken over
 * when they die. Nothing is held while waiting, so no two processes wait for each other. */
#ifndef FLOW_FLIGHT_H
#define FLOW_FLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "store/store.h"

#define FLIGHT_KEY_MAX 128
void flight_blob_key(const struct digest *blob, char key[FLIGHT_KEY_MAX]);

struct flight {
	const struct store *store;
	size_t count;
	unsigned threads;
	atomic_bool *cancel;
	/* What others would call the same work. */
	void (*key)(void *context, size_t index, char key[FLIGHT_KEY_MAX]);
	/* Is it in the store? */
	bool (*is_done)(void *context, size_t index);
	/* Bring it, or see that it is there. On several threads. */
	int (*work)(void *context, size_t index, struct err *err);
	/* Publish what was brought so far, before anybody is waited for. */
	int (*commit)(void *context, struct err *err);
	/* From now on another process is waited for; may be NULL. */
	void (*waiting)(void *context, size_t index);
	void *context;
};

/* -ECANCELED when *cancel was set while waiting; else as parallel_run. */
int flight_run(const struct flight *flight, struct err *err) must_check;

#endif
