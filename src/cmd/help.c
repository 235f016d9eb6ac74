// SPDX-License-Identifier: Apache-2.0
/* rootlet help: the commands of both programs, or one command's manual page. */
#include "cmd/help.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "cmd/rows.h"
#include "sys/process.h"
#include "sys/sibling.h"

/* Man pages from this program's folder: installed, or in the build folder. */
static const char *const page_folders[] = { "../share/man/man1", "../doc" };

static const struct row *find_command(const struct rows *rows, const char *name)
{
	for (size_t i = 0; i < rows->count; i++)
		if (row_is_command(&rows->row[i]) && strcmp(rows->row[i].command, name) == 0)
			return &rows->row[i];
	return NULL;
}

static void print_group(const struct rows *rows, const char *group)
{
	printf("\n%s:\n", *group ? group : "More");
	for (size_t i = 0; i < rows->count; i++)
		if (row_is_command(&rows->row[i]) && strcmp(rows->row[i].group, group) == 0)
			printf("  %-12s %s\n", rows->row[i].command, rows->row[i].help);
}

/* Groups come in the order in which the tables first name them, help itself last. */
static void print_commands(const struct rows *rows)
{
	auto_strings seen = { 0 };

	strings_add(&seen, command_help.group);

	printf("usage: rootlet [OPTIONS] COMMAND [ARGS...]\n\n"
	       "A little root for every user: build, run and ship software environments without\n"
	       "root, without a daemon and without anything installed by an administrator.\n");
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->row[i];

		if (!row_is_command(row) || strings_contains(&seen, row->group))
			continue;
		strings_add(&seen, row->group);
		print_group(rows, row->group);
	}
	print_group(rows, command_help.group);
	printf("\nrootlet COMMAND --help lists a command's options; rootlet help COMMAND shows "
	       "its\n"
	       "manual page; rootlet doctor says what works on this machine.\n");
}

static int list_commands(const struct command *command)
{
	auto_rows rows = { 0 };
	struct err err = { 0 };
	bool complete;

	if (rows_read(&rows, &complete, &err) < 0)
		return command_fail(command, &err);
	print_commands(&rows);
	if (!complete)
		printf("\nThe program rootlet-image is not beside this one: commands that need it\n"
		       "(images, builds, registries) are not listed.\n");
	return 0;
}

/* Replace this process by man(1) on the page that belongs to this program. Returns when there is
 * no page or no man. */
static void exec_man(const char *name)
{
	char man[PROCESS_PATH_MAX];
	char page[PROCESS_PATH_MAX];

	if (!process_find("man", man))
		return;
	for (size_t i = 0; i < array_count(page_folders); i++) {
		auto_buf file = { 0 };

		buf_printf(&file, "%s/rootlet-%s.1", page_folders[i], name);
		if (sibling_path(file.bytes, page) && access(page, R_OK) == 0)
			execl(man, "man", page, (char *)NULL);
	}
}

static int show_command(const struct command *command, const char *name)
{
	auto_rows rows = { 0 };
	struct err err = { 0 };
	bool complete;

	if (rows_read(&rows, &complete, &err) < 0)
		return command_fail(command, &err);
	if (!find_command(&rows, name)) {
		fail_plain(&err, EINVAL, "there is no command '%s'%s", name,
			   complete ? "" : " here (rootlet-image is missing)");
		err_hint(&err, "'rootlet help' lists the commands");
		return command_fail(command, &err);
	}
	exec_man(name);
	execl("/proc/self/exe", "rootlet", name, "--help", (char *)NULL);
	fail(&err, errno, "run 'rootlet %s --help'", name);
	return command_fail(command, &err);
}

static int help_main(const struct command *command, const struct common *common, int argc,
		     char **argv)
{
	struct common request = *common;
	struct err err = { 0 };
	int operand = 1;
	int r = 0;

	if (argc > 0 && text_equal(argv[0], command->name))
		r = opt_parse(command, argc, argv, &request, &operand, &err);
	else
		operand = argc; /* called by --help, or with no command at all */
	if (r > 0)
		return 0;
	if (r == 0 && argc - operand > 1)
		r = fail_plain(&err, EINVAL, "one command at a time");
	if (r < 0)
		return command_fail(command, &err);
	return operand < argc ? show_command(command, argv[operand]) : list_commands(command);
}

const struct command command_help = {
	.name = "help",
	.summary = "list the commands, or show the manual page of one",
	.synopsis = "[COMMAND]",
	.run = help_main,
	.group = "Help",
};
