// SPDX-License-Identifier: Apache-2.0
/* build: read the Dockerfile, plan the stages, build those the target needs (build_stages.c), once
 * for each platform, and hand the image (build_image.c) to the outputs (build_output.c). */
#include "flow/build.h"

#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "flow/build_args.h"
#include "flow/build_image.h"
#include "flow/build_lint.h"
#include "flow/build_origin.h"
#include "flow/build_output.h"
#include "flow/build_secrets.h"
#include "flow/build_stages.h"
#include "image/ownership.h"
#include "tap/tap.h"

void build_request_done(struct build_request *request)
{
	strings_done(&request->tags);
	strings_done(&request->build_args);
	strings_done(&request->labels);
	strings_done(&request->contexts);
	strings_done(&request->secrets);
	strings_done(&request->ssh);
	strings_done(&request->hosts);
	strings_done(&request->device_folders);
	strings_done(&request->no_cache_stages);
	strings_done(&request->platforms);
	strings_done(&request->annotations);
	strings_done(&request->outputs);
	strings_done(&request->cache_from);
	strings_done(&request->cache_to);
}

/* ---- what was asked ---- */

/* Now, while there is one thread: probes fork. Where no engine can run anything, those build too
 * that only copy files; the first RUN says why it cannot. */
static int choose_engine(struct build *build, struct err *err)
{
	auto_buf why = { 0 };
	struct box box;
	int r;

	box_init(&box);
	if (!build->request->emulation || strcmp(build->request->emulation, "tap") == 0 ||
	    strcmp(build->request->emulation, "auto") == 0)
		box.emulation = BOX_EMULATION_TAP;
	r = engine_choose(build->request->engine, &box, &build->engine, &why, err);
	log_debug("%s", buf_text(&why));
	box_done(&box);
	if (r == 0 || !engine_is_automatic(build->request->engine))
		return r;
	build->engine = engines[0];
	err_clear(err);
	return 0;
}

static int choose_emulation(struct build *build, struct err *err)
{
	const char *name = build->request->emulation ?: "auto";

	/* What real ids do is what the tap remembers: the result, and so the key, is the same. */
	build->emulation = strcmp(name, "auto") == 0 ? "tap" : name;
	build->owners_are_real = build->engine->space &&
				 (strcmp(name, "auto") == 0 || strcmp(name, "none") == 0);
	if (build->owners_are_real || strcmp(build->emulation, "tap") != 0 || !tap_is_active())
		return 0;
	fail_plain(err, ENOTSUP,
		   "a build cannot remember owners here: it runs under root emulation "
		   "itself, and there can be only one");
	err_hint(err, "start what is around it with --root-emulation none, or give the build "
		      "--root-emulation none or seccomp");
	return -ENOTSUP;
}

/* All names first: a build must not fail at its end for a misspelt tag. */
static int check_tags(const struct build_request *request, struct err *err)
{
	for (size_t i = 0; i < request->tags.count; i++) {
		struct ref ref;
		int r = ref_parse(request->tags.item[i], &ref, err);

		if (r < 0)
			return err_wrap(err, "--tag '%s'", request->tags.item[i]);
		if (!digest_is_none(&ref.digest))
			return fail_plain(err, EINVAL, "--tag '%s': a name cannot have a digest",
					  request->tags.item[i]);
	}
	for (size_t i = 0; i < request->labels.count; i++)
		if (!strchr(request->labels.item[i], '=') || request->labels.item[i][0] == '=')
			return fail_plain(err, EINVAL, "--label '%s' is not NAME=VALUE",
					  request->labels.item[i]);
	return 0;
}

/* The context, and the Dockerfile in it or beside it. */
static int open_context(struct build *build, struct buf *text, const char **ret_name,
			struct err *err)
{
	struct build_context_request request = {
		.source = build->request->context,
		.secrets = &build->request->secrets,
		.retry = build->request->remote.retry,
	};
	const char *path;
	int r = build_arg_is_set(build, "BUILDKIT_CONTEXT_KEEP_GIT_DIR", &request.keep_git_dir,
				 err);

	if (r == 0)
		r = build_context_open(&build->context, &build->store, &request, err);
	if (r < 0)
		return r;
	r = build_context_dockerfile(&build->context, &request, build->request->file, text, &path,
				     ret_name, err);
	if (r == 0)
		r = build_context_ignore(&build->context, path, err);
	if (r < 0)
		build_context_close(&build->context);
	return r;
}

static int parse_dockerfile(struct build *build, const char *name, const struct buf *text,
			    struct err *err)
{
	int r = dockerfile_parse(&build->arena, arena_copy(&build->arena, name),
				 arena_copy_bytes(&build->arena, buf_text(text), text->size_bytes),
				 text->size_bytes, &build->dockerfile, err);

	if (r < 0)
		source_excerpt(&build->dockerfile.fault, build->excerpt);
	return r;
}

static struct build_platform *add_platform(struct build *build)
{
	struct build_platform *old = build->platform;
	struct build_platform *platform;

	build->platform = arena_array(&build->arena, struct build_platform,
				      build->platform_count + 1);
	for (size_t i = 0; i < build->platform_count; i++)
		build->platform[i] = old[i];
	platform = &build->platform[build->platform_count++];
	return platform;
}

static int choose_platform(struct build *build, const char *text, struct err *err)
{
	struct platform platform;
	char asked[64];
	char other[64];
	int r = platform_parse(text, &build->arena, &platform, err);

	if (r < 0)
		return r;
	platform_format(&platform, asked);
	for (size_t i = 0; i < build->platform_count; i++)
		if (strcmp(asked, platform_format(&build->platform[i].platform, other)) == 0)
			return 0;
	add_platform(build)->platform = platform;
	return 0;
}

/* Each once, in the order given; without any, this machine's. */
static int choose_platforms(struct build *build, struct err *err)
{
	const struct strings *given = &build->request->platforms;
	int r = 0;

	for (size_t i = 0; r == 0 && i < given->count; i++) {
		char *text = arena_copy(&build->arena, given->item[i]);

		for (char *next; r == 0 && text; text = next) {
			next = strchr(text, ',');
			if (next)
				*next++ = '\0';
			r = choose_platform(build, text, err);
		}
	}
	if (given->count == 0)
		add_platform(build)->platform = build->host;
	if (r == 0)
		r = build_arg_is_set(build, "BUILDKIT_MULTI_PLATFORM", &build->makes_index, err);
	build->makes_index |= build->platform_count > 1;
	return r;
}

static struct plan_options plan_options(const struct build *build,
					const struct build_platform *platform)
{
	return (struct plan_options){ .build_args = &build->build_args,
				      .contexts = &build->context_names,
				      .target = build->request->target,
				      .build_platform = build->host,
				      .target_platform = platform->platform };
}

/* All that a plan depends on but the Dockerfile. */
static int prepare_plans(struct build *build, struct err *err)
{
	struct config config;
	int r = build_origins_parse(build, &build->context_names, err);

	if (r < 0)
		return r;
	config_init(&config);
	build->host = (struct platform){
		.os = arena_copy(&build->arena, config.os),
		.architecture = arena_copy(&build->arena, config.architecture),
		.variant = config.variant ? arena_copy(&build->arena, config.variant) : NULL,
	};
	config_done(&config);
	return choose_platforms(build, err);
}

static int make_plan(struct build *build, struct build_platform *platform, struct err *err)
{
	const struct plan_options options = plan_options(build, platform);
	int r = plan_make(&build->arena, &build->dockerfile, &options, &build->plan, err);

	platform->plan = build->plan;
	if (r < 0)
		source_excerpt(&build->plan.fault, build->excerpt);
	return r < 0 ? r : build_check_platforms(build, err);
}

/* Of every platform, before anything is done for one. */
static int make_plans(struct build *build, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < build->platform_count; i++)
		r = make_plan(build, &build->platform[i], err);
	for (size_t i = 0; r == 0 && i < build->plan.unused_args.count; i++)
		log_warning("build argument '%s' is used by no ARG",
			    build->plan.unused_args.item[i]);
	return r;
}

/* ---- the image ---- */

/* Which Dockerfile it is, to tell what changed since its last build. */
static const char *trail_topic(struct build *build, const struct platform *platform)
{
	char text[64];

	const struct build_request *request = build->request;
	const struct build_context *context = &build->context;

	return arena_printf(&build->arena, "%s\n%s\n%s",
			    context->is_local ? context->path : request->context,
			    request->file ?: "", platform_format(platform, text));
}

/* What the checks find is the same for every platform: it is told with the first. */
static int build_platform(struct build *build, struct build_platform *platform, struct err *err)
{
	bool is_first = platform == build->platform;
	int r;

	build->plan = platform->plan;
	r = is_first ? build_lint_first(build, err) : 0;
	if (r < 0)
		return r;
	build_trail_open(&build->trail, &build->store, trail_topic(build, &platform->platform));
	r = build_stages(build, err);
	if (r == 0)
		r = build_image_write(build, platform, err);
	if (is_first)
		build_lint_last(build);
	build_stages_done(build);
	build_trail_close(&build->trail, r == 0);
	return r;
}

static int build_platforms(struct build *build, struct err *err)
{
	int r = 0;

	build_files_open(&build->layer_files, &build->store, "layers");
	view_init(&build->nothing);
	for (size_t i = 0; r == 0 && i < build->platform_count; i++)
		r = build_platform(build, &build->platform[i], err);
	view_done(&build->nothing);
	build_files_close(&build->layer_files);
	return r;
}

/* Nothing is to be built. */
static bool is_question(const struct build *build)
{
	return build->check || build->describe;
}

static int check_only(struct build *build, struct err *err)
{
	const struct plan_options options = plan_options(build, build->platform);

	if (build->describe)
		return build_describe_plan(build, &options, build->describe, err);
	return build_lint(build, &options, build->check, err);
}

static int build_with_context(struct build *build, const char *name, const struct buf *text,
			      struct err *err)
{
	int r = parse_dockerfile(build, name, text, err);

	if (r == 0)
		r = prepare_plans(build, err);
	if (r == 0 && is_question(build))
		return check_only(build, err);
	if (r == 0)
		r = make_plans(build, err);
	if (r == 0)
		r = build_args_choose_epoch(build, err);
	if (r == 0)
		r = build_annotations_parse(&build->request->annotations, build->makes_index,
					    &build->arena, &build->annotations, err);
	if (r == 0)
		r = build_outputs_parse(build, err);
	if (r == 0)
		r = build_platforms(build, err);
	if (r == 0)
		r = build_image_finish(build, err);
	if (r == 0)
		r = build_outputs_write(build, err);
	if (r == 0)
		r = build_caches_write(build, err);
	if (r == 0 && build->request->metadata_file)
		r = build_image_metadata(build, err);
	return r;
}

static int build_in_store(struct build *build, struct err *err)
{
	auto_buf text = { 0 };
	const char *name;
	int r = open_context(build, &text, &name, err);

	if (r < 0)
		return r;
	r = build_with_context(build, name, &text, err);
	build_context_close(&build->context);
	return r;
}

/* Everything but the request, the events and what is found. */
static int run(struct build *build, struct err *err)
{
	int r = check_tags(build->request, err);

	build_args_collect(build);
	pthread_mutex_init(&build->lock, NULL);
	pthread_mutex_init(&build->events_lock, NULL);
	pthread_cond_init(&build->progress, NULL);
	if (r == 0 && !is_question(build))
		r = build_secrets_check(&build->request->secrets, &build->request->ssh, err);
	if (r == 0)
		r = choose_engine(build, err);
	if (r == 0)
		r = choose_emulation(build, err);
	if (r == 0)
		r = store_open(build->request->store, &build->store, err);
	if (r == 0)
		r = store_announce(&build->store, err);
	if (r == 0)
		r = build_caches_init(build, err);
	if (r == 0)
		r = build_in_store(build, err);
	build_caches_done(build);
	map_done(&build->steps_under_way);
	build_origins_done(build);
	strings_done(&build->build_args);
	strings_done(&build->context_names);
	store_done(&build->store);
	arena_done(&build->arena);
	return r;
}

int build(const struct build_request *request, const struct build_events *events,
	  struct build_result *ret_result, struct buf *ret_excerpt, struct err *err)
{
	struct build build = {
		.request = request, .events = events, .store = STORE_NONE, .excerpt = ret_excerpt
	};
	int r = run(&build, err);

	if (r == 0)
		*ret_result = build.result;
	return r;
}

int build_check(const struct build_request *request, struct build_findings *ret_findings,
		struct buf *ret_excerpt, struct err *err)
{
	static const struct build_events silent;
	struct build build = { .request = request,
			       .events = &silent,
			       .check = ret_findings,
			       .store = STORE_NONE,
			       .excerpt = ret_excerpt };

	return run(&build, err);
}

int build_describe(const struct build_request *request, struct build_description *ret_description,
		   struct buf *ret_excerpt, struct err *err)
{
	static const struct build_events silent;
	struct build build = { .request = request,
			       .events = &silent,
			       .describe = ret_description,
			       .store = STORE_NONE,
			       .excerpt = ret_excerpt };

	return run(&build, err);
}
