// SPDX-License-Identifier: Apache-2.0
/* rootlet isolate VERB: environments of host files, images, archives and directories. */
#include "cmd/isolate.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "codec/json.h"
#include "flow/isolate.h"
#include "flow/isolate_recipe.h"

struct isolate_command {
	struct common common;
	struct isolate_request request;
	const char *file; /* rootlet.yaml */
	const char *format;
	const char *output;
	bool force;
};

#define ISOLATE(field) offsetof(struct isolate_command, field)
#define REQUEST(field) offsetof(struct isolate_command, request.field)

static int on_with(void *command, const char *name, const char *value, struct err *err)
{
	struct isolate_command *isolate = command;

	(void)name;
	(void)err;
	strings_add_words(&isolate->request.with, value, ",");
	return 0;
}

static const struct opt isolate_opts[] = {
	{ OPT_HEADING, 0, NULL, 0, NULL, "create", NULL },
	{ OPT_STR, 0, "from", REQUEST(source), "SRC",
	  "what is in it: dpkg[:PKG,..], files:LIST, image:REF, tar:FILE, dir:PATH or host "
	  "(default dpkg, else host)",
	  NULL },
	{ OPT_STR, 0, "file", ISOLATE(file), "ROOTLET.YAML",
	  "read what is in it, binds and variables from a file: rootlet.yaml(5)", NULL },
	{ OPT_CALL, 0, "with", 0, "PKG,..", "also these packages of this host, and what they need",
	  on_with },
	{ OPT_LIST, 0, "hide", REQUEST(hide), "GLOB", "let paths of this host not be there", NULL },
	{ OPT_FLAG, 0, "network", REQUEST(network), NULL,
	  "let commands use the host's network (default: none)", NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "export, status, remove", NULL },
	{ OPT_STR, 'o', "output", ISOLATE(output), "FILE", "export: write to FILE", NULL },
	{ OPT_CHOICE, 'f', "format", ISOLATE(format),
	  "tar|tar.gz|tar.zst|squashfs|oci|docker|dir|table|json",
	  "export: the form (default by FILE's suffix, else tar); status: table or json", NULL },
	{ OPT_FLAG, 0, "force", ISOLATE(force), NULL, "remove: also while commands run in it",
	  NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

/* ---- create ---- */

static int create(struct isolate_command *isolate, struct err *err)
{
	struct isolate_made made = { 0 };
	int r = isolate->file ? isolate_recipe_read(isolate->file, &isolate->request, err) : 0;

	if (r == 0)
		r = isolate_create(&isolate->request, &made, err);
	if (r == 0) {
		strings_each(&made.notes, note)
			log_warning("%s", note);
		strings_each(&made.missing, missing)
			log_warning("self-test: missing: %s", missing);
		if (made.was_there)
			log_info("'%s' is there already, and nothing has changed",
				 isolate->request.path);
		else if (made.visible)
			log_info("'%s': %llu paths of this host; rootlet run %s -- COMMAND",
				 isolate->request.path, (unsigned long long)made.visible,
				 isolate->request.path);
	}
	isolate_made_done(&made);
	return r;
}

/* ---- status ---- */

static void add_list(struct buf *out, const char *label, const struct strings *list)
{
	if (!list->count)
		return;
	buf_printf(out, "%-10s", label);
	for (size_t i = 0; i < list->count; i++)
		buf_printf(out, "%s%s", i ? ", " : "", list->item[i]);
	buf_add_char(out, '\n');
}

static bool is_current(const struct environment *environment)
{
	return environment->is_host_files ? environment_is_fresh(environment)
					  : access(environment->root, F_OK) == 0;
}

static void add_table(const struct environment *environment, struct buf *out)
{
	buf_printf(out, "%-10s%s\n", "path", environment->path);
	buf_printf(out, "%-10s%s\n", "source", environment->source);
	if (environment->recipe)
		buf_printf(out, "%-10s%s\n", "file", json_get_text(environment->recipe, "file"));
	add_list(out, "with", &environment->with);
	add_list(out, "hidden", &environment->hide);
	buf_printf(out, "%-10s%s\n", "root", environment->root);
	if (environment->visible)
		buf_printf(out, "%-10s%llu paths of this host\n", "visible",
			   (unsigned long long)environment->visible);
	buf_printf(out, "%-10s%s\n", "key", environment->key);
	buf_printf(out, "%-10s%s\n", "network", environment->network ? "host" : "none");
	for (size_t i = 0; i < environment->mounts.count; i++) {
		const struct box_mount *mount = &environment->mounts.item[i];

		buf_printf(out, "%-10s%s%s%s\n", i ? "" : "mounts", mount->target,
			   mount->layers ? ", in part" : " from ",
			   mount->layers ? "" : mount->source);
	}
	buf_printf(out, "%-10s%s\n", "state",
		   is_current(environment) ? "current"
					   : "the host has changed: the next run makes it again");
	add_list(out, "warnings", &environment->notes);
}

static void add_json(const struct environment *environment, struct buf *out)
{
	auto_json *json = json_new_object();

	json_set_text(json, "path", environment->path);
	json_set_text(json, "source", environment->source);
	if (environment->recipe)
		json_set(json, "recipe", json_copy_of(environment->recipe));
	json_set_strings(json, "with", &environment->with);
	json_set_strings(json, "hide", &environment->hide);
	json_set_text(json, "root", environment->root);
	json_set_integer(json, "visible", (int64_t)environment->visible);
	json_set_text(json, "key", environment->key);
	json_set_bool(json, "network", environment->network);
	json_set_bool(json, "current", is_current(environment));
	json_set_strings(json, "warnings", &environment->notes);
	json_print(json, JSON_PRETTY, out);
	buf_add_char(out, '\n');
}

static int status(struct isolate_command *isolate, struct err *err)
{
	auto_environment environment = { 0 };
	auto_buf out = { 0 };
	int r = environment_load(isolate->request.path, &environment, err);

	if (r < 0)
		return r;
	if (text_equal(isolate->format, "json"))
		add_json(&environment, &out);
	else
		add_table(&environment, &out);
	return command_write(&out, err);
}

/* ---- the others ---- */

static int export(struct isolate_command *isolate, struct err *err)
{
	if (!isolate->output) {
		fail_plain(err, EINVAL, "where to? -o FILE");
		return -EINVAL;
	}
	return isolate_export(isolate->request.store, isolate->request.path, isolate->format,
			      isolate->output, err);
}

static int remove_it(struct isolate_command *isolate, struct err *err)
{
	return isolate_remove(isolate->request.path, isolate->force, err);
}

struct verb {
	const char *name;
	int (*run)(struct isolate_command *isolate, struct err *err);
};

static const struct verb verbs[] = {
	{ "create", create },
	{ "status", status },
	{ "remove", remove_it },
	{ "export", export },
};
#define VERBS "create, status, remove, export"

/* An option that would do nothing is a mistake. */
static int check_options(const struct isolate_command *isolate, const char *verb, struct err *err)
{
	const struct isolate_request *request = &isolate->request;
	const struct {
		const char *verb;
		const char *option;
		bool given;
	} owned[] = {
		{ "create", "from", request->source },
		{ "create", "file", isolate->file },
		{ "create", "with", request->with.count },
		{ "create", "hide", request->hide.count },
		{ "create", "network", request->network },
		{ "export", "output", isolate->output },
		{ "remove", "force", isolate->force },
	};
	bool describes = text_equal(isolate->format, "table") ||
			 text_equal(isolate->format, "json");

	for (size_t i = 0; i < array_count(owned); i++)
		if (owned[i].given && strcmp(owned[i].verb, verb) != 0)
			return fail_plain(err, EINVAL, "--%s is for isolate %s", owned[i].option,
					  owned[i].verb);
	if (isolate->format && strcmp(verb, describes ? "status" : "export") != 0)
		return fail_plain(err, EINVAL, "--format=%s is for isolate %s", isolate->format,
				  describes ? "status" : "export");
	return 0;
}

static int run_verb(struct isolate_command *isolate, int count, char **operands, struct err *err)
{
	if (count != 2) {
		fail_plain(err, EINVAL, "what, and which environment? isolate VERB ENV");
		err_hint(err, "verbs: " VERBS);
		return -EINVAL;
	}
	isolate->request.path = operands[1];
	for (size_t i = 0; i < array_count(verbs); i++) {
		int r;

		if (strcmp(verbs[i].name, operands[0]) != 0)
			continue;
		r = check_options(isolate, operands[0], err);
		return r < 0 ? r : verbs[i].run(isolate, err);
	}
	fail_plain(err, EINVAL, "'%s' is none of " VERBS, operands[0]);
	return -EINVAL;
}

static int isolate_main(const struct command *command, const struct common *common, int argc,
			char **argv)
{
	struct isolate_command isolate = { .common = *common };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &isolate, &operand, &err);

	if (r > 0)
		return 0;
	isolate.request.store = isolate.common.store;
	if (r == 0)
		r = run_verb(&isolate, argc - operand, argv + operand, &err);
	isolate_request_done(&isolate.request);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_isolate = {
	.name = "isolate",
	.summary = "make environments that see only chosen files, packages or an image",
	.synopsis = "create|status|remove|export [OPTIONS] ENV",
	.opts = isolate_opts,
	.run = isolate_main,
	.group = "Environments",
};

/* ---- what a run calls for the program that makes environments ---- */

static int on_environment(const struct command *command, const struct common *common, int argc,
			  char **argv, int (*act)(const char *, const char *, struct err *))
{
	struct common request = *common;
	struct err err = { 0 };
	const char *path;
	int r = opt_parse_one(command, argc, argv, &request, "environment", &path, &err);

	if (r == 0)
		r = act(request.store, path, &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

static int refresh_main(const struct command *command, const struct common *common, int argc,
			char **argv)
{
	return on_environment(command, common, argc, argv, isolate_refresh);
}

const struct command command_refresh_environment = {
	.name = "__refresh-environment",
	.summary = "make an environment of host files again",
	.synopsis = "ENV",
	.run = refresh_main,
};

static int copy(const char *store, const char *path, struct err *err)
{
	(void)store;
	return isolate_make_copy(path, err);
}

static int copy_main(const struct command *command, const struct common *common, int argc,
		     char **argv)
{
	return on_environment(command, common, argc, argv, copy);
}

const struct command command_copy_environment = {
	.name = "__copy-environment",
	.summary = "copy the files that an environment shows",
	.synopsis = "ENV",
	.run = copy_main,
};
