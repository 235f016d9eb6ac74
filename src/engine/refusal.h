/* SPDX-License-Identifier: Apache-2.0 */
/* What the tracer tells of calls that were refused for want of a privilege. */
#ifndef ENGINE_REFUSAL_H
#define ENGINE_REFUSAL_H

#include "engine/tracer.h"

/* The call that the process made (tracee->made) came to `answer`. Keeps it if it is such a refusal;
 * *refused, which may be NULL, may be shared memory. Allocates nothing. */
void refusal_note(struct tap_refusal *refused, const struct tracee *tracee, long answer);

#endif
