/* SPDX-License-Identifier: Apache-2.0 */
/* Small values that instructions take, in the notation of Go, which Dockerfiles are written in. */
#ifndef DOCKERFILE_VALUES_H
#define DOCKERFILE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* 1 t T true TRUE True, 0 f F false FALSE False; -EINVAL otherwise. */
int boolean_parse(const char *text, bool *ret_value) must_check;

/* "1h30m", "1.5s", "300ms", "-2us", "0": a sum of numbers with units h m s ms us ns. */
int duration_parse(const char *text, int64_t *ret_ns, struct err *err) must_check;

/* A signal by number or by name, with or without SIG in front: "9", "KILL", "SIGRTMIN+3". */
bool signal_is_valid(const char *text);

/* "[ip:][public:]PORT[-PORT][/tcp|udp|sctp]" of EXPOSE; what stands before PORT is checked and
 * otherwise without meaning. */
struct port_range {
	uint16_t first;
	uint16_t last;
	const char *protocol; /* lower case, static */
	bool has_host_part;   /* an IP address or a public port was given */
	bool is_lower_case;   /* the protocol as written */
};

int port_range_parse(struct arena *arena, const char *text, struct port_range *ret_range,
		     struct err *err) must_check;

/* The fields of one line of comma-separated values; "" within quotes is a quote. */
int csv_parse(struct arena *arena, const char *text, const char *const **ret_fields,
	      size_t *ret_count, struct err *err) must_check;

#endif
