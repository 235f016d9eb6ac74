/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp program that stops a traced process only at the calls that matter. */
#ifndef ENGINE_TRACER_FILTER_H
#define ENGINE_TRACER_FILTER_H

#include "engine/calls.h"

/* In the process that is traced, and for all it starts: installs it for good, and sets
 * no_new_privs. Its calls from here on are made for it by the tracer. Allocates nothing. */
int tracer_filter_install(const struct calls *calls, struct err *err) must_check;

#endif
