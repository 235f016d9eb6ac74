// SPDX-License-Identifier: Apache-2.0
#include "flow/cache_pack.h"

#include <string.h>

#include "base/banned.h"

/* ---- printing ---- */

static struct json *step_to_json(const struct cache_pack_step *step)
{
	struct json *object = build_cached_to_json(&step->result);

	json_set_text(object, "key", step->key);
	return object;
}

static struct json *mount_to_json(const struct cache_pack_mount *mount)
{
	struct json *object = json_new_object();

	json_set_text(object, "id", mount->id);
	if (mount->number)
		json_set_integer(object, "number", mount->number);
	json_set_text(object, "diffId", mount->diff_id.text);
	json_set(object, "layer", descriptor_to_json(&mount->layer));
	return object;
}

void cache_pack_print(const struct cache_pack *pack, struct buf *buf)
{
	auto_json *json = json_new_object();
	struct json *steps = json_new_array();
	struct json *mounts = json_new_array();

	json_set_integer(json, "version", 1);
	json_set(json, "steps", steps);
	json_set(json, "mounts", mounts);
	for (size_t i = 0; i < pack->step_count; i++)
		json_add(steps, step_to_json(&pack->step[i]));
	for (size_t i = 0; i < pack->mount_count; i++)
		json_add(mounts, mount_to_json(&pack->mount[i]));
	json_print(json, JSON_ONE_LINE, buf);
}

/* ---- parsing ---- */

static int parse_key(const struct json *object, char ret_key[DIGEST_HEX_LENGTH + 1],
		     struct err *err)
{
	const char *key;
	int r = json_need_text(object, "key", &key, err);

	if (r < 0)
		return r;
	/* It becomes the name of a file. */
	if (strlen(key) != DIGEST_HEX_LENGTH ||
	    strspn(key, "0123456789abcdef") != DIGEST_HEX_LENGTH)
		return fail_plain(err, EINVAL, "'key' is not 64 hex digits");
	memcpy(ret_key, key, DIGEST_HEX_LENGTH + 1);
	return 0;
}

static int parse_step(const struct json *object, struct arena *arena, struct cache_pack_step *step,
		      struct err *err)
{
	int r = parse_key(object, step->key, err);

	return r < 0 ? r : build_cached_parse(object, arena, &step->result, err);
}

static int parse_mount(const struct json *object, struct arena *arena,
		       struct cache_pack_mount *mount, struct err *err)
{
	const char *id;
	const char *diff_id;
	int64_t number = 0;
	int r = json_need_text(object, "id", &id, err);

	if (r == 0)
		r = json_need_text(object, "diffId", &diff_id, err);
	if (r == 0)
		r = digest_parse(diff_id, &mount->diff_id, err);
	if (r < 0)
		return r;
	if (json_get(object, "number") && (!json_integer_of(json_get(object, "number"), &number) ||
					   number < 0 || number > UINT16_MAX))
		return fail_plain(err, EINVAL, "'number' is not one");
	mount->id = arena_copy(arena, id);
	mount->number = (unsigned)number;
	return descriptor_parse(json_get(object, "layer"), arena, &mount->layer, err);
}

static int parse_all(const struct json *json, struct arena *arena, struct cache_pack *pack,
		     struct err *err)
{
	const struct json *steps = json_get(json, "steps");
	const struct json *mounts = json_get(json, "mounts");
	int64_t version;

	if (!json_integer_of(json_get(json, "version"), &version) || version != 1)
		return fail_plain(err, ENOTSUP, "its version is not 1");
	pack->step_count = json_count(steps);
	pack->mount_count = json_count(mounts);
	pack->step = arena_array(arena, struct cache_pack_step, pack->step_count);
	pack->mount = arena_array(arena, struct cache_pack_mount, pack->mount_count);
	for (size_t i = 0; i < pack->step_count; i++) {
		int r = parse_step(json_at(steps, i), arena, &pack->step[i], err);

		if (r < 0)
			return err_wrap(err, "step %zu", i + 1);
	}
	for (size_t i = 0; i < pack->mount_count; i++) {
		int r = parse_mount(json_at(mounts, i), arena, &pack->mount[i], err);

		if (r < 0)
			return err_wrap(err, "cache mount %zu", i + 1);
	}
	return 0;
}

int cache_pack_parse(const void *bytes, size_t size_bytes, struct arena *arena,
		     struct cache_pack *ret_pack, struct err *err)
{
	struct cache_pack pack = { 0 };
	auto_json *json = NULL;
	int r = json_parse(bytes, size_bytes, &json, err);

	if (r == 0)
		r = parse_all(json, arena, &pack, err);
	if (r < 0)
		return err_wrap(err, "build cache");
	*ret_pack = pack;
	return 0;
}
