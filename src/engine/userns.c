// SPDX-License-Identifier: Apache-2.0
/* Engine `userns` (Type III of SC21): an unprivileged user namespace in which one id is mapped. */
#include <unistd.h>

#include "base/banned.h"
#include "base/seldom.h"
#include "engine/namespaces.h"
#include "engine/root_tree.h"
#include "engine/spawn.h"
#include "engine/userns.h"
#include "sys/ns.h"
#include "sys/rule.h"

struct userns_plan {
	struct root_plan root;
	uid_t outside_uid;
	gid_t outside_gid;
};

/* Of the first process (pid 0: by itself). Under the tap everybody is root to the kernel. */
static int map(const struct userns_plan *plan, pid_t pid, struct err *err)
{
	const struct box *box = plan->root.box;
	bool is_root = box->emulation == BOX_EMULATION_TAP;

	return ns_map(pid, is_root ? 0 : box->uid, plan->outside_uid, is_root ? 0 : box->gid,
		      plan->outside_gid, err);
}

static int map_outside(void *context, pid_t pid, struct err *err)
{
	return map(context, pid, err);
}

static int setup(const struct engine_job *job, void *context, struct err *err)
{
	const struct userns_plan *plan = context;
	const struct box *box = job->box;
	int r = box->network_program ? 0 : map(plan, 0, err);

	if (r < 0)
		return r;
	/* Mounts need not be made slaves: a mount namespace owned by another user namespace
	 * gets them so (mount_namespaces(7), "Restrictions on mount namespaces"). */
	r = root_tree_enter(&plan->root, err);
	return r < 0 ? r : namespaces_set_up(box, err);
}

/* Another rootlet around us lets a namespace be made, and then nothing be done in it. */
static seldom void explain_inside(struct err *err)
{
	struct rule rule = { 0 };

	if (rule_set_inside(&rule, "namespaces"))
		rule_add_hint(&rule, err);
}

static int before_command(const struct engine_job *job, void *context, struct err *err)
{
	(void)context;
	return namespaces_wall(job->box, err);
}

static int run(const struct engine_job *job, int *ret_status, struct err *err)
{
	struct userns_plan plan = { .outside_uid = geteuid(), .outside_gid = getegid() };
	struct spawn_plan spawn = { .namespaces = namespaces_of(&job->box->private_ns) |
						  CLONE_NEWUSER,
				    .setup = setup,
				    .is_covered = true,
				    .before_command = job->box->is_walled ? before_command : NULL,
				    /* who joins it to make its network must find the ids */
				    .outside = job->box->network_program ? map_outside : NULL,
				    .context = &plan };
	int r = namespaces_refuse(job->box, err);

	if (r == 0)
		r = namespaces_refuse_tap(job->box, err);
	if (r < 0) /* nobody has asked probe() */
		(void)err_wrap(err, "engine '%s' cannot run this", engine_userns.name);
	else
		r = root_tree_plan(job, &plan.root, err);
	if (r < 0) {
		*ret_status = 125;
		return r;
	}
	r = spawn_run(job, &spawn, ret_status, err);
	if (r < 0 && *ret_status == 125)
		explain_inside(err);
	return r;
}

static int probe(struct host *host, const struct box *box, struct err *ret_why_not)
{
	int r = namespaces_refuse(box, ret_why_not);

	if (r == 0)
		r = namespaces_refuse_tap(box, ret_why_not);
	return r < 0 ? r : namespaces_probe(host, &box->private_ns, ret_why_not);
}

const struct engine engine_userns = {
	.name = "userns",
	.summary = "an unprivileged user namespace with one id",
	.is_boundary = true,
	.has_mounts = true,
	.probe = probe,
	.run = run,
};
