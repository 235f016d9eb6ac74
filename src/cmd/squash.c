// SPDX-License-Identifier: Apache-2.0
/* Hidden command: what rootlet asks of rootlet-image to run in a squashfs file. */
#include "cmd/squash.h"

#include "base/banned.h"
#include "flow/squash_serve.h"

static int serve_main(const struct command *command, const struct common *common, int argc,
		      char **argv)
{
	struct common request = *common;
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && argc - operand != 1)
		r = fail_plain(&err, EINVAL, "one file is needed");
	if (r == 0)
		r = squash_serve(argv[operand], &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_serve_squashfs = {
	.name = "__serve-squashfs",
	.summary = "mount a squashfs file until the last run that uses it has ended",
	.synopsis = "FILE",
	.run = serve_main,
};
