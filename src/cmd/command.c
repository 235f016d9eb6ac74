// SPDX-License-Identifier: Apache-2.0
/* From argv to a row of a command table, for both programs. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "base/number.h"
#include "base/seldom.h"
#include "base/text.h"
#include "cmd/opt.h"

/* A rootlet that started this one says it in its own words: flow/tar_root.c. */
static bool tell_parent(const struct err *err)
{
	const char *text = getenv(ERR_FD_VARIABLE);
	uint32_t fd;

	return text && number_parse_u32(text, &fd) == 0 && fd > STDERR_FILENO && fd <= INT_MAX &&
	       io_write_all((int)fd, err, sizeof(*err)) == 0;
}

int command_fail(const struct command *command, const struct err *err)
{
	auto_buf line = { 0 };

	if (tell_parent(err))
		return EXIT_ROOTLET;
	if (log_get_format() == LOG_JSON) {
		buf_add_text(&line, "{\"level\":\"error\",\"command\":");
		text_add_json_string(&line, command->name);
		buf_add_text(&line, ",\"message\":");
		text_add_json_string(&line, err->text);
		if (err->hint[0]) {
			buf_add_text(&line, ",\"hint\":");
			text_add_json_string(&line, err->hint);
		}
		buf_add_text(&line, "}\n");
	} else {
		buf_add_text(&line, "rootlet ");
		text_add_visible(&line, command->name);
		buf_add_text(&line, ": error: ");
		text_add_visible(&line, err->text);
		if (err->hint[0])
			buf_add_text(&line, "\nhint: ");
		text_add_visible(&line, err->hint);
		buf_add_char(&line, '\n');
	}
	(void)io_write_all(STDERR_FILENO, line.bytes, line.size_bytes);
	return EXIT_ROOTLET;
}

static const struct command *find(const struct command *const *commands, const char *name)
{
	for (; *commands; commands++)
		if (strcmp((*commands)->name, name) == 0)
			return *commands;
	return NULL;
}

static const struct opt before_command[] = {
	{ OPT_COUNT, 'v', "verbose", offsetof(struct common, verbose), NULL, "say what is done",
	  NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static const struct command program = {
	.name = "",
	.summary = "a little root for every user",
	.synopsis = "[OPTIONS] COMMAND [ARGS...]",
	.opts = before_command,
	.stop_at_operand = true,
};

static seldom int no_command(const char *name)
{
	struct err err = { 0 };
	struct command shown = program;

	shown.name = name;
	fail_plain(&err, EINVAL, "no such command");
	err_hint(&err, "'rootlet help' lists the commands");
	return command_fail(&shown, &err);
}

/* The hidden command __options; cmd/rows.h reads it. */
static void print_tables(const struct command *const *commands)
{
	static const struct command every = {
		.name = "*", .synopsis = "", .summary = "", .opts = opt_common
	};

	for (; *commands; commands++)
		opt_print_table(*commands, stdout);
	opt_print_table(&every, stdout);
}

int command_write(const struct buf *out, struct err *err)
{
	int r = io_write_all(STDOUT_FILENO, buf_text(out), out->size_bytes);

	return r < 0 ? fail(err, -r, "write to standard output") : 0;
}

/* What was printed must have arrived: a script reads the id of an image from a pipe. */
static int flushed(const struct command *command, int status)
{
	struct err err = { 0 };
	bool had_failed = ferror(stdout);

	if (fflush(stdout) == 0 && !had_failed)
		return status;
	if (status)
		return status;
	fail(&err, had_failed ? EIO : errno, "write to standard output");
	return command_fail(command, &err);
}

int command_main(const struct command *const *commands, int argc, char **argv,
		 int (*otherwise)(const char *name, int argc, char **argv))
{
	struct common common = { 0 };
	struct err err = { 0 };
	const struct command *command;
	int first;
	int r;

	io_reserve_stdio();
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		first = 1;
	else if (argc > 1 && strcmp(argv[1], "--version") == 0)
		first = 1;
	else {
		r = opt_parse(&program, argc, argv, &common, &first, &err);
		if (r < 0)
			return command_fail(&program, &err);
		if (r > 0)
			return flushed(&program, 0);
	}
	const char *name = first < argc ? argv[first] : "help";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0)
		name = "version";
	if (strcmp(name, "__options") == 0) {
		print_tables(commands);
		return flushed(&program, 0);
	}
	command = find(commands, name);
	if (command)
		return flushed(command, command->run(command, &common, argc - first, argv + first));
	if (otherwise)
		return otherwise(name, argc, argv);
	return no_command(name);
}
