// SPDX-License-Identifier: Apache-2.0
#include "flow/change.h"

#include <string.h>

#include "base/banned.h"
#include "dockerfile/eval.h"

static int apply(struct config *config, const char *text, size_t size_bytes, struct err *err)
{
	auto_arena arena = { 0 };
	struct dockerfile dockerfile;
	struct plan plan;
	struct evaluation evaluation;
	struct platform host = platform_host();
	struct plan_options options = { .build_platform = host, .target_platform = host };
	int r = dockerfile_parse(&arena, "change", text, size_bytes, &dockerfile, err);

	if (r == 0)
		r = plan_make(&arena, &dockerfile, &options, &plan, err);
	if (r == 0)
		r = evaluation_begin(&evaluation, &arena, &plan, 0, config, NULL, err);
	for (size_t i = 0; r == 0 && i < evaluation.step_count; i++) {
		const struct step *step;

		r = evaluation_step(&evaluation, i, &step, err);
		if (r < 0)
			break;
		if (step->kind == INSTRUCTION_RUN || step->kind == INSTRUCTION_COPY ||
		    step->kind == INSTRUCTION_ADD)
			return fail_plain(err, EINVAL, "%s changes more than the config",
					  step->instruction->name);
		evaluation_apply(&evaluation, step);
	}
	return r;
}

int config_change(struct config *config, const struct strings *changes, struct err *err)
{
	strings_each(changes, change) {
		auto_buf text = { 0 };
		int r;

		/* a line, and one line only: FROM in it would begin another stage */
		if (strchr(change, '\n'))
			return fail_plain(err, EINVAL, "change '%s': more than one line", change);
		buf_printf(&text, "FROM scratch\n%s\n", change);
		r = apply(config, text.bytes, text.size_bytes, err);
		if (r < 0)
			return err_wrap(err, "change '%s'", change);
	}
	return 0;
}
