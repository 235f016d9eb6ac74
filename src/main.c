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
#include "cmd/user_chroot.h"
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

/* A link to this program that has another program's name takes its place. */
static const struct command *called_by(const char *path)
{
	static const struct {
		const char *name;
		const struct command *command;
	} places[] = { { "fakeroot", &command_fakeroot }, { "user-chroot", &command_user_chroot } };
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < array_count(places); i++)
		if (strcmp(slash ? slash + 1 : path, places[i].name) == 0)
			return places[i].command;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *place = argc > 0 ? called_by(argv[0]) : NULL;
	static const struct common none;

	if (place) {
		io_reserve_stdio();
		return place->run(place, &none, argc, argv);
	}
	return command_main(commands, argc, argv, run_in_image_program);
}
