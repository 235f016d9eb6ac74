// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/environment.h"

#include <string.h>

#include "dockerfile/list.h"

static struct setting *find(const struct environment *environment, const char *name)
{
	for (size_t i = 0; i < environment->count; i++)
		if (!strcmp(environment->item[i].name, name))
			return &environment->item[i];
	return NULL;
}

void environment_set(struct environment *environment, const char *name, const char *value)
{
	struct setting *setting = find(environment, name);

	if (!setting) {
		setting = list_add(environment->arena, environment->item, environment->count);
		setting->name = arena_copy(environment->arena, name);
	}
	setting->value = arena_copy(environment->arena, value);
}

const char *environment_get(const struct environment *environment, const char *name)
{
	const struct setting *setting = find(environment, name);

	return setting ? setting->value : NULL;
}

void environment_set_text(struct environment *environment, const char *text)
{
	const char *equals = strchr(text, '=');

	if (!equals)
		environment_set(environment, text, "");
	else
		environment_set(environment,
				arena_copy_bytes(environment->arena, text, (size_t)(equals - text)),
				equals + 1);
}

struct texts environment_texts(struct arena *arena, const struct environment *environment)
{
	struct texts texts = {
		.item = arena_array(arena, const char *, environment->count + 1),
		.count = environment->count,
	};

	for (size_t i = 0; i < environment->count; i++)
		texts.item[i] = arena_printf(arena, "%s=%s", environment->item[i].name,
					     environment->item[i].value);
	return texts;
}

static const char *get_variable(const void *data, const char *name)
{
	return environment_get(data, name);
}

struct variables environment_variables(const struct environment *environment)
{
	return (struct variables){ get_variable, environment };
}

void texts_add(struct arena *arena, struct texts *texts, const char *text)
{
	/* as list_add, but that the NULL at the end takes a place too */
	if (!texts->item)
		texts->item = arena_array(arena, const char *, 2);
	else if (!((texts->count + 1) & texts->count)) {
		const char **moved = arena_array(arena, const char *, (texts->count + 1) * 2);

		memcpy(moved, texts->item, texts->count * sizeof(*moved));
		texts->item = moved;
	}
	texts->item[texts->count++] = text;
	texts->item[texts->count] = NULL;
}
