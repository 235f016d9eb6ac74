// SPDX-License-Identifier: Apache-2.0
#include "flow/obtain.h"

#include <string.h>

#include "base/banned.h"
#include "flow/pull.h"
#include "flow/unpack_image.h"

static int load(const struct store *store, const struct obtain_request *request, const char *name,
		struct image *ret_image, struct err *err)
{
	struct image image = { 0 };
	int r = image_load(store, name, request->platform, &image, err);

	if (r < 0)
		return r;
	r = unpack_image(store, &image, err);
	if (r < 0) {
		image_done(&image);
		return r;
	}
	*ret_image = image;
	return 0;
}

/* Under the name as typed, or one that a short name stands for. */
static int find_here(const struct store *store, const struct obtain_request *request,
		     char *const *environ_list, struct image *ret_image, struct err *err)
{
	auto_strings names = { 0 };
	auto_remote remote = { 0 };
	int r = load(store, request, request->name, ret_image, err);

	if (r != -ENOENT)
		return r;
	r = remote_init(&remote, &request->remote, environ_list, err);
	if (r == 0)
		r = registries_expand(&remote.registries, request->name, &names, err);
	if (r < 0)
		return r;
	strings_each(&names, name) {
		err_clear(err);
		r = load(store, request, name, ret_image, err);
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

/* What was found by its id and not by its name: no registry knows that. */
static bool is_id(const struct store *store, const struct obtain_request *request)
{
	auto_image image = { 0 };
	struct ref typed;

	if (image_load(store, request->name, request->platform, &image, NULL) < 0)
		return false;
	return ref_parse(request->name, &typed, NULL) < 0 ||
	       strcmp(typed.name, image.ref.name) != 0 || strcmp(typed.host, image.ref.host) != 0;
}

static int pull_it(const struct store *store, const struct obtain_request *request,
		   char *const *environ_list, struct image *ret_image, struct err *err)
{
	struct platform host = platform_host();
	struct pull_request pull_request = { .name = request->name,
					     .remote = request->remote,
					     .progress = request->progress };
	struct pull_result result;
	char platform[64];
	char name[REF_TEXT_MAX];
	int r;

	/* Said only when it matters: an image without index may be marked with any platform. */
	if (request->platform && !platform_matches(&host, request->platform))
		pull_request.platform = platform_format(request->platform, platform);
	if (request->pulling)
		request->pulling(request->context, request->name);
	err_clear(err);
	r = pull(store, &pull_request, environ_list, &result, err);
	if (r < 0)
		return err_wrap(err, "pull");
	return load(store, request, ref_format(&result.ref, name), ret_image, err);
}

int obtain_image(const struct store *store, const struct obtain_request *request,
		 char *const *environ_list, struct image *ret_image, struct err *err)
{
	int r = -ENOENT;

	if (!request->refresh || is_id(store, request))
		r = find_here(store, request, environ_list, ret_image, err);
	return r == -ENOENT ? pull_it(store, request, environ_list, ret_image, err) : r;
}
