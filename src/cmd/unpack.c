// SPDX-License-Identifier: Apache-2.0
/* Hidden commands: what rootlet asks of rootlet-image (flow/tar_root.c). */
#include "cmd/unpack.h"

#include <stdio.h>

#include "base/banned.h"
#include "flow/build_cache_mount.h"
#include "flow/squash_serve.h"
#include "flow/unpack_image.h"

static int unpack_main(const struct command *command, const struct common *common, int argc,
		       char **argv)
{
	struct common request = *common;
	auto_store store = STORE_NONE;
	auto_image image = { 0 };
	struct err err = { 0 };
	const char *name;
	int r = opt_parse_one(command, argc, argv, &request, "image", &name, &err);

	if (r > 0)
		return 0;
	if (r == 0)
		r = store_open(request.store, &store, &err);
	if (r == 0)
		r = image_load(&store, name, NULL, &image, &err);
	if (r == 0)
		r = unpack_image(&store, &image, &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_unpack = {
	.name = "__unpack",
	.summary = "unpack the layers of an image",
	.synopsis = "IMAGE",
	.run = unpack_main,
};

static int cache_name_main(const struct command *command, const struct common *common, int argc,
			   char **argv)
{
	struct common request = *common;
	auto_arena arena = { 0 };
	struct err err = { 0 };
	const char *id;
	int r = opt_parse_one(command, argc, argv, &request, "id", &id, &err);

	if (r < 0)
		return command_fail(command, &err);
	if (r == 0)
		puts(cache_mount_name(&arena, id, 0));
	return 0;
}

const struct command command_cache_name = {
	.name = "__cache-name",
	.summary = "the name that a cache mount has in the store",
	.synopsis = "ID",
	.run = cache_name_main,
};

static int serve_main(const struct command *command, const struct common *common, int argc,
		      char **argv)
{
	struct common request = *common;
	struct err err = { 0 };
	const char *file;
	int r = opt_parse_one(command, argc, argv, &request, "file", &file, &err);

	if (r > 0)
		return 0;
	if (r == 0)
		r = squash_serve_file(file, &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_serve_squashfs = {
	.name = "__serve-squashfs",
	.summary = "mount a squashfs file until the last run that uses it has ended",
	.synopsis = "FILE",
	.run = serve_main,
};
