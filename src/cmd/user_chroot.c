// SPDX-License-Identifier: Apache-2.0
/* A link to rootlet that is called user-chroot: chroot(8) for who is not root, as recipes of Spack
 * know it (the virtual package user-chroot). The caller stays who they are, and the directory can
 * be written to. */
#include "cmd/user_chroot.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"
#include "cmd/run.h"
#include "cmd/version.h"

struct user_chroot {
	struct common common;
	const char *userspec;
	bool version;
};

#define OPTION(field) offsetof(struct user_chroot, field)

static const struct opt user_chroot_opts[] = {
	{ OPT_STR, 0, "userspec", OPTION(userspec), "USER[:GROUP]",
	  "be somebody else inside (default: the caller)", NULL },
	{ OPT_FLAG, 0, "version", OPTION(version), NULL, "print the version", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

/* A name alone would be an image. */
static char *path_of(const char *directory)
{
	auto_buf path = { 0 };

	buf_printf(&path, "%s%s", directory[0] == '/' || directory[0] == '.' ? "" : "./",
		   directory);
	return buf_take(&path);
}

static int run(const struct user_chroot *chroot, int count, char **words, int *ret_status,
	       struct err *err)
{
	const char *shell = getenv("SHELL");
	struct run_request request = {
		.store = chroot->common.store, .user = chroot->userspec, .cwd = "/", .write = true
	};
	auto_free char *path = NULL;
	struct run_asked asked = { 0 };
	int r;

	if (count == 0) {
		fail_plain(err, EINVAL, "which directory?");
		err_hint(err, "usage: user-chroot %s", command_user_chroot.synopsis);
		return -EINVAL;
	}
	path = path_of(words[0]);
	request.root = path;
	strings_add(&request.env_host_globs, "*");
	if (count == 1) /* as chroot(8) does */
		strings_add(&request.command, shell && *shell ? shell : "/bin/sh");
	if (count == 1)
		strings_add(&request.command, "-i");
	strings_add_all(&request.command, words + 1);
	r = run_asked(&request, &asked, ret_status, err);
	run_request_done(&request);
	return r;
}

static int user_chroot_main(const struct command *command, const struct common *common, int argc,
			    char **argv)
{
	struct user_chroot chroot = { .common = *common };
	struct err err = { 0 };
	int status = EXIT_ROOTLET;
	int operand;
	int r = opt_parse(command, argc, argv, &chroot, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && chroot.version) {
		printf("user-chroot of rootlet %s\n", version_text);
		return 0;
	}
	if (r == 0)
		r = run(&chroot, argc - operand, argv + operand, &status, &err);
	if (r < 0)
		command_fail(command, &err);
	return status;
}

const struct command command_user_chroot = {
	.name = "user-chroot",
	.summary = "run a command with another root directory, without being root",
	.synopsis = "[--userspec=USER[:GROUP]] DIR [CMD...]",
	.opts = user_chroot_opts,
	.stop_at_operand = true,
	.run = user_chroot_main,
};
