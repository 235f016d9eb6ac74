// SPDX-License-Identifier: Apache-2.0
/* jansson behind json.h. A struct json is a json_t under another name, so no wrapping costs. */
#include "codec/json.h"

#include <jansson.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/text.h"

/* jansson.h has macros of these names */
#undef json_is_object
#undef json_is_array
#undef json_is_true
#undef json_is_null

static json_t *jansson(const struct json *json)
{
	union { /* jansson's readers take non-const pointers but do not write */
		const struct json *ours;
		json_t *theirs;
	} cast = { .ours = json };

	return cast.theirs;
}

static struct json *ours(json_t *json)
{
	if (!json)
		memory_exhausted(sizeof(json_t));
	return (struct json *)json;
}

int json_parse(const void *bytes, size_t size_bytes, struct json **ret_json, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(bytes, size_bytes, JSON_DECODE_ANY, &error);

	if (!json && json_error_code(&error) == json_error_out_of_memory)
		memory_exhausted(size_bytes);
	if (!json)
		return fail_plain(err, EINVAL, "JSON, line %d column %d: %s", error.line,
				  error.column, error.text);
	*ret_json = ours(json);
	return 0;
}

void json_free(struct json *json)
{
	json_decref(jansson(json));
}

struct json *json_get(const struct json *object, const char *key)
{
	json_t *value = object ? json_object_get(jansson(object), key) : NULL;

	return json_is_null((struct json *)value) ? NULL : (struct json *)value;
}

struct json *json_at(const struct json *array, size_t index)
{
	return array ? (struct json *)json_array_get(jansson(array), index) : NULL;
}

size_t json_count(const struct json *json)
{
	if (!json)
		return 0;
	return json_is_array(json) ? json_array_size(jansson(json))
				   : json_object_size(jansson(json));
}

const char *json_text(const struct json *json)
{
	return json ? json_string_value(jansson(json)) : NULL;
}

const char *json_get_text(const struct json *object, const char *key)
{
	return json_text(json_get(object, key));
}

static bool is(const struct json *json, json_type type)
{
	return json && json_typeof(jansson(json)) == type;
}

bool json_is_object(const struct json *json)
{
	return is(json, JSON_OBJECT);
}

bool json_is_array(const struct json *json)
{
	return is(json, JSON_ARRAY);
}

bool json_is_true(const struct json *json)
{
	return is(json, JSON_TRUE);
}

bool json_is_null(const struct json *json)
{
	return is(json, JSON_NULL);
}

bool json_integer_of(const struct json *json, int64_t *ret_number)
{
	if (!is(json, JSON_INTEGER))
		return false;
	*ret_number = json_integer_value(jansson(json));
	return true;
}

int json_need_text(const struct json *object, const char *key, const char **ret_text,
		   struct err *err)
{
	const char *text = json_get_text(object, key);

	if (!text && json_get(object, key))
		return fail_plain(err, EINVAL, "'%s' is not a string", key);
	if (!text)
		return fail_plain(err, EINVAL, "'%s' is missing", key);
	*ret_text = text;
	return 0;
}

int json_need_u64(const struct json *object, const char *key, uint64_t *ret_number, struct err *err)
{
	int64_t number;

	if (!json_get(object, key))
		return fail_plain(err, EINVAL, "'%s' is missing", key);
	if (!json_integer_of(json_get(object, key), &number) || number < 0)
		return fail_plain(err, EINVAL, "'%s' is not a whole number", key);
	*ret_number = (uint64_t)number;
	return 0;
}

int json_read_strings(const struct json *object, const char *key, struct strings *list,
		      struct err *err)
{
	const struct json *array = json_get(object, key);

	if (!array)
		return 0;
	if (!json_is_array(array))
		return fail_plain(err, EINVAL, "'%s' is not an array", key);
	for (size_t i = 0; i < json_count(array); i++) {
		const char *text = json_text(json_at(array, i));

		if (!text)
			return fail_plain(err, EINVAL, "'%s' holds more than strings", key);
		strings_add(list, text);
	}
	return 0;
}

void *json_member_first(const struct json *object)
{
	return object ? json_object_iter(jansson(object)) : NULL;
}

void *json_member_next(const struct json *object, void *member)
{
	return json_object_iter_next(jansson(object), member);
}

const char *json_member_key(void *member)
{
	return json_object_iter_key(member);
}

struct json *json_member_value(void *member)
{
	return (struct json *)json_object_iter_value(member);
}

struct json *json_new_object(void)
{
	return ours(json_object());
}

struct json *json_new_array(void)
{
	return ours(json_array());
}

/* Not UTF-8: text_add_json_string writes it with U+FFFD for the bad bytes; read that back. */
static struct json *new_repaired_text(const char *text)
{
	auto_buf quoted = { 0 };

	text_add_json_string(&quoted, text);
	return ours(json_loadb(quoted.bytes, quoted.size_bytes, JSON_DECODE_ANY, NULL));
}

struct json *json_new_text(const char *text)
{
	json_t *json = json_string(text);

	return json ? ours(json) : new_repaired_text(text);
}

struct json *json_new_integer(int64_t number)
{
	return ours(json_integer(number));
}

struct json *json_new_bool(bool value)
{
	return ours(json_boolean(value));
}

struct json *json_new_null(void)
{
	return ours(json_null());
}

struct json *json_copy_of(const struct json *json)
{
	return ours(json_deep_copy(jansson(json)));
}

void json_set(struct json *object, const char *key, struct json *value)
{
	if (json_object_set_new_nocheck(jansson(object), key, jansson(value)) < 0)
		memory_exhausted(strlen(key));
}

void json_set_text(struct json *object, const char *key, const char *text)
{
	if (text)
		json_set(object, key, json_new_text(text));
}

void json_set_integer(struct json *object, const char *key, int64_t number)
{
	json_set(object, key, json_new_integer(number));
}

void json_set_bool(struct json *object, const char *key, bool value)
{
	json_set(object, key, json_new_bool(value));
}

void json_set_strings(struct json *object, const char *key, const struct strings *list)
{
	struct json *array = json_new_array();

	strings_each(list, text)
		json_add_text(array, text);
	json_set(object, key, array);
}

void json_remove(struct json *object, const char *key)
{
	json_object_del(jansson(object), key);
}

void json_add(struct json *array, struct json *value)
{
	if (json_array_append_new(jansson(array), jansson(value)) < 0)
		memory_exhausted(sizeof(value));
}

void json_add_text(struct json *array, const char *text)
{
	json_add(array, json_new_text(text));
}

static int append(const char *bytes, size_t size_bytes, void *buf)
{
	buf_add(buf, bytes, size_bytes);
	return 0;
}

void json_print(const struct json *json, enum json_style style, struct buf *buf)
{
	size_t flags = JSON_ENCODE_ANY | (style == JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT);

	if (json_dump_callback(jansson(json), append, buf, flags) < 0)
		memory_exhausted(0);
}
