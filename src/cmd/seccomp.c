// SPDX-License-Identifier: Apache-2.0
#include "cmd/seccomp.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/banned.h"
#include "base/io.h"
#include "flow/seccomp_profile.h"

#define PROFILE_BYTES_MAX ((size_t)4 << 20)

struct seccomp_command {
	struct common common;
	uint64_t dropped;
};

static const struct opt seccomp_opts[] = {
	{ OPT_U64, 0, "dropped", offsetof(struct seccomp_command, dropped), "SET",
	  "capabilities the process will not have", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static int compile(const char *path, uint64_t dropped, struct err *err)
{
	auto_buf text = { 0 };
	auto_buf program = { 0 };
	int r = io_read_file_at(AT_FDCWD, path, PROFILE_BYTES_MAX, &text, err);

	if (r < 0)
		return r;
	r = seccomp_profile_compile(buf_text(&text), text.size_bytes, dropped, &program, err);
	if (r < 0)
		return err_wrap(err, "'%s'", path);
	for (size_t i = 0; i < program.size_bytes; i++)
		printf("%02x", (unsigned char)program.bytes[i]);
	printf("\n");
	return 0;
}

static int seccomp_main(const struct command *command, const struct common *common, int argc,
			char **argv)
{
	struct seccomp_command seccomp = { .common = *common };
	struct err err = { 0 };
	const char *profile;
	int r = opt_parse_one(command, argc, argv, &seccomp, "profile", &profile, &err);

	if (r > 0)
		return 0;
	if (r == 0)
		r = compile(profile, seccomp.dropped, &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_seccomp = {
	.name = "__seccomp",
	.summary = "compile a seccomp profile",
	.synopsis = "FILE",
	.opts = seccomp_opts,
	.run = seccomp_main,
};
