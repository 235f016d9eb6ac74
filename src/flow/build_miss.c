// SPDX-License-Identifier: Apache-2.0
#include "flow/build_miss.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/banned.h"
#include "base/buf.h"
#include "base/map.h"
#include "codec/json.h"

#define VALUE_BYTES_SHOWN 60

/* ---- reading ---- */

struct inputs {
	struct arena arena;
	struct map values; /* name -> const char *; a repeated name gets " (2)" */
};

static void inputs_done(struct inputs *inputs)
{
	map_done(&inputs->values);
	arena_done(&inputs->arena);
}

static void add(struct inputs *inputs, const char *name, const char *value)
{
	const char *unique = name;

	for (unsigned n = 2; map_get(&inputs->values, unique); n++)
		unique = arena_printf(&inputs->arena, "%s (%u)", name, n);
	map_set(&inputs->values, unique, arena_copy(&inputs->arena, value));
}

/* "NAME" "VALUE", as JSON strings. */
static int parse_line(struct inputs *inputs, const char *line, size_t length, struct err *err)
{
	auto_json *pair = NULL;
	auto_buf text = { 0 };
	size_t name_end = 1;

	while (name_end < length && line[name_end] != '"')
		name_end += line[name_end] == '\\' ? 2 : 1;
	if (name_end + 1 >= length)
		return fail_plain(err, EUCLEAN, "no inputs of a step");
	buf_add_char(&text, '[');
	buf_add(&text, line, name_end + 1);
	buf_add_char(&text, ',');
	buf_add(&text, line + name_end + 1, length - name_end - 1);
	buf_add_char(&text, ']');
	if (json_parse(text.bytes, text.size_bytes, &pair, err) < 0 ||
	    !json_text(json_at(pair, 0)) || !json_text(json_at(pair, 1)))
		return fail_plain(err, EUCLEAN, "no inputs of a step");
	add(inputs, json_text(json_at(pair, 0)), json_text(json_at(pair, 1)));
	return 0;
}

static int parse(struct inputs *inputs, const char *text, struct err *err)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		int r = parse_line(inputs, text, length, err);

		if (r < 0)
			return r;
		text += length + (text[length] == '\n');
	}
	return 0;
}

/* ---- telling ---- */

static void add_value(struct buf *text, const char *value)
{
	size_t length = strlen(value);

	buf_add_char(text, '\'');
	buf_add(text, value, length > VALUE_BYTES_SHOWN ? VALUE_BYTES_SHOWN : length);
	buf_add_text(text, length > VALUE_BYTES_SHOWN ? "...'" : "'");
}

/* "MODE UID:GID DIGEST-OR-LINK", cut at its blanks. */
struct file_value {
	unsigned mode;
	char owner[32];
	const char *content;
};

static bool split_file(const char *value, struct file_value *ret_file)
{
	int length = 0;

	if (sscanf(value, "%o %31s%n", &ret_file->mode, ret_file->owner, &length) != 2)
		return false;
	ret_file->content = value + length + (value[length] == ' ');
	return true;
}

static void tell_file(const char *name, const char *before, const char *now, struct buf *text)
{
	struct file_value was;
	struct file_value is;
	const char *comma = "";

	buf_printf(text, "%s: ", name);
	if (!split_file(before, &was) || !split_file(now, &is)) {
		buf_add_text(text, "it changed");
		return;
	}
	if (strcmp(was.content, is.content) != 0) {
		buf_printf(text, "its content changed (%.12s, was %.12s)", is.content, was.content);
		comma = ", ";
	}
	if (was.mode != is.mode) {
		buf_printf(text, "%sits mode is %06o, was %06o", comma, is.mode, was.mode);
		comma = ", ";
	}
	if (strcmp(was.owner, is.owner) != 0)
		buf_printf(text, "%sits owner is %s, was %s", comma, is.owner, was.owner);
}

static void tell_changed(const char *name, const char *before, const char *now, const char *below,
			 struct buf *text)
{
	if (strcmp(name, "parent") == 0) {
		buf_printf(text, "what is below it is not the same: %s", below);
	} else if (text_starts(name, "file ")) {
		tell_file(name, before, now, text);
	} else {
		buf_printf(text, "%s: ", name);
		add_value(text, before);
		buf_add_text(text, " became ");
		add_value(text, now);
	}
}

static const char *noun_of(const char *name)
{
	return text_starts(name, "file ") || text_starts(name, "variable ") ? "" : "input ";
}

static void compare(const struct inputs *before, const struct inputs *now, const char *below,
		    struct strings *reasons)
{
	map_each(&now->values, entry) {
		const char *was = map_get(&before->values, entry->key);
		auto_buf text = { 0 };

		if (was && strcmp(was, entry->value) == 0)
			continue;
		if (was)
			tell_changed(entry->key, was, entry->value, below, &text);
		else
			buf_printf(&text, "%s%s is new", noun_of(entry->key), entry->key);
		strings_add(reasons, text.bytes);
	}
	map_each(&before->values, entry)
		if (!map_get(&now->values, entry->key))
			strings_printf(reasons, "%s%s is gone", noun_of(entry->key), entry->key);
}

static void shorten(struct strings *reasons, size_t first)
{
	size_t more = reasons->count - first;

	if (more <= MISS_REASONS_MAX)
		return;
	while (reasons->count > first + MISS_REASONS_MAX)
		strings_remove(reasons, reasons->count - 1);
	strings_printf(reasons, "and %zu more", more - MISS_REASONS_MAX);
}

int build_miss_compare(const char *before, const char *now, const char *below,
		       struct strings *reasons, struct err *err)
{
	cleanup(inputs_done) struct inputs was = { 0 };
	cleanup(inputs_done) struct inputs is = { 0 };
	size_t first = reasons->count;
	int r = parse(&was, before, err);

	if (r == 0)
		r = parse(&is, now, err);
	if (r < 0)
		return r;
	compare(&was, &is, below, reasons);
	shorten(reasons, first);
	return 0;
}
