// SPDX-License-Identifier: Apache-2.0
#include "cmd/logout.h"

#include <unistd.h>

#include "base/banned.h"
#include "base/log.h"
#include "flow/login.h"

struct logout_command {
	struct common common;
	const char *authfile;
	bool all;
};

#define LOGOUT(field) offsetof(struct logout_command, field)

static const struct opt logout_opts[] = {
	{ OPT_STR, 0, "authfile", LOGOUT(authfile), "FILE",
	  "credentials are kept here (default: as for login)", NULL },
	{ OPT_FLAG, 'a', "all", LOGOUT(all), NULL, "forget all credentials of the auth file",
	  NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static int logout_main(const struct command *command, const struct common *common, int argc,
		       char **argv)
{
	struct logout_command request = { .common = *common };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && request.all && operand != argc)
		r = fail_plain(&err, EINVAL, "--all and a registry exclude each other");
	if (r == 0 && !request.all && operand + 1 != argc)
		r = fail_plain(&err, EINVAL,
			       operand == argc ? "which registry?" : "one registry at a time");
	if (r == 0)
		r = logout(argv[operand], request.authfile, environ, &err);
	if (r < 0)
		return command_fail(command, &err);
	log_info("logged out%s%s", argv[operand] ? " of " : "", argv[operand] ? argv[operand] : "");
	return 0;
}

const struct command command_logout = {
	.name = "logout",
	.summary = "forget credentials for a registry",
	.synopsis = "[OPTIONS] HOST",
	.opts = logout_opts,
	.run = logout_main,
	.group = "Images",
};
