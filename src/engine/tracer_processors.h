/* SPDX-License-Identifier: Apache-2.0 */
/* Which processor the tracer and who stops run on: struct tracer says why. */
#ifndef ENGINE_TRACER_PROCESSORS_H
#define ENGINE_TRACER_PROCESSORS_H

#include "engine/tracer.h"

/* `tid` has stopped, or ended. */
void tracer_note_stop(struct tracer *tracer, pid_t tid);
/* Nobody is kept on a processor any more: somebody asks where it may run, or says so. */
void tracer_let_run(struct tracer *tracer);

#endif
