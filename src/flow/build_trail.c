// SPDX-License-Identifier: Apache-2.0
#include "flow/build_trail.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "codec/json.h"
#include "codec/sha256.h"
#include "rootfs/level.h"

#define FOLDER	    "cache/trails"
#define TRAIL_BYTES ((size_t)4 << 20)
#define OTHERS_MAX  1000 /* trails of other Dockerfiles that are looked into */
#define NAME_PREFIX FOLDER "/"
/* Weights of what two steps have in common; each above the sum of those below it. */
#define FIT_STAGE 1000
#define FIT_TEXT  10000

static void add(struct trail_steps *steps, struct arena *arena, const struct trail_step *step)
{
	if (steps->count == steps->room) {
		steps->room = steps->room ? steps->room * 2 : 16;
		steps->item = memory_resize(steps->item, steps->room, sizeof(*steps->item));
	}
	steps->item[steps->count++] = (struct trail_step){ .stage = arena_copy(arena, step->stage),
							   .number = step->number,
							   .text = arena_copy(arena, step->text),
							   .key = arena_copy(arena, step->key) };
}

/* ---- the file ---- */

static void parse_step(const struct json *json, struct arena *arena, struct trail_steps *steps)
{
	struct trail_step step = { .stage = json_get_text(json, "stage"),
				   .text = json_get_text(json, "text"),
				   .key = json_get_text(json, "key") };
	uint64_t number;

	if (!step.stage || !step.text || !step.key ||
	    json_need_u64(json, "number", &number, NULL) < 0)
		return;
	step.number = (size_t)number;
	add(steps, arena, &step);
}

static void read_trail(const struct store *store, const char *name, struct arena *arena,
		       struct trail_steps *steps)
{
	auto_buf text = { 0 };
	auto_json *json = NULL;
	const struct json *list;

	if (io_read_file_at(store->dirfd, name, TRAIL_BYTES, &text, NULL) < 0 ||
	    json_parse(buf_text(&text), text.size_bytes, &json, NULL) < 0)
		return;
	list = json_get(json, "steps");
	for (size_t i = 0; i < json_count(list); i++)
		parse_step(json_at(list, i), arena, steps);
}

void build_trail_open(struct build_trail *trail, const struct store *store, const char *topic)
{
	char hex[SHA256_HEX_LENGTH + 1];

	*trail = (struct build_trail){ .store = store };
	pthread_mutex_init(&trail->lock, NULL);
	sha256_hex(topic, strlen(topic), hex);
	snprintf(trail->name, sizeof(trail->name), NAME_PREFIX "%s", hex);
	read_trail(store, trail->name, &trail->arena, &trail->then);
}

static bool same_steps(const struct trail_steps *a, const struct trail_steps *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->item[i].key, b->item[i].key) != 0 ||
		    strcmp(a->item[i].text, b->item[i].text) != 0 ||
		    strcmp(a->item[i].stage, b->item[i].stage) != 0 ||
		    a->item[i].number != b->item[i].number)
			return false;
	return true;
}

static int compare_steps(const void *left, const void *right)
{
	const struct trail_step *a = left;
	const struct trail_step *b = right;
	int order = strcmp(a->stage, b->stage);

	return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* How far this build came in a stage; 0: it did not begin it. */
static size_t reached(const struct trail_steps *steps, const char *stage)
{
	size_t last = 0;

	for (size_t i = 0; i < steps->count; i++)
		if (strcmp(steps->item[i].stage, stage) == 0 && steps->item[i].number > last)
			last = steps->item[i].number;
	return last;
}

/* Stages that were not built this time, and what a failed build did not reach. */
static void keep_rest(struct build_trail *trail, bool succeeded)
{
	size_t count = trail->now.count;

	for (size_t i = 0; i < trail->then.count; i++) {
		const struct trail_step *step = &trail->then.item[i];
		struct trail_steps now = { trail->now.item, count, count };
		size_t last = reached(&now, step->stage);

		if (last == 0 || (!succeeded && step->number > last))
			add(&trail->now, &trail->arena, step);
	}
	if (trail->now.count)
		qsort(trail->now.item, trail->now.count, sizeof(*trail->now.item), compare_steps);
}

static int save(const struct build_trail *trail, struct err *err)
{
	auto_json *json = json_new_object();
	struct json *list = json_new_array();
	auto_buf text = { 0 };
	int r = store_make_folder(trail->store, FOLDER, err);

	json_set(json, "steps", list);
	for (size_t i = 0; i < trail->now.count; i++) {
		const struct trail_step *step = &trail->now.item[i];
		struct json *item = json_new_object();

		json_set_text(item, "stage", step->stage);
		json_set_integer(item, "number", (int64_t)step->number);
		json_set_text(item, "text", step->text);
		json_set_text(item, "key", step->key);
		json_add(list, item);
	}
	json_print(json, JSON_ONE_LINE, &text);
	buf_add_char(&text, '\n');
	return r < 0 ? r
		     : io_replace_file_unsynced_at(trail->store->dirfd, trail->name, text.bytes,
						   text.size_bytes, 0600, err);
}

void build_trail_add(struct build_trail *trail, const struct trail_step *step)
{
	pthread_mutex_lock(&trail->lock);
	add(&trail->now, &trail->arena, step);
	pthread_mutex_unlock(&trail->lock);
}

void build_trail_close(struct build_trail *trail, bool succeeded)
{
	struct err err = { 0 };

	keep_rest(trail, succeeded);
	if (!same_steps(&trail->now, &trail->then) && save(trail, &err) < 0)
		log_verbose("the steps of this build are not remembered: %s", err.text);
	pthread_mutex_destroy(&trail->lock);
	free(trail->then.item);
	free(trail->now.item);
	arena_done(&trail->arena);
	*trail = (struct build_trail){ 0 };
}

/* ---- finding ---- */

static bool same_instruction(const char *a, const char *b)
{
	size_t length = strcspn(a, " \t");

	return length == strcspn(b, " \t") && strncasecmp(a, b, length) == 0;
}

/* How well `then` fits `step`; 0: not at all. The text says most, then the stage, then how near it
 * is: steps are put in and taken out above it. */
static unsigned fit(const struct trail_step *then, const struct trail_step *step)
{
	size_t apart = then->number > step->number ? then->number - step->number
						   : step->number - then->number;
	unsigned nearness = apart < FIT_STAGE ? FIT_STAGE - 1 - (unsigned)apart : 0;
	bool same_stage = strcmp(then->stage, step->stage) == 0;

	if (strcmp(then->text, step->text) == 0)
		return FIT_TEXT + (same_stage ? FIT_STAGE : 0) + nearness;
	if (same_stage && same_instruction(then->text, step->text))
		return FIT_STAGE + nearness;
	return 0;
}

static const struct trail_step *best(const struct trail_steps *steps, const struct trail_step *step,
				     unsigned at_least)
{
	const struct trail_step *found = NULL;

	for (size_t i = 0; i < steps->count; i++) {
		unsigned fits = fit(&steps->item[i], step);

		if (fits >= at_least) {
			found = &steps->item[i];
			at_least = fits + 1;
		}
	}
	return found;
}

static const struct trail_step *find_elsewhere(struct build_trail *trail,
					       const struct trail_step *step)
{
	auto_fd fd = openat(trail->store->dirfd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct trail_step *found = NULL;
	auto_strings names = { 0 };

	if (fd < 0 || directory_names(fd, &names, NULL) < 0)
		return NULL;
	strings_sort(&names);
	for (size_t i = 0; i < names.count && i < OTHERS_MAX && !found; i++) {
		struct trail_steps others = { 0 };
		char name[96];
		const struct trail_step *other;

		snprintf(name, sizeof(name), NAME_PREFIX "%.80s", names.item[i]);
		read_trail(trail->store, name, &trail->arena, &others);
		other = best(&others, step, FIT_TEXT);
		if (other) {
			struct trail_step *copy = arena_new(&trail->arena, struct trail_step);

			*copy = *other; /* its texts are in the arena already */
			found = copy;
		}
		free(others.item);
	}
	return found;
}

const struct trail_step *build_trail_find(struct build_trail *trail, const struct trail_step *step)
{
	const struct trail_step *found;

	pthread_mutex_lock(&trail->lock);
	found = best(&trail->then, step, 1);
	if (!found && trail->then.count == 0)
		found = find_elsewhere(trail, step);
	pthread_mutex_unlock(&trail->lock);
	return found;
}
