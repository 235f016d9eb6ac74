// SPDX-License-Identifier: Apache-2.0
/* RUN: the command, its heredocs, mounts, devices and environment. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/strings.h"
#include "dockerfile/check.h"
#include "dockerfile/eval_word.h"
#include "dockerfile/list.h"
#include "dockerfile/values.h"

/* RUN <<EOF alone: the contents are the script. One that begins with #! becomes a file to run. */
static const char *whole_script(struct making *making, const struct heredoc *heredoc)
{
	struct step_run *run = &making->step->run;
	const char *contents = heredoc_contents(making->arena, heredoc);

	if (!text_starts(contents, "#!"))
		return contents;
	run->script = contents;
	run->script_bytes = strlen(contents);
	run->script_path = arena_printf(making->arena, STEP_SCRIPT_DIR "/%s", heredoc->name);
	return run->script_path;
}

/* The command with its heredocs behind it, for the shell to read as it stands. */
static const char *with_heredocs(struct making *making, const char *command)
{
	const struct instruction *instruction = making->instruction;
	auto_buf text = { 0 };

	buf_add_text(&text, command);
	for (size_t i = 0; i < instruction->heredoc_count; i++) {
		const struct heredoc *heredoc = &instruction->heredoc[i];

		buf_add_char(&text, '\n');
		buf_add(&text, heredoc->text, heredoc->size_bytes);
		buf_add_text(&text, heredoc->name);
	}
	return arena_copy_bytes(making->arena, text.bytes, text.size_bytes);
}

static const char *shell_command(struct making *making)
{
	const struct instruction *instruction = making->instruction;
	const char *command = instruction->arg_count ? instruction->arg[0].text : "";
	struct heredoc start;

	if (!instruction->heredoc_count)
		return command;
	if (heredoc_parse(making->arena, command, &start, NULL) == 1)
		return whole_script(making, &instruction->heredoc[0]);
	return with_heredocs(making, command);
}

static void set_argv(struct making *making)
{
	const struct instruction *instruction = making->instruction;
	struct step_run *run = &making->step->run;

	run->is_shell = !instruction->is_json;
	if (run->is_shell) {
		make_shell_words(making, &run->argv);
		texts_add(making->arena, &run->argv, shell_command(making));
		return;
	}
	for (size_t i = 0; i < instruction->arg_count; i++)
		texts_add(making->arena, &run->argv, instruction->arg[i].text);
}

static int add_device(struct making *making, const struct flag *flag)
{
	struct step_run *run = &making->step->run;
	struct step_device device = { 0 };
	const char *const *fields;
	size_t count;

	if (csv_parse(making->arena, flag->value, &fields, &count, making->err) < 0)
		return make_wrap(making, &flag->word);
	for (size_t i = 0; i < count; i++) {
		const char *field = fields[i];

		if (!strcasecmp(field, "required")) {
			device.is_required = true;
		} else if (!strncasecmp(field, "required=", 9)) {
			if (boolean_parse(field + 9, &device.is_required) < 0)
				return make_refuse(making, &flag->word,
						   "--device: %s is neither true nor false", field);
		} else if (device.name) {
			return make_refuse(making, &flag->word, "--device: unexpected '%s'", field);
		} else {
			device.name = strncasecmp(field, "name=", 5) ? field : field + 5;
		}
	}
	if (!device.name || !*device.name)
		return make_refuse(making, &flag->word, "--device needs a name");
	*list_add(making->arena, run->device, run->device_count) = device;
	return 0;
}

static int add_flags(struct making *making)
{
	const struct instruction *instruction = making->instruction;
	struct step_run *run = &making->step->run;
	int r = 0;

	for (size_t i = 0; r == 0 && i < instruction->flag_count; i++) {
		const struct flag *flag = &instruction->flag[i];

		if (!strcmp(flag->name, "mount"))
			r = make_mount(making, flag,
				       list_add(making->arena, run->mount, run->mount_count));
		else if (!strcmp(flag->name, "device"))
			r = add_device(making, flag);
		else if (!strcmp(flag->name, "network"))
			run->network = !strcmp(flag->value, "none")   ? RUN_NETWORK_NONE
				       : !strcmp(flag->value, "host") ? RUN_NETWORK_HOST
								      : RUN_NETWORK_DEFAULT;
		else if (!strcmp(flag->name, "security"))
			run->is_insecure = !strcmp(flag->value, "insecure");
	}
	return r;
}

static const char *with_case(struct arena *arena, const struct setting *item, int (*change)(int))
{
	char *text = arena_printf(arena, "%s=%s", item->name, item->value);

	for (char *c = text; *c != '='; c++)
		*c = (char)change((unsigned char)*c);
	return text;
}

/* Programs differ in which case they look for: both are set. */
static void add_proxies(struct making *making)
{
	const struct environment *build_args = &making->evaluation->plan->build_args;
	struct texts *proxy_env = &making->step->run.proxy_env;

	for (size_t i = 0; i < build_args->count; i++) {
		const struct setting *item = &build_args->item[i];

		if (!is_predefined_argument(item->name))
			continue;
		texts_add(making->arena, proxy_env, with_case(making->arena, item, tolower));
		texts_add(making->arena, proxy_env, with_case(making->arena, item, toupper));
	}
}

/* "RUN |2 A=1 B=2 /bin/sh -c ...": the arguments that had a say are part of the history. */
static const char *created_by(struct making *making)
{
	const struct evaluation *evaluation = making->evaluation;
	const struct texts *names = &evaluation->arguments;
	auto_buf text = { 0 };

	buf_add_text(&text, "RUN");
	if (names->count)
		buf_printf(&text, " |%zu", names->count);
	for (size_t i = 0; i < names->count; i++) {
		const char *value = environment_get(&evaluation->environment, names->item[i]);

		buf_printf(&text, " %s=%s", names->item[i], value ? value : "");
	}
	return make_joined(making->arena, buf_text(&text), &making->step->run.argv);
}

int make_run(struct making *making)
{
	int r;

	set_argv(making);
	if (!making->step->run.argv.count)
		return make_refuse(making, NULL, "there is no command");
	r = add_flags(making);
	if (r < 0)
		return r;
	making->step->run.env = environment_texts(making->arena, &making->evaluation->environment);
	add_proxies(making);
	making->step->created_by = created_by(making);
	making->step->makes_layer = true;
	return 0;
}
