/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again and how long to wait. Pure but for retry_wait. */
#ifndef REMOTE_RETRY_H
#define REMOTE_RETRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"

#define RETRY_COUNT_DEFAULT    4
#define RETRY_DELAY_DEFAULT_MS 500
#define RETRY_DELAY_MAX_MS     30000
/* A server that asks for a longer pause gets an error instead: nobody waits an hour unasked. */
#define RETRY_AFTER_MAX_MS 120000

struct retry_policy {
	unsigned count;	   /* tries after the first one */
	uint64_t delay_ms; /* before the first of them; doubles each time */
};

/* 408, 429 and the 5xx that pass: 500 502 503 504. */
bool retry_status(long status);

/* How long to wait before try number `attempt` (from 1): delay_ms doubled each time, at most
 * RETRY_DELAY_MAX_MS, then spread over its upper half by `random` so that a thousand nodes do not
 * come back in step. */
uint64_t retry_delay_ms(const struct retry_policy *policy, unsigned attempt, uint32_t random);

/* The value of Retry-After: seconds or a date (RFC 9110 10.2.3), as milliseconds from now.
 * -EINVAL when it is neither. */
int retry_after_parse(const char *value, time_t now, uint64_t *ret_ms) must_check;

/* "500ms", "2s", "1m" or plain seconds. */
int retry_parse_delay(const char *text, uint64_t *ret_ms) must_check;

/* Sleep; wakes early, returning false, soon after *cancel (may be NULL) is set. */
bool retry_wait(uint64_t delay_ms, const atomic_bool *cancel);

#endif
