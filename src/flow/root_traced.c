// SPDX-License-Identifier: Apache-2.0
#include "flow/root_traced.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"
#include "engine/engine.h"
#include "engine/ptrace.h"
#include "tap/session_page.h"

static int fill_box(struct box *box, char *const *argv, struct err *err)
{
	char *cwd = getcwd(NULL, 0);

	if (!cwd)
		return fail(err, errno, "find the working directory");
	box->root.kind = BOX_ROOT_DIRECTORY;
	box->root.path = "/";
	box->cwd = arena_copy(&box->arena, cwd);
	free(cwd);
	box->emulation = BOX_EMULATION_TAP;
	for (; *argv; argv++)
		strings_add(&box->argv, *argv);
	strings_add_all(&box->env, environ);
	return 0;
}

int root_traced_open(struct root_traced *traced, char *const *argv, bool unknown_is_real,
		     struct err *err)
{
	const struct engine *engine;
	int r;

	*traced = (struct root_traced){ .emulation = { .session = { .lies = { .fd = -1 } },
						       .report_fd = -1 } };
	box_init(&traced->box);
	r = fill_box(&traced->box, argv, err);
	if (r == 0)
		r = engine_choose(engine_ptrace.name, &traced->box, &engine, NULL, err);
	if (r == 0)
		r = emulation_open(&traced->emulation, &traced->box, err);
	if (r == 0 && unknown_is_real)
		tap_page_of(&traced->emulation.session.lies)->flags |= TAP_PAGE_UNKNOWN_IS_REAL;
	return r;
}

int root_traced_run(struct root_traced *traced, int *ret_status, struct err *err)
{
	const struct engine_job job = { .box = &traced->box, .emulation = &traced->emulation };

	return engine_ptrace.run(&job, ret_status, err);
}

void root_traced_done(struct root_traced *traced)
{
	emulation_done(&traced->emulation);
	box_done(&traced->box);
}
