// SPDX-License-Identifier: Apache-2.0
/* rootlet: the command table. Start here.
 *
 * A row whose function is run_in_image_program lives in rootlet-image (image_main.c), which links
 * the heavy libraries; this program is static and starts in well under a millisecond. */
#include <stddef.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "cmd/completion.h"
#include "cmd/doctor.h"
#include "cmd/help.h"
#include "cmd/opt.h"
#include "cmd/root.h"
#include "cmd/run.h"
#include "cmd/spack.h"
#include "cmd/verify.h"
#include "cmd/version.h"
#include "sys/sibling.h"

static const struct command *const commands[] = {
	&command_run,	 &command_shell, &command_root,	      &command_spack,	&command_doctor,
	&command_verify, &command_help,	 &command_completion, &command_version, NULL,
};

/* Everything else is rootlet-image's, which also knows that a command does not exist. */
static int run_in_image_program(const char *name, int argc, char **argv)
{
	const struct command shown = { .name = name };
	struct err err = { 0 };

	(void)argc;
	sibling_exec("rootlet-image", (const char *const *)argv, &err);
	return command_fail(&shown, &err);
}

/* A link to this program that is called fakeroot takes its place. */
static bool is_called_fakeroot(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, "fakeroot") == 0;
}

int main(int argc, char **argv)
{
	static const struct common none;

	if (argc > 0 && is_called_fakeroot(argv[0])) {
		io_reserve_stdio();
		return command_fakeroot.run(&command_fakeroot, &none, argc, argv);
	}
	return command_main(commands, argc, argv, run_in_image_program);
}
