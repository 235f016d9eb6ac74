/* SPDX-License-Identifier: Apache-2.0 */
/* Ages in options: Go's durations, as docker's --filter until= has them, and days and weeks. */
#ifndef CMD_AGE_H
#define CMD_AGE_H

#include <stdint.h>

#include "base/err.h"

/* "90m", "24h", "7d", "2w" to seconds. `name` is the option's, for the error. */
int age_parse(const char *name, const char *value, int64_t *ret_seconds,
	      struct err *err) must_check;

#endif
