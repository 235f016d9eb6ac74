/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the lint. */
#ifndef DOCKERFILE_LINT_RULES_H
#define DOCKERFILE_LINT_RULES_H

#include "dockerfile/lint.h"

struct lint_config {
	bool skips_all;
	bool skips[LINT_RULES];
	bool enables_all; /* of the experimental ones */
	bool enables[LINT_RULES];
	bool is_error;
};

struct linter {
	struct arena *arena;
	const struct dockerfile *dockerfile;
	const struct lint_options *options;
	struct lint *lint;
	struct lint_config config;
	struct plan plan;
};

/* The value of a `# check=` directive or comment, added to what config says already. */
int lint_config_parse(struct lint_config *config, const char *text, struct err *err) must_check;
bool lint_rule_is_experimental(enum lint_rule rule);

/* Report, unless the file or a comment above the instruction says not to. */
void lint_report(struct linter *linter, const struct instruction *instruction, enum lint_rule rule,
		 struct mark at, const char *format, ...) printf_like(5, 6);

/* Everything that needs no values: names, casing, comments, forms. */
void lint_text(struct linter *linter);
/* FROM lines, with the plan made. */
void lint_stages(struct linter *linter);
/* Every step of every stage. */
int lint_steps(struct linter *linter, struct err *err) must_check;

#endif
