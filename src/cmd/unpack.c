// SPDX-License-Identifier: Apache-2.0
/* Hidden commands: what rootlet asks of rootlet-image (flow/tar_root.c). */
#include "cmd/unpack.h"

#include <stdio.h>

#include "base/banned.h"
#include "flow/build_cache_mount.h"
#include "flow/unpack_image.h"

static int unpack_main(const struct command *command, const struct common *common, int argc,
		       char **argv)
{
	struct common request = *common;
	auto_store store = STORE_NONE;
	auto_image image = { 0 };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && argc - operand != 1)
		r = fail_plain(&err, EINVAL, "one image is needed");
	if (r == 0)
		r = store_open(request.store, &store, &err);
	if (r == 0)
		r = image_load(&store, argv[operand], NULL, &image, &err);
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
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r == 0 && argc - operand != 1)
		r = fail_plain(&err, EINVAL, "one id is needed");
	if (r < 0)
		return command_fail(command, &err);
	if (r == 0)
		puts(cache_mount_name(&arena, argv[operand], 0));
	return 0;
}

const struct command command_cache_name = {
	.name = "__cache-name",
	.summary = "the name that a cache mount has in the store",
	.synopsis = "ID",
	.run = cache_name_main,
};
