// SPDX-License-Identifier: Apache-2.0
/* Engine `tap` (Type I of SC21, without privilege): no namespaces at all. The processes run among
 * the host's, and the tap (src/tap) in each of them gives paths and owners the meaning that the box
 * says; doc/why/0017.
 *
 * That is cooperation, not a boundary. Landlock is put around it where the kernel has it: then also
 * a program that goes past the tap opens nothing but what the box shows. */
#include "engine/tap.h"

#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/emulation.h"
#include "engine/scene.h"
#include "engine/spawn.h"
#include "sys/landlock.h"
#include "tap/tap.h"

struct tap_plan {
	struct scene scene;
	int ruleset_fd;
};

static int setup(const struct engine_job *job, void *context, struct err *err)
{
	(void)job;
	(void)context;
	(void)err;
	return 0;
}

static int before_command(const struct engine_job *job, void *context, struct err *err)
{
	const struct tap_plan *plan = context;

	int r = scene_close_network(job->box, err);

	return r < 0 || plan->ruleset_fd < 0 ? r : landlock_enforce(plan->ruleset_fd, err);
}

static int run_translated(const struct engine_job *job, struct tap_plan *plan, int *ret_status,
			  struct err *err)
{
	const struct spawn_plan spawn = { .setup = setup,
					  .before_command = before_command,
					  .context = plan,
					  .keep_fd = { plan->scene.folder_fd } };
	int r = tap_session_translate(&job->emulation->session, plan->scene.tap, err);

	if (r == 0)
		r = scene_rules(&plan->scene, job->box, &plan->ruleset_fd, err);
	if (r == 0)
		r = spawn_run(job, &spawn, ret_status, err);
	cleanup_fd(&plan->ruleset_fd);
	return r;
}

/* A box without root emulation has no session yet. */
static int run_in_scene(const struct engine_job *given, struct tap_plan *plan, int *ret_status,
			struct err *err)
{
	struct engine_job job = *given;
	struct emulation own = { .real_identity = job.box->uid == geteuid() &&
						  job.box->gid == getegid() };
	int r;

	if (!job.emulation) {
		r = emulation_open(&own, job.box, err);
		if (r < 0)
			return r;
		job.emulation = &own;
	}
	job.emulation->root_path = job.box->root.path;
	r = run_translated(&job, plan, ret_status, err);
	if (r == 0 && job.made)
		tap_session_refusal(&job.emulation->session, &job.made->refused);
	if (!given->emulation)
		emulation_done(&own);
	return r;
}

static int run(const struct engine_job *job, int *ret_status, struct err *err)
{
	struct tap_plan plan = { .scene = SCENE_NONE, .ruleset_fd = -1 };
	int r = scene_refuse(job->box, false, err);

	*ret_status = 125;
	if (r < 0)
		return err_wrap(err, "engine '%s' cannot run this", engine_tap.name);
	if (job->box->root.kind == BOX_ROOT_OVERLAY) {
		if (job->made)
			job->made->overlay_refused = true;
		return fail_plain(err, ENOTSUP, "engine tap cannot stack layers");
	}
	r = scene_make(&plan.scene, job, err);
	if (r < 0)
		return r;
	r = run_in_scene(job, &plan, ret_status, err);
	scene_done(&plan.scene);
	return r;
}

static int probe(struct host *host, const struct box *box, struct err *ret_why_not)
{
	static const enum host_fact needs[] = { HOST_SECCOMP_TRAP, HOST_OPENAT2 };

	for (size_t i = 0; i < array_count(needs); i++)
		if (!host_fact(host, needs[i])->usable)
			return host_refuse(host, needs[i], ret_why_not);
	if (tap_is_active())
		return scene_refuse_second("there can be only one tap in a process", "another one",
					   ret_why_not);
	return scene_refuse(box, false, ret_why_not);
}

const struct engine engine_tap = {
	.name = "tap",
	.summary = "no namespaces: paths are translated inside the processes",
	.probe = probe,
	.run = run,
};
