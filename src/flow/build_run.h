/* SPDX-License-Identifier: Apache-2.0 */
/* RUN: a command in a stage's root, its changes in an upper directory, its output line by line. */
#ifndef FLOW_BUILD_RUN_H
#define FLOW_BUILD_RUN_H

#include "base/err.h"
#include "box/box.h"
#include "engine/emulation.h"

#define BUILD_TAIL_LINES 20

struct build_run_output {
	/* Called from one thread at a time for each line, without its newline. */
	void (*line)(void *context, const char *text);
	void *context;
	struct tap_refusal refused; /* as in struct engine_made, or as emulation_refusal has it */
	bool overlay_refused; /* the run failed for that reason: a copy of the layers may do */
	struct strings tail;  /* the last BUILD_TAIL_LINES lines, for the error message */
};

/* Run the job's box with /dev/null as input; of the job only what engine.h calls box, emulation and
 * held counts. *ret_status is the command's exit status; mount points made in box->root.upper are
 * removed again. */
int build_run(const struct engine_job *job, const struct engine *engine,
	      struct build_run_output *output, int *ret_status, struct err *err) must_check;

#endif
