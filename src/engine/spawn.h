/* SPDX-License-Identifier: Apache-2.0 */
/* From a job to a process and back: fork, report of failures through a pipe, pid 1, signals,
 * terminal. What differs between engines is the namespaces and the setup in the child. */
#ifndef ENGINE_SPAWN_H
#define ENGINE_SPAWN_H

#include "engine/engine.h"

struct spawn_plan {
	unsigned long namespaces; /* CLONE_NEW* */
	/* In the child, before the command is forked: allocates nothing. */
	int (*setup)(const struct engine_job *job, void *context, struct err *err);
	void *context;
	/* After setup the host's tree is still over the root (mount_uncover). */
	bool is_covered;
	/* In the caller, when the first process exists, which begins its setup after that: what
	 * needs its pid (id maps). May be NULL. */
	int (*outside)(void *context, pid_t pid, struct err *err);
	/* In the command, right before it is executed (nothing else is done by this process): what
	 * binds it and not us. May be NULL. Allocates nothing. */
	int (*before_command)(const struct engine_job *job, void *context, struct err *err);
	/* For an engine whose first process traces the command; all three or none. In the first
	 * process: begin to trace the command, which waits in `enter`; */
	int (*trace)(const struct engine_job *job, void *context, pid_t command, struct err *err);
	/* then do so until everything has ended: its exit status. */
	int (*follow)(void *context);
	int keep_fd[3]; /* that the first process still needs then; -1 or 0: none */
	/* In the command, last before execve(2). */
	int (*enter)(const struct engine_job *job, void *context, struct err *err);
	/* The first process is root among the ids of the box: the command becomes box->uid and
	 * box->gid, with no other group than that. */
	bool becomes_user;
};

int spawn_run(const struct engine_job *job, const struct spawn_plan *plan, int *ret_status,
	      struct err *err) must_check;

#endif
