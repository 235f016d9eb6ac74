// SPDX-License-Identifier: Apache-2.0
#include "cmd/version.h"

#include <stdio.h>

#include "base/banned.h"

const char *const version_text = ROOTLET_VERSION;

static int version_main(const struct command *command, const struct common *common, int argc,
			char **argv)
{
	struct common request = *common;
	struct err err = { 0 };
	int operand = argc;
	int r = 0;

	if (!text_starts(argv[0], "-")) /* not when called by --version */
		r = opt_parse(command, argc, argv, &request, &operand, &err);
	if (r == 0 && operand < argc)
		r = fail_plain(&err, EINVAL, "unexpected '%s'", argv[operand]);
	if (r < 0)
		return command_fail(command, &err);
	if (r == 0)
		printf("rootlet %s\n", version_text);
	return 0;
}

const struct command command_version = {
	.name = "version",
	.summary = "print the version",
	.synopsis = "",
	.run = version_main,
	.group = "Help",
};
