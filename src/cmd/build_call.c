// SPDX-License-Identifier: Apache-2.0
#include "cmd/build_call.h"

#include <string.h>

#include "base/banned.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/build_check.h"

int build_call_parse(const char *text, struct build_call *ret_call, struct err *err)
{
	static const struct {
		const char *name;
		enum build_method method;
	} methods[] = {
		{ "build", BUILD_CALL_BUILD },	   { "check", BUILD_CALL_CHECK },
		{ "lint", BUILD_CALL_CHECK }, /* buildx's older word */
		{ "outline", BUILD_CALL_OUTLINE }, { "targets", BUILD_CALL_TARGETS },
	};
	size_t length = strcspn(text ?: "", ",");
	const char *format = text && text[length] ? text + length + 1 : "format=text";

	if (!text)
		return 0;
	for (size_t i = 0; i < array_count(methods); i++) {
		if (strlen(methods[i].name) != length ||
		    strncmp(methods[i].name, text, length) != 0)
			continue;
		if (methods[i].method == BUILD_CALL_BUILD
			    ? text[length] != '\0'
			    : strcmp(format, "format=json") != 0 && strcmp(format, "format=text"))
			break;
		*ret_call = (struct build_call){ methods[i].method,
						 strcmp(format, "format=json") == 0 };
		return 0;
	}
	return fail_plain(err, EINVAL,
			  "--call '%s' is not one of build, check, outline, targets (all but build "
			  "with ,format=json too)",
			  text);
}

/* ---- for people ---- */

static void print_targets(const struct build_description *description, struct buf *out)
{
	auto_table table = { .columns = 2 };

	table_cell(&table, "TARGET");
	table_cell(&table, "DESCRIPTION");
	for (size_t i = 0; i < description->target_count; i++) {
		const struct outline_target *target = &description->target[i];
		auto_buf name = { 0 };

		buf_printf(&name, "%s%s%s", target->name ?: "",
			   target->name && target->is_default ? " " : "",
			   target->is_default ? "(default)" : "");
		table_cell(&table, buf_text(&name));
		table_cell(&table, target->description ?: "");
	}
	table_print(&table, out);
}

static void print_args(const struct outline_items *items, struct buf *out)
{
	auto_table table = { .columns = 3 };

	if (!items->count)
		return;
	table_cell(&table, "BUILD ARG");
	table_cell(&table, "VALUE");
	table_cell(&table, "DESCRIPTION");
	for (size_t i = 0; i < items->count; i++) {
		table_cell(&table, items->item[i].name);
		table_cell(&table, items->item[i].value ?: "");
		table_cell(&table, items->item[i].description ?: "");
	}
	table_print(&table, out);
	buf_add_char(out, '\n');
}

static void print_required(const char *title, const struct outline_items *items, struct buf *out)
{
	auto_table table = { .columns = 2 };

	if (!items->count)
		return;
	table_cell(&table, title);
	table_cell(&table, "REQUIRED");
	for (size_t i = 0; i < items->count; i++) {
		table_cell(&table, items->item[i].name);
		table_cell(&table, items->item[i].is_required ? "true" : "");
	}
	table_print(&table, out);
	buf_add_char(out, '\n');
}

static void print_outline(const struct outline *outline, struct buf *out)
{
	if (outline->name || outline->description) {
		buf_printf(out, "TARGET:        %s\n", outline->name ?: "(default)");
		if (outline->description)
			buf_printf(out, "DESCRIPTION:   %s\n", outline->description);
		buf_add_char(out, '\n');
	}
	print_args(&outline->args, out);
	print_required("SECRET", &outline->secrets, out);
	print_required("SSH", &outline->ssh, out);
	if (outline->caches.count)
		buf_add_text(out, "CACHE MOUNT\n");
	for (size_t i = 0; i < outline->caches.count; i++)
		buf_printf(out, "%s\n", outline->caches.item[i].name);
}

/* ---- for programs ---- */

static void set_true(struct json *json, const char *key, bool value)
{
	if (value)
		json_set_bool(json, key, true);
}

static struct json *targets_json(const struct build_description *description)
{
	struct json *json = json_new_object();
	struct json *targets = json_new_array();

	for (size_t i = 0; i < description->target_count; i++) {
		const struct outline_target *target = &description->target[i];
		struct json *one = json_new_object();

		json_set_text(one, "name", target->name);
		set_true(one, "default", target->is_default);
		json_set_text(one, "description", target->description);
		json_set_text(one, "base", target->base);
		json_set_text(one, "platform", target->platform);
		json_set(one, "location", build_location_json(target->at));
		json_add(targets, one);
	}
	json_set(json, "targets", targets);
	return json;
}

static void set_items(struct json *json, const char *key, const char *name_key,
		      const struct outline_items *items)
{
	struct json *array;

	if (!items->count)
		return;
	array = json_new_array();
	for (size_t i = 0; i < items->count; i++) {
		struct json *one = json_new_object();

		json_set_text(one, name_key, items->item[i].name);
		json_set_text(one, "description", items->item[i].description);
		json_set_text(one, "value", items->item[i].value);
		set_true(one, "required", items->item[i].is_required);
		json_set(one, "location", build_location_json(items->item[i].at));
		json_add(array, one);
	}
	json_set(json, key, array);
}

static struct json *outline_json(const struct outline *outline)
{
	struct json *json = json_new_object();

	json_set_text(json, "name", outline->name);
	json_set_text(json, "description", outline->description);
	set_items(json, "args", "name", &outline->args);
	set_items(json, "secrets", "name", &outline->secrets);
	set_items(json, "ssh", "name", &outline->ssh);
	set_items(json, "cache", "ID", &outline->caches);
	return json;
}

static void print_json(const struct build_description *description, struct json *taken,
		       struct buf *out)
{
	auto_json *json = taken;
	struct json *sources = json_new_array();
	auto_buf data = { 0 };

	text_add_base64(&data, description->text, description->text_bytes);
	json_add_text(sources, buf_text(&data));
	json_set(json, "sources", sources);
	json_print(json, JSON_PRETTY, out);
	buf_add_char(out, '\n');
}

void build_description_print(const struct build_description *description,
			     const struct build_call *call, struct buf *out)
{
	bool is_outline = call->method == BUILD_CALL_OUTLINE;

	if (call->as_json)
		print_json(description,
			   is_outline ? outline_json(&description->outline)
				      : targets_json(description),
			   out);
	else if (is_outline)
		print_outline(&description->outline, out);
	else
		print_targets(description, out);
}
