/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as a tree: reading with or without complaint, building, printing. The only caller of
 * jansson. Objects keep the order in which members were read or set.
 *
 * Reading is forgiving on purpose where it says so: json_get of NULL is NULL, so that
 * json_text(json_get(json_get(x, "a"), "b")) needs no checks between. A JSON null counts as
 * absent. Duplicate members: the last one wins, as in Go's decoder, which wrote most of what is
 * read here. Strings are UTF-8 without NUL. Building never fails: out of memory ends the program,
 * and text that is not UTF-8 gets U+FFFD for each bad byte. */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"

struct json;

/* One document, nothing after it but blanks. -EINVAL with line and column of the mistake. */
int json_parse(const void *bytes, size_t size_bytes, struct json **ret_json,
	       struct err *err) must_check;
void json_free(struct json *json); /* NULL is fine */
static inline void json_cleanup(struct json **json)
{
	json_free(*json);
}
#define auto_json cleanup(json_cleanup) struct json

/* --- reading: everything returned is borrowed from the tree --- */
struct json *json_get(const struct json *object, const char *key); /* NULL when absent */
struct json *json_at(const struct json *array, size_t index);	   /* NULL when absent */
size_t json_count(const struct json *json);	/* of an array or object, else 0 */
const char *json_text(const struct json *json); /* NULL unless a string */
const char *json_get_text(const struct json *object, const char *key);
bool json_is_object(const struct json *json);
bool json_is_array(const struct json *json);
bool json_is_true(const struct json *json);
/* The number as is; false when it is no integer. */
bool json_integer_of(const struct json *json, int64_t *ret_number);

/* With complaint: -EINVAL naming the member when it is missing or of another kind. */
int json_need_text(const struct json *object, const char *key, const char **ret_text,
		   struct err *err) must_check;
int json_need_u64(const struct json *object, const char *key, uint64_t *ret_number,
		  struct err *err) must_check;
/* Append an array of strings; absent or null adds nothing; anything else is -EINVAL. */
int json_read_strings(const struct json *object, const char *key, struct strings *list,
		      struct err *err) must_check;

/* Members of an object in order. The object must not change meanwhile. */
void *json_member_first(const struct json *object);
void *json_member_next(const struct json *object, void *member);
const char *json_member_key(void *member);
struct json *json_member_value(void *member); /* may be a JSON null: json_is_null */
bool json_is_null(const struct json *json);
#define json_each(object, member)                              \
	for (void *member = json_member_first(object); member; \
	     member = json_member_next(object, member))

/* --- building: `value` is taken over; setting a key again replaces it in place --- */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_text(const char *text);
struct json *json_new_integer(int64_t number);
struct json *json_new_bool(bool value);
struct json *json_new_null(void);
struct json *json_copy_of(const struct json *json); /* deep */
void json_set(struct json *object, const char *key, struct json *value);
void json_set_text(struct json *object, const char *key, const char *text); /* NULL: not set */
void json_set_integer(struct json *object, const char *key, int64_t number);
void json_set_bool(struct json *object, const char *key, bool value);
void json_set_strings(struct json *object, const char *key, const struct strings *list);
void json_remove(struct json *object, const char *key);
void json_add(struct json *array, struct json *value);
void json_add_text(struct json *array, const char *text);

/* --- printing: appended to buf, no newline at the end --- */
enum json_style { JSON_ONE_LINE, JSON_PRETTY };
void json_print(const struct json *json, enum json_style style, struct buf *buf);

#endif
