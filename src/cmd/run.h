/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_RUN_H
#define CMD_RUN_H

#include "cmd/opt.h"
#include "flow/run.h"

extern const struct command command_run;
extern const struct command command_shell;

struct run_asked {
	bool dry_run;
	bool why;
};

/* Run `request` as `rootlet run` does, with the next engine when nobody chose one and the first
 * cannot. *ret_status is the exit status, also on failure. */
int run_asked(const struct run_request *request, const struct run_asked *asked, int *ret_status,
	      struct err *err) must_check;

#endif
