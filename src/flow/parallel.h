/* SPDX-License-Identifier: Apache-2.0 */
/* The same job for many things at once, on threads. */
#ifndef FLOW_PARALLEL_H
#define FLOW_PARALLEL_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/err.h"

/* Call job(context, i) once for each i below count, lower numbers first, on at most `threads`
 * threads. The first failure is the result; it sets *cancel, by which jobs that run may end early
 * (what they return then is not looked at), and no further job is started. Returns when no job
 * runs any more. */
int parallel_run(size_t count, unsigned threads,
		 int (*job)(void *context, size_t index, struct err *err), void *context,
		 atomic_bool *cancel, struct err *err) must_check;

#endif
