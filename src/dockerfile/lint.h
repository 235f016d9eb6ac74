/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a Dockerfile that would build, by the names of BuildKit's rules.
 *
 * `# check=skip=RULE,RULE;error=true;experimental=all` on top of the file, or the same in a comment
 * directly above an instruction, switches rules off (skip=all: all of them), makes any finding an
 * error, or switches the experimental ones on. Source: docs.docker.com/reference/build-checks. */
#ifndef DOCKERFILE_LINT_H
#define DOCKERFILE_LINT_H

#include "dockerfile/eval.h"
#include "dockerfile/ignore.h"
#include "dockerfile/plan.h"

enum lint_rule {
	LINT_STAGE_NAME_CASING,
	LINT_FROM_AS_CASING,
	LINT_NO_EMPTY_CONTINUATION,
	LINT_CONSISTENT_INSTRUCTION_CASING,
	LINT_DUPLICATE_STAGE_NAME,
	LINT_RESERVED_STAGE_NAME,
	LINT_JSON_ARGS_RECOMMENDED,
	LINT_MAINTAINER_DEPRECATED,
	LINT_UNDEFINED_ARG_IN_FROM,
	LINT_WORKDIR_RELATIVE_PATH,
	LINT_UNDEFINED_VAR,
	LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED,
	LINT_LEGACY_KEY_VALUE_FORMAT,
	LINT_INVALID_BASE_IMAGE_PLATFORM,
	LINT_REDUNDANT_TARGET_PLATFORM,
	LINT_SECRETS_USED_IN_ARG_OR_ENV,
	LINT_INVALID_DEFAULT_ARG_IN_FROM,
	LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED,
	LINT_COPY_IGNORED_FILE,		     /* experimental */
	LINT_INVALID_DEFINITION_DESCRIPTION, /* experimental */
	LINT_EXPOSE_PROTO_CASING,
	LINT_EXPOSE_INVALID_FORMAT,
	LINT_RULES,
};

struct lint_finding {
	enum lint_rule rule;
	struct mark at; /* in the Dockerfile; source_excerpt draws it */
	const char *message;
};

struct lint_options {
	const struct plan_options *plan; /* with a target only the stages it needs are checked */
	bool only_needed;		 /* also without one: those of the last stage */
	const char *check;		 /* counts instead of the file's directive; or NULL */
	const struct ignore *ignore;	 /* the context's .dockerignore, or NULL */
	bool experimental;		 /* as with check=experimental=all */
	/* Fill ret_config (empty before) with that of the image or context a stage begins with;
	 * negative when it is not at hand: what depends on it is not checked then. May be NULL. */
	int (*base_config)(void *data, const struct stage *stage, struct config *ret_config);
	void *data;
};

struct lint {
	struct lint_finding *finding; /* by line, then column, then rule */
	size_t count;
	bool is_error; /* check=error=true, and something was found */
	struct fault fault;
};

/* -EINVAL when the Dockerfile would not build, with what was found until then. */
int lint_dockerfile(struct arena *arena, const struct dockerfile *dockerfile,
		    const struct lint_options *options, struct lint *ret_lint,
		    struct err *err) must_check;

/* May a finding be an error, by the directive or by a comment? -EINVAL when the directive, or
 * options->check, makes no sense. */
int lint_can_fail(const struct dockerfile *dockerfile, const struct lint_options *options,
		  bool *ret_can_fail, struct fault *fault, struct err *err) must_check;

const char *lint_rule_name(enum lint_rule rule);	/* "StageNameCasing" */
const char *lint_rule_description(enum lint_rule rule); /* one sentence */
/* Where the rule is explained; added to buf. */
void lint_rule_url(enum lint_rule rule, struct buf *buf);

#endif
