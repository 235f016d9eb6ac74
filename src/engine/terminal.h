/* SPDX-License-Identifier: Apache-2.0 */
/* A pseudo-terminal inside the root, carried to the caller's terminal (-t).
 *
 * The pair is made from the root's own devpts, so that ttyname(3) works inside; the master
 * travels out through a socket. */
#ifndef ENGINE_TERMINAL_H
#define ENGINE_TERMINAL_H

#include <poll.h>
#include <stdbool.h>
#include <termios.h>

#include "base/err.h"

struct terminal {
	int socket_out, socket_in; /* SCM_RIGHTS: master from the first process to the caller */
	int master_fd;		   /* at the caller; -1 without a terminal */
	int slave_fd;		   /* in the first process and the command */
	bool raw;		   /* the caller's terminal was changed and must be restored */
	bool input_ended, output_ended;
	struct termios saved;
};

void terminal_init(struct terminal *terminal);
void terminal_done(struct terminal *terminal); /* restores the caller's terminal */

/* Caller: before the fork, after it, and in the loop. */
int terminal_prepare(struct terminal *terminal, struct err *err) must_check;
int terminal_receive(struct terminal *terminal, struct err *err) must_check;
void terminal_resize(struct terminal *terminal);
nfds_t terminal_poll_fds(const struct terminal *terminal, struct pollfd fds[2]);
void terminal_copy(struct terminal *terminal, const struct pollfd fds[2]);
void terminal_drain(struct terminal *terminal);

/* First process: open the pair inside the new root and send the master out. */
int terminal_open(struct terminal *terminal, struct err *err) must_check;
/* Command: a session of its own with the slave as controlling terminal and stdio. */
int terminal_attach(struct terminal *terminal, struct err *err) must_check;

#endif
