/* SPDX-License-Identifier: Apache-2.0 */
/* Why the command of a RUN failed, as far as its status, its last words and who looked on tell.
 * Pure. */
#ifndef FLOW_BUILD_FAILURE_H
#define FLOW_BUILD_FAILURE_H

#include "base/err.h"
#include "base/strings.h"
#include "box/box.h"
#include "tap/tap.h"

struct run_failure {
	int status;		    /* as a shell has it: 128+n for signal n */
	const struct strings *tail; /* the last lines of output */
	enum box_emulation emulation;
	uid_t uid;			   /* who the command was */
	const struct tap_refusal *refused; /* what the tap or a tracer saw; NULL: nothing */
};

/* -ECHILD, with what is known in the message and what would change it as the hint. */
int run_failure_explain(const struct run_failure *failure, struct err *err);

#endif
