// SPDX-License-Identifier: Apache-2.0
#include "engine/tracer_processors.h"

#include <sched.h>

#include "base/banned.h"

#define STREAK 48u

static void keep_here(struct tracer *tracer, pid_t tid)
{
	int here = sched_getcpu();
	cpu_set_t one;

	if (here < 0 || sched_getaffinity(tid, sizeof(tracer->others), &tracer->others) < 0 ||
	    sched_getaffinity(0, sizeof(tracer->ours), &tracer->ours) < 0 ||
	    !CPU_ISSET(here, &tracer->others) || CPU_COUNT(&tracer->ours) == 1)
		return;
	CPU_ZERO(&one);
	CPU_SET(here, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		return;
	sched_setaffinity(tid, sizeof(one), &one);
	tracer->kept = tid;
}

void tracer_let_run(struct tracer *tracer)
{
	if (!tracer->kept)
		return;
	sched_setaffinity(tracer->kept, sizeof(tracer->others), &tracer->others);
	sched_setaffinity(0, sizeof(tracer->ours), &tracer->ours);
	tracer->kept = 0;
	tracer->streak = 0;
}

void tracer_note_stop(struct tracer *tracer, pid_t tid)
{
	if (tracer->last != tid) {
		tracer->last = tid;
		tracer->streak = 0;
		tracer_let_run(tracer);
	} else if (++tracer->streak == STREAK && !tracer->kept) {
		keep_here(tracer, tid);
	}
}
