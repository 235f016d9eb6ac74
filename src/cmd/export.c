// SPDX-License-Identifier: Apache-2.0
/* rootlet export and rootlet save: the same but for the format they choose by themselves. */
#include "cmd/export.h"

#include <string.h>

#include "base/banned.h"
#include "flow/export.h"
#include "image/ownership.h"

struct export_command {
	struct common common;
	const char *output;
	const char *format;
	const char *platform;
	const char *ownership;
	const char *owners;
};

#define EXPORT(field) offsetof(struct export_command, field)

#define OUTPUT                                                           \
	{                                                                \
		OPT_STR, 'o', "output", EXPORT(output), "DEST",          \
			"write to DEST (default: standard output)", NULL \
	}
#define PLATFORM                                                                  \
	{                                                                         \
		OPT_STR, 0, "platform", EXPORT(platform), "OS/ARCH[/VARIANT]",    \
			"which image of an index (default: this machine's)", NULL \
	}
#define OWNERSHIP                                                                     \
	{                                                                             \
		OPT_CHOICE, 0, "ownership", EXPORT(ownership), OWNERSHIP_CHOICES,     \
			"flatten: make all files root's (default: what the image is " \
			"marked with, else keep)",                                    \
			NULL                                                          \
	}
#define FORMATS "tar|dir|squashfs|oci|oci-archive|docker-archive"
#define END                                           \
	{                                             \
		OPT_END, 0, NULL, 0, NULL, NULL, NULL \
	}

static const struct opt export_opts[] = {
	OUTPUT,
	{ OPT_CHOICE, 0, "format", EXPORT(format), FORMATS,
	  "what to write: the root file system as tar (default), dir or squashfs, else the image",
	  NULL },
	OWNERSHIP,
	{ OPT_STR, 0, "owners", EXPORT(owners), "FILE|xattr",
	  "tell who owns what in a directory: to FILE, as fakeroot -i reads it, or in its files' "
	  "attributes user.containers.override_stat",
	  NULL },
	PLATFORM,
	END,
};

static const struct opt save_opts[] = {
	OUTPUT,
	{ OPT_CHOICE, 0, "format", EXPORT(format), FORMATS,
	  "what to write: docker-archive (default), oci-archive, an OCI layout ...", NULL },
	OWNERSHIP,
	PLATFORM,
	END,
};

static int check(const struct export_command *command, const struct strings *images,
		 enum export_format format, struct err *err)
{
	bool needs_file = format == EXPORT_DIRECTORY || format == EXPORT_OCI ||
			  format == EXPORT_SQUASHFS;

	if (images->count == 0)
		return fail_plain(err, EINVAL, "which image?");
	if (export_is_root(format) && images->count > 1)
		return fail_plain(err, EINVAL, "%zu images cannot be written as one root",
				  images->count);
	if (needs_file && (!command->output || strcmp(command->output, "-") == 0))
		return fail_plain(err, EINVAL, "--format %s needs -o DEST", command->format);
	if (command->owners && format != EXPORT_DIRECTORY)
		return fail_plain(err, EINVAL, "--owners is for --format dir: all else has them");
	if (!command->output && isatty(STDOUT_FILENO))
		return fail_plain(err, EINVAL, "standard output is a terminal; use -o FILE");
	return 0;
}

static int run(const struct export_command *command, const char *default_format,
	       const struct strings *images, struct err *err)
{
	const char *format_text = command->format ? command->format : default_format;
	struct export_request request = { .images = images,
					  .dest = command->output ? command->output : "-",
					  .ownership = command->ownership,
					  .owners = command->owners,
					  .platform = command->platform };
	auto_store store = STORE_NONE;
	int r;

	if (!export_format_parse(format_text, &request.format))
		return fail_plain(err, EINVAL, "--format %s is not one of " FORMATS, format_text);
	r = check(command, images, request.format, err);
	if (r == 0)
		r = store_open(command->common.store, &store, err);
	if (r == 0)
		r = store_announce(&store, err);
	request.store = &store;
	return r < 0 ? r : export_run(&request, err);
}

static int export_or_save(const struct command *command, const struct common *common, int argc,
			  char **argv, const char *default_format)
{
	struct export_command request = { .common = *common };
	auto_strings images = { 0 };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0) {
		strings_add_all(&images, argv + operand);
		r = run(&request, default_format, &images, &err);
	}
	return r < 0 ? command_fail(command, &err) : 0;
}

static int export_main(const struct command *command, const struct common *common, int argc,
		       char **argv)
{
	return export_or_save(command, common, argc, argv, "tar");
}

static int save_main(const struct command *command, const struct common *common, int argc,
		     char **argv)
{
	return export_or_save(command, common, argc, argv, "docker-archive");
}

const struct command command_export = {
	.name = "export",
	.summary = "write the root file system of an image, or the image, to a file",
	.synopsis = "[OPTIONS] IMAGE",
	.opts = export_opts,
	.run = export_main,
	.group = "Images",
};

const struct command command_save = {
	.name = "save",
	.summary = "write images to an archive that load, docker or podman read",
	.synopsis = "[OPTIONS] IMAGE...",
	.opts = save_opts,
	.run = save_main,
	.group = "Images",
};
