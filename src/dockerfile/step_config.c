// SPDX-License-Identifier: Apache-2.0
/* EXPOSE and HEALTHCHECK, whose values have a form of their own. */
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "dockerfile/check.h"
#include "dockerfile/eval_word.h"
#include "dockerfile/values.h"

static int add_ports(struct making *making, const struct word *word, const char *text)
{
	struct port_range range;

	if (port_range_parse(making->arena, text, &range, making->err) < 0)
		return make_wrap(making, word);
	for (unsigned port = range.first; port <= range.last; port++)
		texts_add(making->arena, &making->step->texts,
			  arena_printf(making->arena, "%u/%s", port, range.protocol));
	return 0;
}

int make_expose(struct making *making)
{
	const struct instruction *instruction = making->instruction;

	for (size_t i = 0; i < instruction->arg_count; i++) {
		const struct word *word = &instruction->arg[i];
		struct texts words = { 0 };
		int r = make_texts(making, word, &words);

		for (size_t k = 0; r == 0 && k < words.count; k++)
			r = add_ports(making, word, words.item[k]);
		if (r < 0)
			return r;
	}
	making->step->created_by = make_joined(making->arena, "EXPOSE", &making->step->texts);
	return 0;
}

/* The flag's value was checked before anything was built: it has no variables. */
static int64_t interval(const struct instruction *instruction, const char *name)
{
	const char *text = flag_text(instruction, name);
	int64_t ns = 0;

	return text && *text && duration_parse(text, &ns, NULL) == 0 ? ns : 0;
}

int make_health(struct making *making)
{
	const struct instruction *instruction = making->instruction;
	struct step_health *health = &making->step->health;
	const char *retries = flag_text(instruction, "retries");

	if (!strcasecmp(instruction->arg[0].text, "NONE")) {
		texts_add(making->arena, &health->test, "NONE");
		making->step->created_by = "HEALTHCHECK NONE";
		return 0;
	}
	texts_add(making->arena, &health->test, instruction->is_json ? "CMD" : "CMD-SHELL");
	for (size_t i = 1; i < instruction->arg_count; i++)
		texts_add(making->arena, &health->test, instruction->arg[i].text);
	health->interval_ns = interval(instruction, "interval");
	health->timeout_ns = interval(instruction, "timeout");
	health->start_period_ns = interval(instruction, "start-period");
	health->start_interval_ns = interval(instruction, "start-interval");
	if (retries && number_parse_u32(retries, &health->retries) < 0)
		health->retries = 0; /* "--retries=" is as good as none */
	making->step->created_by = make_quoted(making->arena, "HEALTHCHECK", &health->test);
	return 0;
}
