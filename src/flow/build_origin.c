// SPDX-License-Identifier: Apache-2.0
#include "flow/build_origin.h"

#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "flow/build_work.h"

#define IMAGE_SCHEME "docker-image://"

/* Something opened for this build. */
struct opened {
	struct opened *next;
	const char *name; /* of the named context, or the image's reference */
	bool is_named;
	const char *directory; /* of a named context that is one, else NULL */
	const char *reference;
	struct build_context context;
	struct image image;
	struct view view; /* of the image */
	bool is_open;
	bool has_view;
};

static struct opened *add(struct build *build, const char *name, bool is_named)
{
	struct opened *opened = arena_new(&build->arena, struct opened);

	opened->name = name;
	opened->is_named = is_named;
	opened->next = build->opened;
	build->opened = opened;
	return opened;
}

static struct opened *find(struct build *build, const char *name, bool is_named)
{
	for (struct opened *opened = build->opened; opened; opened = opened->next)
		if (opened->is_named == is_named && strcmp(opened->name, name) == 0)
			return opened;
	return NULL;
}

int build_origins_parse(struct build *build, struct strings *ret_names, struct err *err)
{
	const struct strings *given = &build->request->contexts;

	for (size_t i = 0; i < given->count; i++) {
		const char *text = given->item[i];
		const char *equals = strchr(text, '=');
		struct opened *opened;

		if (!equals || equals == text || !equals[1])
			return fail_plain(err, EINVAL, "--build-context '%s' is not NAME=SOURCE",
					  text);
		opened = add(build, arena_copy_bytes(&build->arena, text, (size_t)(equals - text)),
			     true);
		if (text_starts(equals + 1, IMAGE_SCHEME))
			opened->reference = equals + 1 + strlen(IMAGE_SCHEME);
		else if (strstr(equals + 1, "://"))
			return fail_plain(err, ENOTSUP,
					  "--build-context '%s': only directories and " IMAGE_SCHEME
					  " are supported",
					  text);
		else
			opened->directory = equals + 1;
		strings_add(ret_names, opened->name);
	}
	return 0;
}

void build_origins_done(struct build *build)
{
	for (struct opened *opened = build->opened; opened; opened = opened->next) {
		if (opened->has_view)
			view_done(&opened->view);
		if (opened->is_open && opened->directory)
			build_context_close(&opened->context);
		else if (opened->is_open)
			image_done(&opened->image);
	}
	build->opened = NULL;
}

static int load_image(struct build *build, struct opened *opened, const struct platform *platform,
		      struct err *err)
{
	int r;

	if (opened->is_open)
		return 0;
	r = image_load(&build->store, opened->reference, platform, &opened->image, err);
	if (r == -ENOENT)
		err_hint(err, "'rootlet pull %s' fetches it", opened->reference);
	opened->is_open = r == 0;
	return r;
}

static struct opened *opened_for(struct build *build, const struct origin *origin)
{
	bool is_named = origin->kind == ORIGIN_NAMED_CONTEXT;
	struct opened *opened = find(build, origin->name, is_named);

	if (!opened && !is_named) {
		opened = add(build, origin->name, false);
		opened->reference = origin->name;
	}
	return opened;
}

static int open_image(struct build *build, const struct origin *origin,
		      const struct platform *platform, struct opened **ret_opened, struct err *err)
{
	struct opened *opened = opened_for(build, origin);

	if (!opened || !opened->reference)
		return fail_plain(err, EINVAL, "'%s' is a directory, not an image", origin->name);
	*ret_opened = opened;
	return load_image(build, opened, platform, err);
}

int build_origin_image(struct build *build, const struct origin *origin,
		       const struct platform *platform, const struct image **ret_image,
		       struct err *err)
{
	struct opened *opened;
	int r;

	pthread_mutex_lock(&build->lock);
	r = open_image(build, origin, platform, &opened, err);
	pthread_mutex_unlock(&build->lock);
	if (r == 0)
		*ret_image = &opened->image;
	return r;
}

static int view_of_image(struct build *build, struct opened *opened, struct err *err)
{
	const struct config *config = &opened->image.config;
	int r = 0;

	if (opened->has_view)
		return 0;
	view_init(&opened->view);
	for (size_t i = 0; r == 0 && i < config->diff_id_count; i++)
		r = view_push_layer(&opened->view, &build->store, &config->diff_ids[i], err);
	if (r < 0)
		view_done(&opened->view);
	opened->has_view = r == 0;
	return r;
}

static struct copy_tree tree_of_context(struct build_context *context)
{
	return (struct copy_tree){ .view = &context->view,
				   .ignore = &context->ignore,
				   .files = &context->files };
}

static int open_tree_locked(struct build *build, const struct origin *origin,
			    struct copy_tree *ret_tree, struct err *err)
{
	struct opened *opened = opened_for(build, origin);
	int r;

	if (opened && opened->directory) {
		if (!opened->is_open) {
			r = build_context_open(&opened->context, &build->store, opened->directory,
					       NULL, err);
			if (r < 0)
				return r;
			opened->is_open = true;
		}
		*ret_tree = tree_of_context(&opened->context);
		return 0;
	}
	r = open_image(build, origin, &build->plan.options.target_platform, &opened, err);
	if (r == 0)
		r = view_of_image(build, opened, err);
	if (r == 0)
		*ret_tree = (struct copy_tree){ .view = &opened->view,
						.files = &build->layer_files };
	return r;
}

int build_origin_tree(struct build *build, const struct origin *origin, struct copy_tree *ret_tree,
		      struct err *err)
{
	int r;

	switch (origin->kind) {
	case ORIGIN_CONTEXT:
		*ret_tree = tree_of_context(&build->context);
		return 0;
	case ORIGIN_STAGE:
		*ret_tree = (struct copy_tree){ .view = &build->stage[origin->stage].state.view,
						.files = &build->layer_files };
		return 0;
	case ORIGIN_SCRATCH:
		*ret_tree = (struct copy_tree){ .view = &build->nothing };
		return 0;
	case ORIGIN_IMAGE:
	case ORIGIN_NAMED_CONTEXT:
		break;
	}
	pthread_mutex_lock(&build->lock);
	r = open_tree_locked(build, origin, ret_tree, err);
	pthread_mutex_unlock(&build->lock);
	return r;
}

int build_origin_copy(struct build *build, struct work *work, const struct origin *origin,
		      const char *source, const char *host_path, struct err *err)
{
	struct copy_list list = { .arena = &work->arena };
	struct copy_meta meta = { 0 };
	struct copy_tree tree;
	struct place place;
	auto_view nothing;
	int r = build_origin_tree(build, origin, &tree, err);

	view_init(&nothing);
	if (r < 0 || origin->kind == ORIGIN_SCRATCH)
		return r;
	r = place_init(&place, &nothing, host_path, err);
	if (r < 0)
		return r;
	r = copy_collect(&tree, source, NULL, &list, err);
	if (r == 0)
		r = copy_place(&tree, &list, "/", true, &meta, &place, err);
	copy_list_done(&list);
	place_done(&place);
	return r;
}

static void add_diff_ids(const struct build *build, const struct config *config,
			 struct strings *layers)
{
	for (size_t i = config->diff_id_count; i-- > 0;) {
		auto_buf path = { 0 };

		layer_path(&build->store, &config->diff_ids[i], &path);
		strings_add(layers, buf_text(&path));
	}
}

/* A context without patterns is used as it lies there. */
static int context_layers(struct build *build, struct work *work, const struct origin *origin,
			  const struct build_context *context, struct strings *layers,
			  struct err *err)
{
	const char *name;

	if (context->ignore.count == 0) {
		strings_add(layers, context->path);
		return 0;
	}
	name = arena_printf(&work->arena, "%s/context-%zu", work->work_name, work->list_count);
	if (mkdirat(build->store.dirfd, name, 0700) < 0)
		return fail(err, errno, "make '%s' in the store", name);
	name = arena_printf(&work->arena, "%s/%s", build->store.path, name);
	strings_add(layers, name);
	return build_origin_copy(build, work, origin, ".", name, err);
}

int build_origin_layers(struct build *build, struct work *work, const struct origin *origin,
			struct strings *layers, struct err *err)
{
	struct copy_tree tree;
	const struct opened *opened;
	int r;

	if (origin->kind == ORIGIN_CONTEXT)
		return context_layers(build, work, origin, &build->context, layers, err);
	if (origin->kind == ORIGIN_STAGE) {
		add_diff_ids(build, &build->stage[origin->stage].state.config, layers);
		return 0;
	}
	r = build_origin_tree(build, origin, &tree, err);
	if (r < 0)
		return r;
	opened = opened_for(build, origin);
	if (opened->directory)
		return context_layers(build, work, origin, &opened->context, layers, err);
	add_diff_ids(build, &opened->image.config, layers);
	return 0;
}
