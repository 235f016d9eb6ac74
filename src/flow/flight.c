// SPDX-License-Identifier: Apache-2.0
#include "flow/flight.h"

#include <stdio.h>
#include <time.h>

#include "base/banned.h"
#include "base/memory.h"
#include "flow/parallel.h"
#include "store/lease.h"

#define POLL_MS_MIN 5
#define POLL_MS_MAX 500
#define NS_PER_MS   1000000

void flight_blob_key(const struct digest *blob, char key[FLIGHT_KEY_MAX])
{
	snprintf(key, FLIGHT_KEY_MAX, "blob-%s", digest_hex(blob));
}

struct item {
	size_t index;
	struct lease_watch watch;
	bool is_waiting;
};

struct rounds {
	const struct flight *flight;
	struct leases *leases;
	struct item *item; /* those still to be done */
	size_t count;
	size_t *ready;
	size_t ready_count;
};

static bool is_ready(struct rounds *rounds, struct item *item)
{
	const struct flight *flight = rounds->flight;
	char key[FLIGHT_KEY_MAX];

	if (flight->is_done(flight->context, item->index))
		return true;
	flight->key(flight->context, item->index, key);
	return leases_take(rounds->leases, key, &item->watch);
}

static void find_ready(struct rounds *rounds)
{
	size_t left = 0;

	rounds->ready_count = 0;
	for (size_t i = 0; i < rounds->count; i++) {
		struct item *item = &rounds->item[i];

		if (is_ready(rounds, item))
			rounds->ready[rounds->ready_count++] = item->index;
		else
			rounds->item[left++] = *item;
	}
	rounds->count = left;
}

static int work(void *context, size_t index, struct err *err)
{
	const struct rounds *rounds = context;
	const struct flight *flight = rounds->flight;

	return flight->work(flight->context, rounds->ready[index], err);
}

static int do_ready(struct rounds *rounds, struct err *err)
{
	const struct flight *flight = rounds->flight;
	int r = parallel_run(rounds->ready_count, flight->threads, work, rounds, flight->cancel,
			     err);

	if (r >= 0)
		r = flight->commit(flight->context, err);
	leases_release(rounds->leases);
	return r;
}

static void say_waiting(struct rounds *rounds)
{
	const struct flight *flight = rounds->flight;

	for (size_t i = 0; i < rounds->count; i++) {
		if (!rounds->item[i].is_waiting && flight->waiting)
			flight->waiting(flight->context, rounds->item[i].index);
		rounds->item[i].is_waiting = true;
	}
}

static int run(struct rounds *rounds, struct err *err)
{
	unsigned poll_ms = POLL_MS_MIN;

	while (rounds->count > 0) {
		const struct timespec pause = { .tv_nsec = (long)poll_ms * NS_PER_MS };

		find_ready(rounds);
		if (rounds->ready_count > 0) {
			int r = do_ready(rounds, err);

			if (r < 0)
				return r;
			poll_ms = POLL_MS_MIN;
			continue;
		}
		if (atomic_load(rounds->flight->cancel))
			return fail_plain(err, ECANCELED, "given up waiting");
		say_waiting(rounds);
		nanosleep(&pause, NULL);
		poll_ms = poll_ms * 2 > POLL_MS_MAX ? POLL_MS_MAX : poll_ms * 2;
	}
	return 0;
}

int flight_run(const struct flight *flight, struct err *err)
{
	auto_leases *leases = leases_new(flight->store);
	struct rounds rounds = { .flight = flight, .leases = leases, .count = flight->count };
	int r;

	rounds.item = memory_zeroed(flight->count + 1, sizeof(*rounds.item));
	rounds.ready = memory_zeroed(flight->count + 1, sizeof(*rounds.ready));
	for (size_t i = 0; i < flight->count; i++)
		rounds.item[i].index = i;
	r = run(&rounds, err);
	free(rounds.item);
	free(rounds.ready);
	return r;
}
