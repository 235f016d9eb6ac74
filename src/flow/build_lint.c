// SPDX-License-Identifier: Apache-2.0
#include "flow/build_lint.h"

#include <string.h>

#include "base/banned.h"
#include "dockerfile/lint.h"
#include "flow/build_origin.h"

void build_findings_done(struct build_findings *findings)
{
	arena_done(&findings->arena);
	*findings = (struct build_findings){ 0 };
}

/* ---- base images ---- */

struct asking {
	struct build *build;
	bool fetches;
	struct err *err; /* why one could not be fetched */
};

/* With a line of its own among the steps: it may take as long as a download. */
static int fetch_config(struct asking *asking, const struct stage *stage, struct config *ret_config)
{
	struct built_stage told = { .build = asking->build, .plan = stage, .position = "[check]" };
	struct fault fault = { 0 };
	const struct image *image;
	int r;

	build_tell(&told,
		   (struct build_event){ .kind = BUILD_STEP, .text = stage->from->line.text });
	r = build_origin_image(&told, &stage->base, &stage->platform, &image, asking->err);
	build_tell(&told, (struct build_event){ .kind = BUILD_END,
						.outcome = r < 0 ? BUILD_FAILED : BUILD_DONE });
	if (r < 0) {
		fault_wrap(&fault, &asking->build->dockerfile.source, instruction_mark(stage->from),
			   asking->err, "FROM");
		source_excerpt(&fault, asking->build->excerpt);
		return r;
	}
	config_copy(&image->config, ret_config);
	return 0;
}

static int base_config(void *data, const struct stage *stage, struct config *ret_config)
{
	struct asking *asking = data;
	int r = build_origin_config(asking->build, &stage->base, &stage->platform, ret_config);

	if (r == 0 || !asking->fetches || !stage->is_needed || asking->err->code)
		return r;
	return fetch_config(asking, stage, ret_config);
}

/* ---- findings ---- */

static const char *rule_url(struct arena *arena, enum lint_rule rule)
{
	auto_buf url = { 0 };

	lint_rule_url(rule, &url);
	return arena_copy(arena, buf_text(&url));
}

static const char *excerpt_of(struct arena *arena, const struct source *source, struct mark at)
{
	const struct fault fault = { source, at };
	auto_buf excerpt = { 0 };

	source_excerpt(&fault, &excerpt);
	return arena_copy(arena, buf_text(&excerpt));
}

static void take_findings(const struct source *source, const struct lint *lint,
			  struct build_findings *findings)
{
	struct arena *arena = &findings->arena;

	findings->file = arena_copy(arena, source->name);
	findings->text = arena_copy_bytes(arena, source->text, source->size_bytes);
	findings->text_bytes = source->size_bytes;
	findings->item = arena_array(arena, struct build_finding, lint->count);
	findings->count = lint->count;
	for (size_t i = 0; i < lint->count; i++) {
		const struct lint_finding *finding = &lint->finding[i];

		findings->item[i] = (struct build_finding){
			.rule = lint_rule_name(finding->rule),
			.description = lint_rule_description(finding->rule),
			.url = rule_url(arena, finding->rule),
			.message = arena_copy(arena, finding->message),
			.at = finding->at,
			.excerpt = excerpt_of(arena, source, finding->at),
		};
	}
}

/* The build argument counts in place of the file's directive, as in BuildKit. */
static const char *check_argument(const struct build *build)
{
	return strings_env_get(&build->build_args, "BUILDKIT_DOCKERFILE_CHECK");
}

static int lint(struct build *build, const struct lint_options *options,
		struct build_findings *ret_findings, bool *ret_is_error, struct err *err)
{
	const struct dockerfile *dockerfile = &build->dockerfile;
	struct lint result;
	int r = lint_dockerfile(&build->arena, dockerfile, options, &result, err);

	take_findings(&dockerfile->source, &result, ret_findings);
	if (r < 0)
		source_excerpt(&result.fault, build->excerpt);
	*ret_is_error = result.is_error;
	return r;
}

int build_lint(struct build *build, const struct plan_options *options,
	       struct build_findings *ret_findings, struct err *err)
{
	struct asking asking = { .build = build, .err = err };
	const struct lint_options lint_options = { .plan = options,
						   .check = check_argument(build),
						   .ignore = &build->context.ignore,
						   .base_config = base_config,
						   .data = &asking };
	bool is_error;

	return lint(build, &lint_options, ret_findings, &is_error, err);
}

/* ---- descriptions ---- */

void build_description_done(struct build_description *description)
{
	arena_done(&description->arena);
	*description = (struct build_description){ 0 };
}

/* The Dockerfile is parsed again, for the build and its arena are gone when this is shown. */
static int describe(struct build *build, const struct plan_options *options, struct plan *plan,
		    struct build_description *description, struct err *err)
{
	const struct source *source = &build->dockerfile.source;
	struct asking asking = { .build = build, .err = err };
	struct arena *arena = &description->arena;
	struct dockerfile *dockerfile = arena_new(arena, struct dockerfile);
	int r;

	description->text = arena_copy_bytes(arena, source->text, source->size_bytes);
	description->text_bytes = source->size_bytes;
	r = dockerfile_parse(arena, arena_copy(arena, source->name), description->text,
			     description->text_bytes, dockerfile, err);
	if (r == 0)
		r = plan_make(arena, dockerfile, options, plan, err);
	if (r < 0)
		return r;
	outline_targets(arena, plan, &description->target, &description->target_count);
	return outline_make(arena, plan, base_config, &asking, &description->outline, &plan->fault,
			    err);
}

int build_describe_plan(struct build *build, const struct plan_options *options,
			struct build_description *ret_description, struct err *err)
{
	struct plan plan = { 0 };
	int r = describe(build, options, &plan, ret_description, err);

	if (r < 0)
		source_excerpt(&plan.fault, build->excerpt);
	return r;
}

/* ---- in a build ---- */

static void tell(struct build *build, const struct build_findings *findings)
{
	if (findings->count && build->events->found)
		build->events->found(build->events->context, findings);
}

static int fail_for(const struct build *build, const struct build_findings *findings,
		    struct err *err)
{
	fail_plain(err, EINVAL, "build checks failed:");
	for (size_t i = 0; i < findings->count; i++) {
		const struct build_finding *finding = &findings->item[i];

		buf_add_text(build->excerpt, finding->excerpt);
		err_append(err, "%s %s (%s:%u)", i ? "," : "", finding->rule, findings->file,
			   finding->at.line);
	}
	err_hint(err, "the Dockerfile, or BUILDKIT_DOCKERFILE_CHECK, says check=error=true; skip= "
		      "of the same lets a rule pass");
	return -EINVAL;
}

static int check_strictly(struct build *build, struct lint_options *options, struct err *err)
{
	auto_build_findings findings = { 0 };
	struct err why = { 0 };
	struct asking asking = { .build = build, .fetches = true, .err = &why };
	bool is_error = false;
	int r;

	options->data = &asking;
	r = lint(build, options, &findings, &is_error, err);
	if (why.code) {
		*err = why;
		return -why.code;
	}
	if (r == 0 && !is_error)
		return 0;
	tell(build, &findings);
	return r < 0 ? r : fail_for(build, &findings, err);
}

static struct lint_options options_of(struct build *build)
{
	return (struct lint_options){ .plan = &build->plan.options,
				      .only_needed = true,
				      .check = check_argument(build),
				      .ignore = &build->context.ignore,
				      .base_config = base_config };
}

int build_lint_first(struct build *build, struct err *err)
{
	struct lint_options options = options_of(build);
	struct fault fault = { 0 };
	bool can_fail;
	int r = lint_can_fail(&build->dockerfile, &options, &can_fail, &fault, err);

	if (r < 0)
		source_excerpt(&fault, build->excerpt);
	return r == 0 && can_fail ? check_strictly(build, &options, err) : r;
}

/* Where a stage failed, its lint may too; the build has said why. */
void build_lint_last(struct build *build)
{
	auto_build_findings findings = { 0 };
	struct lint_options options = options_of(build);
	struct asking asking = { .build = build };
	struct lint result;

	if (!build->events->found)
		return;
	options.data = &asking;
	if (lint_dockerfile(&build->arena, &build->dockerfile, &options, &result, NULL) < 0 &&
	    !result.count)
		return;
	take_findings(&build->dockerfile.source, &result, &findings);
	tell(build, &findings);
}
