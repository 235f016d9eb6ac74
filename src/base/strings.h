/* SPDX-License-Identifier: Apache-2.0 */
/* A growable list of strings, NULL-terminated so that `item` serves as argv or environ.
 * The list owns its strings. */
#ifndef BASE_STRINGS_H
#define BASE_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

struct strings {
	char **item; /* NULL until something was added */
	size_t count;
	size_t room;
};

void strings_done(struct strings *list);
#define auto_strings cleanup(strings_done) struct strings

void strings_add(struct strings *list, const char *text); /* copies */
void strings_add_taken(struct strings *list, char *text); /* takes ownership */
void strings_printf(struct strings *list, const char *format, ...) printf_like(2, 3);
void strings_add_all(struct strings *list, char *const *item); /* until NULL; item may be NULL */
/* What stands between any of these characters; nothing of what stands between two of them. */
void strings_add_words(struct strings *list, const char *text, const char *separators);
void strings_remove(struct strings *list, size_t index);
void strings_clear(struct strings *list);
void strings_sort(struct strings *list); /* by byte value: no locale */
bool strings_contains(const struct strings *list, const char *text);

/* Lists of NAME=VALUE. env_set replaces in place or appends; env_get returns NULL when absent. */
void strings_env_set(struct strings *env, const char *name, const char *value);
void strings_env_unset(struct strings *env, const char *name);
const char *strings_env_get(const struct strings *env, const char *name);

#define strings_each(list, variable)                 \
	for (char **each_ = (list)->item, *variable; \
	     each_ && each_ < (list)->item + (list)->count && ((variable = *each_), 1); each_++)

bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
bool text_equal(const char *a, const char *b); /* NULL equals only NULL */

/* By name alone: both normalized, both absolute or both relative to the same directory, which ""
 * is. Everything is below "/" and "" but they themselves. */
bool path_is_below(const char *path, const char *folder);
bool path_is_in(const char *path, const char *folder); /* below, or the folder itself */

#endif
