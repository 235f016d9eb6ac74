// SPDX-License-Identifier: Apache-2.0
/* rootlet push: the complete name with its digest on stdout, progress on stderr. */
#include "cmd/push.h"

#include <stdio.h>

#include "base/banned.h"
#include "cmd/progress.h"
#include "cmd/remote_opt.h"
#include "flow/push.h"
#include "image/ownership.h"

struct push_command {
	struct common common;
	struct remote_opt remote;
	const char *platform;
	const char *progress;
	const char *ownership;
	bool all_platforms;
	bool all_tags;
};

#define PUSH(field) offsetof(struct push_command, field)

static const struct opt push_opts[] = {
	{ OPT_STR, 0, "platform", PUSH(platform), "OS/ARCH[/VARIANT]",
	  "of an index, push this platform's image alone", NULL },
	{ OPT_FLAG, 0, "all-platforms", PUSH(all_platforms), NULL,
	  "push a whole index, or fail where a part of it is not in the store", NULL },
	{ OPT_CHOICE, 0, "ownership", PUSH(ownership), OWNERSHIP_CHOICES,
	  "flatten: make all files root's (default: what the image is marked with, else keep)",
	  NULL },
	PROGRESS_OPT(struct push_command, progress),
	REMOTE_TRANSFER_OPTS(struct push_command, remote),
	{ OPT_REFUSED, 'a', "all-tags", PUSH(all_tags), NULL, "name the tags to push", NULL },
	REMOTE_OPTS(struct push_command, remote),
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static int run_push(const struct push_command *request, const char *image, const char *destination,
		    struct err *err)
{
	auto_progress *progress = progress_new(request->progress, &request->common);
	struct push_request push_request = { .image = image,
					     .destination = destination,
					     .platform = request->platform,
					     .all_platforms = request->all_platforms,
					     .ownership = request->ownership,
					     .threads = (unsigned)request->remote.threads,
					     .progress = progress };
	struct push_result result;
	auto_store store = STORE_NONE;
	char text[REF_TEXT_MAX];
	int r;

	if (request->platform && request->all_platforms)
		return fail_plain(err, EINVAL, "--platform and --all-platforms exclude each other");
	r = remote_opt_settings(&request->remote, &push_request.remote, err);
	if (r >= 0)
		r = store_open(request->common.store, &store, err);
	if (r >= 0)
		r = push(&store, &push_request, environ, &result, err);
	if (r < 0)
		return r;
	result.ref.digest = result.digest;
	if (printf("%s\n", ref_format(&result.ref, text)) < 0 || fflush(stdout) != 0)
		return fail(err, errno, "write to stdout");
	return 0;
}

static int push_main(const struct command *command, const struct common *common, int argc,
		     char **argv)
{
	struct push_command request = { .common = *common, .remote = REMOTE_OPT_DEFAULT };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && operand == argc)
		r = fail_plain(&err, EINVAL, "which image?");
	if (r == 0 && argc - operand > 2)
		r = fail_plain(&err, EINVAL, "one image and one destination at a time");
	if (r == 0)
		r = run_push(&request, argv[operand], argv[operand + 1], &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_push = {
	.name = "push",
	.summary = "send an image to a registry",
	.synopsis = "[OPTIONS] IMAGE [DEST]",
	.opts = push_opts,
	.run = push_main,
	.group = "Images",
};
