// SPDX-License-Identifier: Apache-2.0
#include "flow/build_origin.h"

#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "flow/build_work.h"
#include "flow/import.h"
#include "flow/obtain.h"
#include "flow/unpack_image.h"
#include "rootfs/merge.h"
#include "rootfs/real.h"

#define IMAGE_SCHEME  "docker-image://"
#define LAYOUT_SCHEME "oci-layout://"

/* One --build-context. */
struct named_context {
	struct named_context *next;
	const char *name;
	const char *source; /* as build_context.h has it, or docker-image://REF,
			     * oci-layout://DIRECTORY[:TAG][@DIGEST] */
};

enum opened_kind { OPENED_IMAGE, OPENED_LAYOUT, OPENED_CONTEXT };

/* What an origin outside of the Dockerfile comes down to. */
struct wanted {
	enum opened_kind kind;
	const char *text;		 /* a reference; DIRECTORY[:TAG][@DIGEST]; a source */
	const struct platform *platform; /* of an image */
};

/* Something opened for this build. */
struct opened {
	struct opened *next;
	enum opened_kind kind;
	const char *text;
	const char *platform;
	pthread_mutex_t lock; /* of what follows: opening may take as long as a download */
	struct build_context context;
	struct image image;
	struct view view; /* of the image */
	bool is_open;
	bool has_view;
};

int build_origins_parse(struct build *build, struct strings *ret_names, struct err *err)
{
	const struct strings *given = &build->request->contexts;

	for (size_t i = 0; i < given->count; i++) {
		const char *text = given->item[i];
		const char *equals = strchr(text, '=');
		struct named_context *named = arena_new(&build->arena, struct named_context);

		if (!equals || equals == text || !equals[1])
			return fail_plain(err, EINVAL, "--build-context '%s' is not NAME=SOURCE",
					  text);
		*named = (struct named_context){
			.next = build->named,
			.name = arena_copy_bytes(&build->arena, text, (size_t)(equals - text)),
			.source = equals + 1,
		};
		build->named = named;
		strings_add(ret_names, named->name);
	}
	return 0;
}

void build_origins_done(struct build *build)
{
	for (struct opened *opened = build->opened; opened; opened = opened->next) {
		if (opened->has_view)
			view_done(&opened->view);
		if (opened->is_open && opened->kind == OPENED_CONTEXT)
			build_context_close(&opened->context);
		else if (opened->is_open)
			image_done(&opened->image);
		pthread_mutex_destroy(&opened->lock);
	}
	build->opened = NULL;
}

/* `platform` NULL: the target's. */
static struct wanted wanted_of(const struct build *build, const struct origin *origin,
			       const struct platform *platform)
{
	struct wanted wanted = { OPENED_IMAGE, origin->name,
				 platform ?: &build->plan.options.target_platform };

	if (origin->kind == ORIGIN_IMAGE)
		return wanted;
	for (const struct named_context *named = build->named; named; named = named->next) {
		if (strcmp(named->name, origin->name) != 0)
			continue;
		wanted.text = named->source;
		if (text_starts(named->source, IMAGE_SCHEME))
			wanted.text += strlen(IMAGE_SCHEME);
		else if (text_starts(named->source, LAYOUT_SCHEME))
			wanted = (struct wanted){ OPENED_LAYOUT,
						  named->source + strlen(LAYOUT_SCHEME),
						  wanted.platform };
		else
			wanted.kind = OPENED_CONTEXT;
		break; /* the last one given */
	}
	return wanted;
}

/* The entry for it, opened or not; never NULL. */
static struct opened *entry_for(struct build *build, const struct wanted *wanted)
{
	char platform[64];
	struct opened *opened;

	platform_format(wanted->platform, platform);
	pthread_mutex_lock(&build->lock);
	for (opened = build->opened; opened; opened = opened->next)
		if (opened->kind == wanted->kind && strcmp(opened->text, wanted->text) == 0 &&
		    (opened->kind == OPENED_CONTEXT || strcmp(opened->platform, platform) == 0))
			break;
	if (!opened) {
		opened = arena_new(&build->arena, struct opened);
		opened->kind = wanted->kind;
		opened->text = wanted->text;
		opened->platform = arena_copy(&build->arena, platform);
		pthread_mutex_init(&opened->lock, NULL);
		opened->next = build->opened;
		build->opened = opened;
	}
	pthread_mutex_unlock(&build->lock);
	return opened;
}

static void tell_pulling(void *context, const char *name)
{
	struct built_stage *asking = context;
	auto_buf line = { 0 };

	buf_printf(&line, "pulling %s", name);
	build_tell(asking, (struct build_event){ .kind = BUILD_OUTPUT, .text = line.bytes });
}

static int load_image(struct built_stage *asking, const struct wanted *wanted,
		      struct image *ret_image, struct err *err)
{
	const struct build *build = asking->build;
	struct obtain_request request = { .name = wanted->text,
					  .platform = wanted->platform,
					  .refresh = build->request->pull,
					  .remote = build->request->remote,
					  .pulling = tell_pulling,
					  .context = asking };

	return obtain_image(&build->store, &request, environ, ret_image, err);
}

/* "DIRECTORY[:TAG][@DIGEST]"; the digest wins. */
static int load_layout(struct build *build, const struct wanted *wanted, struct image *ret_image,
		       struct err *err)
{
	auto_arena arena = { 0 };
	char *directory = arena_copy(&arena, wanted->text);
	char *digest = strstr(directory, "@sha256:");
	char *tag;
	struct descriptor root;
	struct image image;
	int r;

	if (digest)
		*digest++ = '\0';
	tag = strrchr(directory, ':');
	if (tag && strchr(tag, '/'))
		tag = NULL;
	if (tag)
		*tag++ = '\0';
	r = import_oci_image(&build->store, directory, digest ?: tag, &arena, &root, err);
	if (r == 0)
		r = image_load_descriptor(&build->store, &root, wanted->platform, &image, err);
	if (r < 0)
		return r;
	r = unpack_image(&build->store, &image, err);
	if (r < 0) {
		image_done(&image);
		return r;
	}
	*ret_image = image;
	return 0;
}

static int open_context(const struct built_stage *asking, const struct wanted *wanted,
			struct build_context *context, struct err *err)
{
	const struct build_context_request request = {
		.source = wanted->text,
		.is_named = true,
		.secrets = &asking->build->request->secrets,
		.retry = asking->build->request->remote.retry,
	};
	int r = build_context_open(context, &asking->build->store, &request, err);

	if (r < 0)
		return r;
	r = build_context_ignore(context, NULL, err);
	if (r < 0)
		build_context_close(context);
	return r;
}

static int open_entry(struct built_stage *asking, const struct wanted *wanted,
		      struct opened *opened, struct err *err)
{
	int r;

	if (opened->is_open)
		return 0;
	if (opened->kind == OPENED_IMAGE)
		r = load_image(asking, wanted, &opened->image, err);
	else if (opened->kind == OPENED_LAYOUT)
		r = load_layout(asking->build, wanted, &opened->image, err);
	else
		r = open_context(asking, wanted, &opened->context, err);
	opened->is_open = r == 0;
	return r;
}

int build_origin_image(struct built_stage *asking, const struct origin *origin,
		       const struct platform *platform, const struct image **ret_image,
		       struct err *err)
{
	struct wanted wanted = wanted_of(asking->build, origin, platform);
	struct opened *opened;
	int r;

	if (wanted.kind == OPENED_CONTEXT)
		return fail_plain(err, EINVAL, "'%s' is a build context, not an image",
				  origin->name);
	opened = entry_for(asking->build, &wanted);
	pthread_mutex_lock(&opened->lock);
	r = open_entry(asking, &wanted, opened, err);
	pthread_mutex_unlock(&opened->lock);
	if (r == 0)
		*ret_image = &opened->image;
	return r;
}

bool build_origin_is_files(const struct build *build, const struct origin *origin)
{
	return origin->kind == ORIGIN_NAMED_CONTEXT &&
	       wanted_of(build, origin, NULL).kind == OPENED_CONTEXT;
}

int build_origin_config(struct build *build, const struct origin *origin,
			const struct platform *platform, struct config *ret_config)
{
	struct wanted wanted = wanted_of(build, origin, platform);
	auto_image image = { 0 };
	struct opened *opened;
	bool is_open;

	if (wanted.kind == OPENED_CONTEXT)
		return -ENOENT;
	opened = entry_for(build, &wanted);
	pthread_mutex_lock(&opened->lock);
	is_open = opened->is_open;
	pthread_mutex_unlock(&opened->lock);
	if (is_open)
		config_copy(&opened->image.config, ret_config);
	else if (wanted.kind == OPENED_IMAGE &&
		 image_load(&build->store, wanted.text, wanted.platform, &image, NULL) == 0)
		config_copy(&image.config, ret_config);
	else
		return -ENOENT;
	return 0;
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
				   .files = build_context_files(context) };
}

static int open_tree(struct built_stage *asking, const struct wanted *wanted, struct opened *opened,
		     struct copy_tree *ret_tree, struct err *err)
{
	struct build *build = asking->build;
	int r = open_entry(asking, wanted, opened, err);

	if (r == 0 && opened->kind == OPENED_CONTEXT) {
		*ret_tree = tree_of_context(&opened->context);
		return 0;
	}
	if (r == 0)
		r = view_of_image(build, opened, err);
	if (r == 0)
		*ret_tree = (struct copy_tree){ .view = &opened->view,
						.files = &build->layer_files,
						.is_constant = true };
	return r;
}

int build_origin_tree(struct built_stage *asking, const struct origin *origin,
		      struct copy_tree *ret_tree, struct err *err)
{
	struct build *build = asking->build;
	struct wanted wanted;
	struct opened *opened;
	int r;

	switch (origin->kind) {
	case ORIGIN_CONTEXT:
		*ret_tree = tree_of_context(&build->context);
		return 0;
	case ORIGIN_STAGE:
		*ret_tree = (struct copy_tree){ .view = &build->stage[origin->stage].state.view,
						.files = &build->layer_files,
						.is_constant = true };
		return 0;
	case ORIGIN_SCRATCH:
		*ret_tree = (struct copy_tree){ .view = &build->nothing };
		return 0;
	case ORIGIN_IMAGE:
	case ORIGIN_NAMED_CONTEXT:
		break;
	}
	wanted = wanted_of(build, origin, NULL);
	opened = entry_for(build, &wanted);
	pthread_mutex_lock(&opened->lock);
	r = open_tree(asking, &wanted, opened, ret_tree, err);
	pthread_mutex_unlock(&opened->lock);
	return r;
}

int build_origin_copy(struct work *work, const struct origin *origin, const char *source,
		      const char *host_path, struct err *err)
{
	struct copy_list list = { .arena = &work->arena };
	struct copy_tree tree;
	struct place place;
	struct copy_target target = { .place = &place, .path = "/", .into = true };
	auto_view nothing;
	int r = build_origin_tree(work->stage, origin, &tree, err);

	view_init(&nothing);
	if (r < 0 || origin->kind == ORIGIN_SCRATCH)
		return r;
	r = place_init(&place, &nothing, host_path, err);
	if (r < 0)
		return r;
	r = copy_collect(&tree, source, NULL, &list, err);
	if (r == 0)
		r = copy_place(&target, &list, err);
	if (r == 0)
		r = place_finish(&place, err);
	copy_list_done(&list);
	place_done(&place);
	return r;
}

static int add_diff_ids(const struct work *work, const struct config *config,
			const struct view *view, struct strings *layers, struct err *err)
{
	const struct build *build = work->build;

	if (build->owners_are_real)
		return real_stack(&build->store, config->diff_ids, config->diff_id_count, view,
				  &work->space, layers, err);
	for (size_t i = config->diff_id_count; i-- > 0;) {
		auto_buf path = { 0 };

		layer_path(&build->store, &config->diff_ids[i], &path);
		strings_add(layers, buf_text(&path));
	}
	return 0;
}

/* A context without patterns is used as it lies there. */
static int context_layers(struct work *work, const struct origin *origin,
			  const struct build_context *context, struct strings *layers,
			  struct err *err)
{
	const struct store *store = &work->build->store;
	const char *name;

	if (context->ignore.count == 0) {
		strings_add(layers, context->path);
		return 0;
	}
	name = arena_printf(&work->arena, "%s/context-%zu", work->work_name, work->list_count);
	if (mkdirat(store->dirfd, name, 0700) < 0)
		return fail(err, errno, "make '%s' in the store", name);
	name = arena_printf(&work->arena, "%s/%s", store->path, name);
	strings_add(layers, name);
	return build_origin_copy(work, origin, ".", name, err);
}

int build_origin_layers(struct work *work, const struct origin *origin, struct strings *layers,
			struct err *err)
{
	struct build *build = work->build;
	struct wanted wanted = wanted_of(build, origin, NULL);
	struct copy_tree tree;
	const struct opened *opened;
	int r;

	if (origin->kind == ORIGIN_CONTEXT)
		return context_layers(work, origin, &build->context, layers, err);
	if (origin->kind == ORIGIN_STAGE)
		return add_diff_ids(work, &build->stage[origin->stage].state.config,
				    &build->stage[origin->stage].state.view, layers, err);
	r = build_origin_tree(work->stage, origin, &tree, err);
	if (r < 0)
		return r;
	opened = entry_for(build, &wanted);
	if (opened->kind == OPENED_CONTEXT)
		return context_layers(work, origin, &opened->context, layers, err);
	return add_diff_ids(work, &opened->image.config, tree.view, layers, err);
}

static int make_folder(struct work *work, const char **ret_path, struct err *err)
{
	const struct store *store = &work->build->store;
	const char *name = arena_printf(&work->arena, "%s/merged-%u", work->work_name,
					work->folder_count++);

	if (mkdirat(store->dirfd, name, 0755) < 0)
		return fail(err, errno, "make '%s' in the store", name);
	*ret_path = arena_printf(&work->arena, "%s/%s", store->path, name);
	return 0;
}

static int merge_context(struct work *work, const struct origin *origin, bool read_only,
			 const struct build_context *context, const char **ret_path,
			 struct err *err)
{
	int r = 0;

	if (read_only && context->ignore.count == 0) {
		*ret_path = context->path;
		return 0;
	}
	r = make_folder(work, ret_path, err);
	return r < 0 ? r : build_origin_copy(work, origin, ".", *ret_path, err);
}

static int merge_image(struct work *work, const struct config *config, const struct view *view,
		       const char **ret_path, struct owners *ret_owners, struct err *err)
{
	const struct build *build = work->build;
	char name[STORE_WORK_NAME_MAX];
	int r;

	if (config->diff_id_count == 0)
		return make_folder(work, ret_path, err);
	r = merge_private(&build->store, config->diff_ids, config->diff_id_count, name, err);
	if (r == 0)
		r = merge_owners(view, &work->arena, ret_owners, err);
	if (r == 0 && build->owners_are_real)
		r = real_copy(&build->store, name, ret_owners, &work->space, err);
	if (r == 0)
		*ret_path = arena_printf(&work->arena, "%s/%s", build->store.path, name);
	return r;
}

int build_origin_merge(struct work *work, const struct origin *origin, bool read_only,
		       const char **ret_path, struct owners *ret_owners, struct err *err)
{
	struct build *build = work->build;
	struct wanted wanted = wanted_of(build, origin, NULL);
	const struct built_stage *stage = &build->stage[origin->stage];
	struct copy_tree tree;
	const struct opened *opened;
	int r;

	*ret_owners = (struct owners){ 0 };
	if (origin->kind == ORIGIN_SCRATCH)
		return make_folder(work, ret_path, err);
	if (origin->kind == ORIGIN_CONTEXT)
		return merge_context(work, origin, read_only, &build->context, ret_path, err);
	if (origin->kind == ORIGIN_STAGE)
		return merge_image(work, &stage->state.config, &stage->state.view, ret_path,
				   ret_owners, err);
	r = build_origin_tree(work->stage, origin, &tree, err);
	if (r < 0)
		return r;
	opened = entry_for(build, &wanted);
	return opened->kind == OPENED_CONTEXT
		       ? merge_context(work, origin, read_only, &opened->context, ret_path, err)
		       : merge_image(work, &opened->image.config, tree.view, ret_path, ret_owners,
				     err);
}
