/* SPDX-License-Identifier: Apache-2.0 */
/* `rootlet root` by engine ptrace: a box that is the host itself, with root emulation. */
#ifndef FLOW_ROOT_TRACED_H
#define FLOW_ROOT_TRACED_H

#include "box/box.h"
#include "engine/emulation.h"

struct root_traced {
	struct box box;
	struct emulation emulation; /* its session has the table of lies */
};

/* unknown_is_real: as struct tap_options has it. argv is borrowed. */
int root_traced_open(struct root_traced *traced, char *const *argv, bool unknown_is_real,
		     struct err *err) must_check;
/* Errors and *ret_status as struct engine's run. */
int root_traced_run(struct root_traced *traced, int *ret_status, struct err *err) must_check;
void root_traced_done(struct root_traced *traced);

#endif
