/* SPDX-License-Identifier: Apache-2.0 */
/* Where a tracer keeps who is there: inside tracer.c, which follows them. One mapping, made before
 * there is a first process; nothing takes memory. */
#ifndef ENGINE_TRACER_STORES_H
#define ENGINE_TRACER_STORES_H

#include "engine/tracer.h"

#define STORES_BUCKETS 8192u /* a power of two */
#define STORES_NOBODY  0u    /* index 0 of every store is not used */

/* Of the processes that are gone: those were not root, at last. */
#define STORES_DEPARTED 512u

/* Ends that no debugger has asked for yet; the oldest is forgotten. */
#define STORES_ENDS 4096u

struct tracer_stores {
	struct debug_end end[STORES_ENDS];
	uint32_t end_count;	 /* ever */
	uint32_t departed_count; /* ever */
	struct tracer_person departed[STORES_DEPARTED];
	uint32_t bucket[STORES_BUCKETS];
	uint32_t free_tracee, free_subject, free_space; /* freed ones, linked */
	uint32_t next_tracee, next_subject, next_space; /* never used from here on */
	struct tracee tracee[TRACER_PROCESSES];
	struct space space[TRACER_PROCESSES];
	struct loader_plan plan[TRACER_PROCESSES];
	struct subject subject[TRACER_PROCESSES];
};

/* NULL: more than we can follow. */
struct tracee *stores_new_tracee(struct tracer *tracer, pid_t tid);
void stores_link(struct tracer_stores *stores, struct tracee *tracee, pid_t tid);
void stores_unlink(struct tracer_stores *stores, const struct tracee *tracee);
/* With one user; there are as many of these as tracees at most. */
struct subject *stores_new_subject(struct tracer_stores *stores, pid_t pid);
struct space *stores_new_space(struct tracer_stores *stores);
/* By one of its users; NULL is nobody's. */
void stores_leave_subject(struct tracer_stores *stores, struct subject *subject);
void stores_leave_space(struct tracer_stores *stores, struct space *space);
/* What a new process has of its parent's. */
void stores_copy_subject(struct subject *to, const struct subject *from);

#endif
