// SPDX-License-Identifier: Apache-2.0
/* Engine `subid` (Type II of SC21): a user namespace with the ids that an administrator gave the
 * user, mapped by newuidmap(1) and newgidmap(1).
 *
 * Who is the caller inside keeps the caller's supplementary groups, as under userns: a box must
 * reach the files of a project, and who has dropped a group could open what is closed to its
 * members. Another user has none of them. */
#include "engine/subid.h"

#include "base/banned.h"
#include "engine/namespaces.h"
#include "engine/root_tree.h"
#include "engine/spawn.h"
#include "sys/ids.h"
#include "sys/rule.h"

struct subid_plan {
	struct root_plan root;
	struct id_space space;
};

static void explain(const struct user *user, struct err *err)
{
	struct rule rule;

	rule_subordinate_ids(user, &rule);
	rule_add_hint(&rule, err);
}

static int space_of(const struct box *box, struct id_space *ret_space, struct err *err)
{
	struct arena arena = { 0 };
	struct id_space space;
	struct user user;
	int r;

	ids_caller(&arena, &user);
	r = id_space_of_user(&user, box->own_uid, box->own_gid, &space, err);
	if (r == 0)
		r = id_space_check(&space, box->uid, box->gid, "the command's user", err);
	if (r == 0)
		*ret_space = space;
	else if (r == -ENOENT)
		explain(&user, err);
	arena_done(&arena);
	return r;
}

static int map(void *context, pid_t pid, struct err *err)
{
	const struct subid_plan *plan = context;

	return id_space_map(&plan->space, pid, err);
}

static int setup(const struct engine_job *job, void *context, struct err *err)
{
	const struct subid_plan *plan = context;
	int r = root_tree_enter(&plan->root, err);

	return r < 0 ? r : namespaces_set_up(job->box, err);
}

static int run(const struct engine_job *job, int *ret_status, struct err *err)
{
	struct subid_plan plan;
	struct spawn_plan spawn = {
		.namespaces = namespaces_of(&job->box->private_ns) | CLONE_NEWUSER,
		.setup = setup,
		.is_covered = true,
		.outside = map,
		.context = &plan,
		.becomes_user = job->box->uid != job->box->own_uid ||
				job->box->gid != job->box->own_gid,
	};
	int r = namespaces_refuse_tap(job->box, err);

	if (r == 0)
		r = space_of(job->box, &plan.space, err);

	if (r == 0)
		r = root_tree_plan(job, &plan.root, err);
	if (r < 0) {
		*ret_status = 125;
		return r;
	}
	return spawn_run(job, &spawn, ret_status, err);
}

static int probe(struct host *host, const struct box *box, struct err *ret_why_not)
{
	struct id_space space;
	int r = namespaces_refuse(box, ret_why_not);

	if (r == 0)
		r = namespaces_probe(host, &box->private_ns, ret_why_not);

	if (r == 0 && !host_fact(host, HOST_SUBORDINATE_IDS)->usable)
		r = host_refuse(host, HOST_SUBORDINATE_IDS, ret_why_not);
	return r < 0 ? r : space_of(box, &space, ret_why_not);
}

const struct engine engine_subid = {
	.name = "subid",
	.summary = "a user namespace with the subordinate ids of /etc/subuid and /etc/subgid",
	.is_boundary = true,
	.has_mounts = true,
	.leaves_groups = true,
	.probe = probe,
	.space = space_of,
	.run = run,
};
