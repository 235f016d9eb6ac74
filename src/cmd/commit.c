// SPDX-License-Identifier: Apache-2.0
#include "cmd/commit.h"

#include "base/banned.h"
#include "flow/run_commit.h"

struct commit_command {
	struct common common;
	struct commit_request request;
	uint64_t uid, gid;
};

#define REQUEST(field) offsetof(struct commit_command, request.field)

static const struct opt commit_opts[] = {
	{ OPT_STR, 0, "base", REQUEST(base), "IMAGE", "what was run", NULL },
	{ OPT_STR, 0, "changes", REQUEST(changes), "NAME", "the folder of changes", NULL },
	{ OPT_STR, 0, "created-by", REQUEST(created_by), "TEXT", "for the history", NULL },
	{ OPT_U64, 0, "uid", offsetof(struct commit_command, uid), "N", "owner of new files",
	  NULL },
	{ OPT_U64, 0, "gid", offsetof(struct commit_command, gid), "N", "group of new files",
	  NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static int commit_main(const struct command *command, const struct common *common, int argc,
		       char **argv)
{
	struct commit_command commit = { .common = *common };
	auto_store store = STORE_NONE;
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &commit, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && (argc - operand != 1 || !commit.request.base || !commit.request.changes))
		r = fail_plain(&err, EINVAL, "usage: %s", command->synopsis);
	if (r == 0)
		r = store_open(commit.common.store, &store, &err);
	if (r == 0) {
		commit.request.name = argv[operand];
		commit.request.uid = (uint32_t)commit.uid;
		commit.request.gid = (uint32_t)commit.gid;
		r = run_commit(&store, &commit.request, &err);
	}
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_commit = {
	.name = "__commit",
	.summary = "changes of a run become a layer",
	.synopsis = "--base IMAGE --changes NAME REF",
	.opts = commit_opts,
	.run = commit_main,
};
