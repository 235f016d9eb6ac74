// SPDX-License-Identifier: Apache-2.0
/* What a name in FROM, COPY --from or RUN --mount=from= means: a stage, a named context, an image.
 */
#include "dockerfile/origin.h"

#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "dockerfile/check.h"
#include "dockerfile/list.h"
#include "dockerfile/mount.h"
#include "image/ref.h"

/* "docker.io/library/alpine:latest" and "alpine" are the same name for a named context. */
static const char *canonical(struct arena *arena, const char *name)
{
	static const char latest[] = ":latest";
	char text[REF_TEXT_MAX];
	struct ref ref;
	char *copy;

	if (ref_parse(name, &ref, NULL) < 0)
		return name;
	copy = arena_copy(arena, ref_familiar(&ref, text));
	if (text_ends(copy, latest))
		copy[strlen(copy) - strlen(latest)] = '\0';
	return copy;
}

const char *plan_find_context(const struct plan *plan, const char *name)
{
	auto_arena scratch = { 0 };
	const char *wanted;

	if (!plan->options.contexts || !strcasecmp(name, "scratch") || !strcasecmp(name, "context"))
		return NULL;
	wanted = canonical(&scratch, name);
	strings_each(plan->options.contexts, context)
		if (!strcmp(context, name) || !strcmp(canonical(&scratch, context), wanted))
			return context;
	return NULL;
}

size_t plan_find_stage(const struct plan *plan, const char *name, size_t limit)
{
	for (size_t i = limit; i > 0; i--)
		if (plan->stage[i - 1].name && !strcasecmp(plan->stage[i - 1].name, name))
			return i - 1;
	return plan->stage_count;
}

struct origin plan_origin_of_name(const struct plan *plan, const char *name)
{
	const char *context = plan_find_context(plan, name);

	if (!strcmp(name, "scratch"))
		return (struct origin){ .kind = ORIGIN_SCRATCH, .name = name };
	if (context)
		return (struct origin){ .kind = ORIGIN_NAMED_CONTEXT, .name = context };
	return (struct origin){ .kind = ORIGIN_IMAGE, .name = name };
}

int plan_check_image(const char *name, struct err *err)
{
	struct ref ref;

	return ref_parse(name, &ref, err);
}

int plan_origin(const struct plan *plan, size_t stage, const char *name, struct origin *ret_origin,
		struct err *err)
{
	struct origin origin = { .kind = ORIGIN_STAGE, .name = name };
	uint32_t number;

	if (number_parse_u32(name, &number) == 0) {
		if (number >= plan->stage_count)
			return fail_plain(err, EINVAL,
					  "invalid stage index %u: the stages are "
					  "0 to %zu",
					  number, plan->stage_count - 1);
		origin.stage = number;
		*ret_origin = origin;
		return 0;
	}
	origin.stage = plan_find_stage(plan, name, stage);
	if (origin.stage == plan->stage_count)
		origin.stage = plan_find_stage(plan, name, plan->stage_count);
	if (origin.stage == plan->stage_count ||
	    (origin.stage == stage && plan->stage[stage].is_replaced))
		origin = plan_origin_of_name(plan, name);
	if (origin.kind == ORIGIN_IMAGE && plan_check_image(name, err) < 0)
		return err_wrap(err, "'%s' is neither a stage nor an image", name);
	*ret_origin = origin;
	return 0;
}

static int copy_from(const struct plan *plan, struct arena *arena,
		     const struct instruction *instruction, const char **ret_from, struct err *err)
{
	const char *from = flag_text(instruction, "from");
	struct expansion plain = { .arena = arena, .escape = plan->dockerfile->escape };
	const char *text;

	if (from && (expand_word(&plain, from, &text, err) < 0 || strcmp(text, from) != 0))
		return fail_plain(err, EINVAL,
				  "variable expansion is not supported for --from, define a new "
				  "stage with FROM using ARG from global scope as a workaround");
	*ret_from = from;
	return 0;
}

static int add_origin(const struct plan *plan, struct arena *arena, size_t stage, const char *name,
		      struct origins *origins, struct err *err)
{
	struct origin origin;
	int r;

	if (!name || !*name)
		return 0;
	r = plan_origin(plan, stage, name, &origin, err);
	if (r == 0)
		*list_add(arena, origins->item, origins->count) = origin;
	return r;
}

int plan_instruction_origins(const struct plan *plan, struct arena *arena, size_t stage,
			     const struct instruction *instruction, struct origins *origins,
			     struct err *err)
{
	const char *from;
	int r = 0;

	if (instruction->kind == INSTRUCTION_COPY) {
		r = copy_from(plan, arena, instruction, &from, err);
		return r < 0 ? r : add_origin(plan, arena, stage, from, origins, err);
	}
	if (instruction->kind != INSTRUCTION_RUN)
		return 0;
	for (size_t i = 0; r == 0 && i < instruction->flag_count; i++) {
		if (strcmp(instruction->flag[i].name, "mount") != 0)
			continue;
		r = mount_from(arena, instruction->flag[i].value, &from, err);
		if (r == 0)
			r = add_origin(plan, arena, stage, from, origins, err);
	}
	return r;
}
