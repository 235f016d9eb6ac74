// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"

void strings_clear(struct strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i]);
	list->count = 0;
	if (list->item)
		list->item[0] = NULL;
}

void strings_done(struct strings *list)
{
	strings_clear(list);
	free(list->item);
	*list = (struct strings){ 0 };
}

void strings_add_taken(struct strings *list, char *text)
{
	if (list->count + 2 > list->room) {
		list->room = list->room ? list->room * 2 : 8;
		list->item = memory_resize(list->item, list->room, sizeof(*list->item));
	}
	list->item[list->count++] = text;
	list->item[list->count] = NULL;
}

void strings_add(struct strings *list, const char *text)
{
	strings_add_taken(list, memory_copy_text(text));
}

void strings_printf(struct strings *list, const char *format, ...)
{
	struct buf text = { 0 };
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	strings_add_taken(list, buf_take(&text));
}

void strings_add_all(struct strings *list, char *const *item)
{
	for (; item && *item; item++)
		strings_add(list, *item);
}

void strings_add_words(struct strings *list, const char *text, const char *separators)
{
	for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
		size_t length = strcspn(text, separators);

		strings_printf(list, "%.*s", (int)length, text);
		text += length;
	}
}

void strings_remove(struct strings *list, size_t index)
{
	free(list->item[index]);
	memmove(list->item + index, list->item + index + 1,
		(list->count - index) * sizeof(*list->item));
	list->count--;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strings_sort(struct strings *list)
{
	if (list->count > 1)
		qsort(list->item, list->count, sizeof(*list->item), compare);
}

bool strings_contains(const struct strings *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->item[i], text) == 0)
			return true;
	return false;
}

static bool env_is(const char *entry, const char *name, size_t length)
{
	return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

void strings_env_set(struct strings *env, const char *name, const char *value)
{
	size_t length = strlen(name);
	struct buf entry = { 0 };

	buf_printf(&entry, "%s=%s", name, value);
	for (size_t i = 0; i < env->count; i++) {
		if (!env_is(env->item[i], name, length))
			continue;
		free(env->item[i]);
		env->item[i] = buf_take(&entry);
		return;
	}
	strings_add_taken(env, buf_take(&entry));
}

void strings_env_unset(struct strings *env, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = env->count; i-- > 0;)
		if (env_is(env->item[i], name, length))
			strings_remove(env, i);
}

const char *strings_env_get(const struct strings *env, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < env->count; i++)
		if (env_is(env->item[i], name, length))
			return env->item[i] + length + 1;
	return NULL;
}

bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
	size_t length = strlen(text);
	size_t tail = strlen(suffix);

	return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

bool text_equal(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

bool path_is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	if (strncmp(path, folder, length) != 0)
		return false;
	return length == 0 || folder[length - 1] == '/' ? path[length] != '\0'
							: path[length] == '/';
}

bool path_is_in(const char *path, const char *folder)
{
	return strcmp(path, folder) == 0 || path_is_below(path, folder);
}
