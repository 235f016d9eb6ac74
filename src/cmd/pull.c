// SPDX-License-Identifier: Apache-2.0
/* rootlet pull: the complete name with its digest on stdout, progress on stderr. */
#include "cmd/pull.h"

#include <stdio.h>

#include "base/banned.h"
#include "base/log.h"
#include "cmd/progress.h"
#include "cmd/remote_opt.h"
#include "flow/pull.h"

struct pull_command {
	struct common common;
	struct remote_opt remote;
	const char *platform;
	const char *progress;
	bool all_platforms;
	bool all_tags;
};

#define PULL(field) offsetof(struct pull_command, field)

static const struct opt pull_opts[] = {
	{ OPT_STR, 0, "platform", PULL(platform), "OS/ARCH[/VARIANT]",
	  "which image of an index (default: this machine's)", NULL },
	{ OPT_FLAG, 0, "all-platforms", PULL(all_platforms), NULL,
	  "fetch everything an index names; unpack one platform", NULL },
	PROGRESS_OPT(struct pull_command, progress),
	REMOTE_TRANSFER_OPTS(struct pull_command, remote),
	{ OPT_REFUSED, 'a', "all-tags", PULL(all_tags), NULL, "name the tags you need", NULL },
	REMOTE_OPTS(struct pull_command, remote),
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static int run_pull(const struct pull_command *request, const char *name, struct err *err)
{
	auto_progress *progress = progress_new(request->progress, &request->common);
	struct pull_request pull_request = { .name = name,
					     .platform = request->platform,
					     .all_platforms = request->all_platforms,
					     .threads = (unsigned)request->remote.threads,
					     .progress = progress };
	struct pull_result result;
	auto_store store = STORE_NONE;
	char text[REF_TEXT_MAX];
	int r;

	r = remote_opt_settings(&request->remote, &pull_request.remote, err);
	if (r >= 0)
		r = store_open(request->common.store, &store, err);
	if (r >= 0)
		r = store_announce(&store, err);
	if (r >= 0)
		r = pull(&store, &pull_request, environ, &result, err);
	if (r < 0)
		return r;
	if (result.up_to_date)
		log_verbose("nothing to do: the store has it");
	result.ref.digest = result.digest;
	if (printf("%s\n", ref_format(&result.ref, text)) < 0 || fflush(stdout) != 0)
		return fail(err, errno, "write to stdout");
	return 0;
}

static int pull_main(const struct command *command, const struct common *common, int argc,
		     char **argv)
{
	struct pull_command request = { .common = *common, .remote = REMOTE_OPT_DEFAULT };
	struct err err = { 0 };
	const char *name;
	int r = opt_parse_one(command, argc, argv, &request, "image", &name, &err);

	if (r > 0)
		return 0;
	if (r == 0)
		r = run_pull(&request, name, &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_pull = {
	.name = "pull",
	.summary = "fetch an image from a registry",
	.synopsis = "[OPTIONS] REF",
	.opts = pull_opts,
	.run = pull_main,
	.group = "Images",
};
