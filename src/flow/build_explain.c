// SPDX-License-Identifier: Apache-2.0
#include "flow/build_explain.h"

#include <string.h>

#include "base/banned.h"
#include "flow/build_miss.h"

struct trail_step build_trail_step(const struct built_stage *stage, const char *text,
				   const char *key_hex, char label[64])
{
	return (struct trail_step){ .stage = stage_label(stage->plan, label),
				    .number = stage->ordinal,
				    .text = text,
				    .key = key_hex };
}

static void compare(struct work *work, const struct trail_step *step, const struct trail_step *then,
		    const struct build_key *key, struct strings *reasons)
{
	auto_buf inputs = { 0 };

	if (strcmp(then->text, step->text) != 0)
		strings_printf(reasons, "the instruction was '%s'", then->text);
	if (build_cache_inputs(&work->build->store, then->key, &inputs, NULL) < 0 ||
	    build_miss_compare(buf_text(&inputs), key->inputs.bytes, or_empty(work->stage->below),
			       reasons, NULL) < 0)
		strings_add(reasons, "what it was made from last time is no longer in the cache");
}

static void find_reasons(struct work *work, const struct trail_step *step,
			 const struct build_key *key, struct strings *reasons)
{
	const struct trail_step *then;

	if (work->stage->no_cache) {
		strings_add(reasons, "--no-cache");
		return;
	}
	then = build_trail_find(&work->build->trail, step);
	if (!then)
		strings_add(reasons, "nothing like it was built before in this store");
	else if (strcmp(then->key, step->key) == 0)
		strings_add(reasons, "its result is no longer in the store");
	else
		compare(work, step, then, key, reasons);
}

void build_explain(struct work *work, const struct trail_step *step, const struct build_key *key)
{
	auto_strings reasons = { 0 };

	find_reasons(work, step, key, &reasons);
	strings_each(&reasons, reason)
		build_tell(work->stage, (struct build_event){ .kind = BUILD_MISS, .text = reason });
}
