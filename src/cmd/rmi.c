// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/banned.h"
#include "cmd/images.h"
#include "flow/rmi.h"

struct rmi_command {
	struct common common;
	bool force;
};

static const struct opt rmi_opts[] = {
	{ OPT_FLAG, 'f', "force", offsetof(struct rmi_command, force), NULL,
	  "an image given by its id goes with all its names; no error for one that is not there",
	  NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static void print_untagged(void *context, const struct ref *ref)
{
	char text[REF_TEXT_MAX];

	(void)context;
	printf("Untagged: %s\n", ref_familiar(ref, text));
}

static void print_deleted(void *context, const struct digest *id)
{
	(void)context;
	printf("Deleted: %s\n", id->text);
}

/* One that fails does not keep the others from going. */
static int remove_all(const struct command *command, const struct rmi_request *request,
		      char *const *texts)
{
	int status = 0;

	for (; *texts; texts++) {
		struct err err = { 0 };
		int r = rmi_run(request, *texts, &err);

		fflush(stdout);
		if (r < 0 && !(r == -ENOENT && request->force))
			status = command_fail(command, &err);
	}
	return status;
}

static int rmi_main(const struct command *command, const struct common *common, int argc,
		    char **argv)
{
	struct rmi_command rmi = { .common = *common };
	auto_store store = STORE_NONE;
	struct rmi_request request = { .store = &store,
				       .untagged = print_untagged,
				       .deleted = print_deleted };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &rmi, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && operand == argc)
		r = fail_plain(&err, EINVAL, "which image? %s", command->synopsis);
	if (r == 0)
		r = store_open(rmi.common.store, &store, &err);
	if (r < 0)
		return command_fail(command, &err);
	request.force = rmi.force;
	return remove_all(command, &request, argv + operand);
}

const struct command command_rmi = {
	.name = "rmi",
	.summary = "remove images, or names of images",
	.synopsis = "[OPTIONS] IMAGE...",
	.opts = rmi_opts,
	.run = rmi_main,
	.group = "Images",
};
