/* SPDX-License-Identifier: Apache-2.0 */
/* verify engine: the escape battery, run as every box is run, and what came of it. */
#ifndef FLOW_VERIFY_ENGINE_H
#define FLOW_VERIFY_ENGINE_H

#include "base/arena.h"
#include "base/err.h"
#include "engine/engine.h"

#define VERIFY_PASSES_MAX 2

enum verify_outcome {
	VERIFY_UNTRIED, /* the battery never came to it */
	VERIFY_HELD,
	VERIFY_REACHED,
	VERIFY_HUNG,
};

struct verify_result {
	enum verify_outcome outcome;
	int error;	    /* the first errno that the attempt got, 0: none */
	const char *detail; /* by which way something was reached */
};

struct verify_row {
	const char *name;
	bool is_hostile; /* else a leak */
	struct verify_result result[VERIFY_PASSES_MAX];
};

#define VERIFY_ROWS_MAX 200

struct verify_report {
	struct arena arena;
	const char *name; /* the engine's, or the first word of `by` */
	bool is_boundary;
	bool leaves_groups;
	size_t pass_count;
	const char *pass_name[VERIFY_PASSES_MAX]; /* who the command was: "root", "user" */
	size_t row_count;
	struct verify_row row[VERIFY_ROWS_MAX];
};

/* Run the battery under `engine`, or by another program: `by` is the beginning of a command line,
 * words by blanks, in which %r stands for the root and %b for what is bound at BATTERY_BIND. What
 * came of it is in the report; an error means that it could not be run. */
int verify_engine(const struct engine *engine, const char *by, struct verify_report *ret_report,
		  struct err *err) must_check;
void verify_report_done(struct verify_report *report);
#define auto_verify_report cleanup(verify_report_done) struct verify_report

/* Does this engine have to stop it, and did not? */
bool verify_row_fails(const struct verify_report *report, const struct verify_row *row);
/* One of its results, in words: "held", "reached: ...", "no boundary: ...", "stopped by Landlock".
 */
const char *verify_result_text(struct verify_report *report, const struct verify_row *row,
			       size_t pass);

#endif
