// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "cmd/images.h"
#include "flow/images.h"

struct inspect_command {
	struct common common;
	const char *format;
	const char *platform;
	const char *type;
};

#define INSPECT(field) offsetof(struct inspect_command, field)

static const struct opt inspect_opts[] = {
	{ OPT_STR, 'f', "format", INSPECT(format), "FORMAT",
	  "json (default), or a member: '{{.Config.User}}', '{{json .Config.Env}}'", NULL },
	{ OPT_STR, 0, "platform", INSPECT(platform), "OS/ARCH[/VARIANT]",
	  "which image of an index (default: this machine's)", NULL },
	{ OPT_CHOICE, 0, "type", INSPECT(type), "image", "accepted for docker's sake", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static int inspect(const struct inspect_command *command, const struct store *store,
		   const char *text, struct json **ret_json, struct err *err)
{
	auto_arena arena = { 0 };
	auto_image image = { 0 };
	struct platform platform;
	struct ref_entry *entries;
	size_t count;
	int r = 0;

	if (command->platform)
		r = platform_parse(command->platform, &arena, &platform, err);
	if (r == 0)
		r = image_load(store, text, command->platform ? &platform : NULL, &image, err);
	if (r == 0)
		r = refs_list_everywhere(store, &arena, &entries, &count, err);
	if (r == 0)
		*ret_json = image_describe(store, &image, entries, count);
	return r;
}

/* The part of Go's text/template that scripts use with inspect: text with {{.A.B}} and
 * {{json .A.B}} in it. A member that is not there prints nothing. */
static int add_member(const struct json *json, const char *action, struct buf *out, struct err *err)
{
	auto_free char *copy = memory_copy_text(action);
	char *at = copy + strspn(copy, " ");
	bool as_json = text_starts(at, "json ");
	const char *part;

	if (as_json)
		at += strlen("json ") + strspn(at + strlen("json "), " ");
	at[strcspn(at, " ")] = '\0';
	if (*at++ != '.')
		return fail_plain(err, EINVAL,
				  "--format: '{{%s}}' is not supported ({{.Member}} or {{json "
				  ".Member}} is)",
				  action);
	while (json && (part = strsep(&at, ".")))
		if (*part)
			json = json_get(json, part);
	if (json_text(json) && !as_json)
		buf_add_text(out, json_text(json));
	else if (json)
		json_print(json, JSON_ONE_LINE, out);
	else if (as_json)
		buf_add_text(out, "null");
	return 0;
}

static int add_formatted(const struct json *json, const char *format, struct buf *out,
			 struct err *err)
{
	while (*format) {
		const char *open = strstr(format, "{{");
		const char *close = open ? strstr(open, "}}") : NULL;
		auto_free char *action = NULL;
		size_t length;
		int r;

		if (!close) {
			buf_add_text(out, format);
			break;
		}
		buf_add(out, format, (size_t)(open - format));
		length = (size_t)(close - open) - 2;
		action = memory_zeroed(1, length + 1);
		memcpy(action, open + 2, length);
		r = add_member(json, action, out, err);
		if (r < 0)
			return r;
		format = close + 2;
	}
	buf_add_char(out, '\n');
	return 0;
}

static int inspect_all(const struct inspect_command *command, const struct store *store,
		       char *const *texts, struct buf *out, struct err *err)
{
	bool as_json = !command->format || strcmp(command->format, "json") == 0;
	auto_json *all = json_new_array();

	for (; *texts; texts++) {
		struct json *json = NULL;
		int r = inspect(command, store, *texts, &json, err);

		if (r < 0)
			return r;
		json_add(all, json);
		if (!as_json) {
			r = add_formatted(json, command->format, out, err);
			if (r < 0)
				return r;
		}
	}
	if (as_json) {
		json_print(all, JSON_PRETTY, out);
		buf_add_char(out, '\n');
	}
	return 0;
}

static int inspect_main(const struct command *command, const struct common *common, int argc,
			char **argv)
{
	struct inspect_command request = { .common = *common };
	auto_store store = STORE_NONE;
	auto_buf out = { 0 };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && operand == argc)
		r = fail_plain(&err, EINVAL, "which image? %s", command->synopsis);
	if (r == 0)
		r = store_open(request.common.store, &store, &err);
	if (r == 0)
		r = inspect_all(&request, &store, argv + operand, &out, &err);
	if (r == 0)
		r = command_write(&out, &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_inspect = {
	.name = "inspect",
	.summary = "show what is known about images, as JSON",
	.synopsis = "[OPTIONS] IMAGE...",
	.opts = inspect_opts,
	.run = inspect_main,
	.group = "Images",
};
