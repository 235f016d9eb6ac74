/* SPDX-License-Identifier: Apache-2.0 */
/* The first process of a box and the command it forks: the far side of spawn.c.
 *
 * The first process sets up the root, forks the command, reaps orphans, passes signals on and ends
 * with the command's status. It is pid 1 where the box has a pid namespace, and then everything
 * else in the box ends with it; elsewhere it is a subreaper and ends what is left itself.
 *
 * Failures before execve travel as one struct report through a pipe that closes on exec: end of
 * file without a report means that the command runs. */
#ifndef ENGINE_FIRST_H
#define ENGINE_FIRST_H

#include <signal.h>

#include "engine/spawn.h"
#include "engine/terminal.h"
#include "sys/processors.h"

/* Without a pid namespace: sent to the first process when the caller dies, instead of SIGKILL, so
 * that it can end the others. Nobody else sends it. */
#define CALLER_DIED SIGPWR

struct report {
	int status; /* 125, 126 or 127 */
	struct err err;
};

/* Written by one side with one write(2): must stay atomic (pipe(7), PIPE_BUF). */
_Static_assert(sizeof(struct report) <= 4096, "a report must fit into PIPE_BUF");

/* Between the caller and the first process. */
struct channel {
	int read_fd, write_fd;	     /* the report */
	int go_read_fd, go_write_fd; /* the caller has done plan->outside; -1 without it */
	struct processors before;    /* that the command gets back */
	struct terminal terminal;
	sigset_t old_mask; /* of the caller, for the command */
};

/* In the child: never returns. Allocates nothing. */
_Noreturn void first_process(const struct engine_job *job, const struct spawn_plan *plan,
			     struct channel *channel);

/* What both sides block and pass on. Stop signals are not among them: the terminal sends those to
 * all of us. SIGCHLD is, to wake up by. */
void signals_forwarded(sigset_t *set);
bool signal_is_forwarded(int number, int code);

/* As a shell counts: 128+n for signal n. */
int first_exit_status(int wait_status);

#endif
