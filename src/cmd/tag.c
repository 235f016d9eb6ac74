// SPDX-License-Identifier: Apache-2.0
#include "base/banned.h"
#include "cmd/images.h"
#include "store/image.h"

static int tag(const struct store *store, const char *from, const char *to, struct err *err)
{
	auto_arena arena = { 0 };
	struct ref_entry *entries;
	struct ref ref;
	size_t count;
	int r = ref_parse(to, &ref, err);

	if (r == 0 && !digest_is_none(&ref.digest))
		r = fail_plain(err, EINVAL, "'%s': a digest cannot be given as a name", to);
	if (r == 0)
		r = store_announce(store, err);
	if (r == 0)
		r = image_find_entries(store, from, &arena, &entries, &count, err);
	return r < 0 ? r : refs_set(store, &ref, &entries[0].descriptor, err);
}

static int tag_main(const struct command *command, const struct common *common, int argc,
		    char **argv)
{
	struct common request = *common;
	auto_store store = STORE_NONE;
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && argc - operand != 2)
		r = fail_plain(&err, EINVAL, "two operands are needed: %s", command->synopsis);
	if (r == 0)
		r = store_open(request.store, &store, &err);
	if (r == 0)
		r = tag(&store, argv[operand], argv[operand + 1], &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_tag = {
	.name = "tag",
	.summary = "give an image another name",
	.synopsis = "IMAGE REF",
	.run = tag_main,
	.group = "Images",
};
