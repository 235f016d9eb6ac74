// SPDX-License-Identifier: Apache-2.0
#include "flow/build_debug.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "engine/engine.h"
#include "flow/build_mounts.h"
#include "flow/mount_points.h"
#include "rootfs/real.h"

/* SHELL's program, if the RUN had one. */
static const char *shell_of(const struct work *work)
{
	const struct step_run *run = &work->step->run;

	return run->is_shell && run->argv.count ? run->argv.item[0] : "/bin/sh";
}

static void prepare(struct work *work, struct box *box)
{
	const char *term = getenv("TERM");

	strings_clear(&box->argv);
	strings_add(&box->argv, shell_of(work));
	if (term)
		strings_env_set(&box->env, "TERM", term);
	box->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int run_shell(struct work *work, const struct box *box, struct emulation *emulation,
		     struct err *err)
{
	struct engine_job job = work_job(work, box, emulation);
	int status;
	int r;

	job.redirect = !box->terminal;
	job.stdio[0] = STDIN_FILENO;
	job.stdio[1] = job.stdio[2] = STDERR_FILENO;
	job.made = engine_made_new();
	r = job.made ? work->build->engine->run(&job, &status, err)
		     : fail(err, ENOMEM, "shared memory");
	if (r == 0)
		r = mount_points_remove(box, job.made, emulation, err);
	engine_made_free(job.made);
	return r;
}

static int run_with_owners(struct work *work, const struct box *box, struct err *err)
{
	struct emulation emulation;
	int r = work_emulation(work, box, &emulation, err);

	if (r < 0)
		return r;
	r = run_shell(work, box, &emulation, err);
	build_mounts_keep_owners(work);
	emulation_done(&emulation);
	return r;
}

/* What the command did to owners was noted when it ended, and is a record on top of the layers', or
 * made real once more. */
static int run_with_its_owners(struct work *work, const struct box *box, struct err *err)
{
	const char *changed = work->copy_name[0] ? box->root.path : work->upper_path;
	struct view *layers = &work->stage->state.view;
	auto_fd fd = open(changed, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_pushed = !work->copy_name[0] && !work->build->owners_are_real;
	struct owners owners;
	int r = 0;

	if (fd < 0)
		return fail(err, errno, "open '%s'", changed);
	owned_to_owners(fd, &work->emulated, &work->arena, &owners);
	if (work->build->owners_are_real)
		r = real_own(fd, &owners, &work->space, err);
	else if (is_pushed)
		r = view_push_recorded(layers, changed, &owners, err);
	else
		work->merged = owners;
	if (r < 0)
		return r;
	r = run_with_owners(work, box, err);
	if (is_pushed)
		view_pop(layers);
	return r;
}

static int run_as_before(struct work *work, const struct box *box, struct err *err)
{
	int r;

	if (box->emulation != BOX_EMULATION_TAP && !work->build->owners_are_real)
		return run_shell(work, box, NULL, err);
	r = build_mounts_recall_owners(work, err);
	if (r < 0)
		return r;
	return work->has_emulated ? run_with_its_owners(work, box, err)
				  : run_with_owners(work, box, err);
}

static void pause_display(const struct build *build, bool paused)
{
	if (build->events->pause)
		build->events->pause(build->events->context, paused);
}

void build_debug(struct work *work, struct box *box)
{
	struct build *build = work->build;
	struct err err = { 0 };

	prepare(work, box);
	pthread_mutex_lock(&build->events_lock);
	pause_display(build, true);
	log_warning("%s %s failed; this is a shell in its root, 'exit' ends it",
		    work->stage->position, work->step->instruction->line.text);
	if (run_as_before(work, box, &err) < 0)
		log_warning("--debug: %s", err.text);
	pause_display(build, false);
	pthread_mutex_unlock(&build->events_lock);
}
