// SPDX-License-Identifier: Apache-2.0
/* rootlet completion: a script for bash, zsh or fish, made from the option tables of both programs
 * so that it cannot fall behind them. The scripts call rootlet only for names of images. */
#include "cmd/completion.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/strings.h"
#include "cmd/rows.h"

/* Prints the names of the local images, one a line. */
#define IMAGES "rootlet images 2>/dev/null | awk 'NR > 1 && $1 != \"<none>\" { print $1 \":\" $2 }'"

static bool same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Rows of options of this command, and those every command has. */
static bool belongs(const struct row *row, const char *command)
{
	return row_is_option(row) && (same(row->command, command) || same(row->command, "*"));
}

#define each_command(rows, row)              \
	const struct row *row = (rows)->row; \
	row < (rows)->row + (rows)->count;   \
	row++

/* What follows an option or is an operand, told by the words for it in help texts. */
static bool is_file(const char *value)
{
	static const char *const words[] = { "FILE", "DIR", "SRC", "PATH", "DEST", "CONTEXT" };

	for (size_t i = 0; i < array_count(words); i++)
		if (strstr(value, words[i]))
			return true;
	return false;
}

static bool is_image(const char *value)
{
	return strstr(value, "REF") || strstr(value, "ROOT");
}

/* The words of "a|b|c" separated by blanks. */
static void add_choices(struct buf *out, const char *choices)
{
	for (; *choices; choices++)
		buf_add_char(out, *choices == '|' ? ' ' : *choices);
}

/* A synopsis that begins with words to choose from, "ls|prune [OPTIONS]": add them; or nothing. */
static bool add_first_words(struct buf *out, const char *synopsis)
{
	size_t length = strcspn(synopsis, " ");
	auto_buf words = { 0 };

	if (strspn(synopsis, "abcdefghijklmnopqrstuvwxyz|") != length || !strchr(synopsis, '|'))
		return false;
	buf_add(&words, synopsis, length);
	add_choices(out, buf_text(&words));
	return true;
}

/* ---- bash */

static void bash_options(struct buf *out, const struct rows *rows, const char *command)
{
	buf_printf(out, "    %s) echo '", command);
	for (each_command(rows, row)) {
		if (!belongs(row, command))
			continue;
		if (*row->letter)
			buf_printf(out, "-%s ", row->letter);
		buf_printf(out, "--%s ", row->name);
	}
	buf_add_text(out, "' ;;\n");
}

/* What may follow an option that takes a value: words, or @file, @image, @nothing. */
static void bash_values(struct buf *out, const struct rows *rows, const struct row *command)
{
	for (each_command(rows, row)) {
		if (!belongs(row, command->command) || !row_takes_value(row))
			continue;
		buf_printf(out, "    %s:--%s", command->command, row->name);
		if (*row->letter)
			buf_printf(out, " | %s:-%s", command->command, row->letter);
		buf_add_text(out, ") echo '");
		if (same(row->kind, "choice"))
			add_choices(out, row->value);
		else if (is_file(row->value))
			buf_add_text(out, "@file");
		else
			buf_add_text(out, is_image(row->value) ? "@image" : "@nothing");
		buf_add_text(out, "' ;;\n");
	}
}

static void bash_operands(struct buf *out, const struct row *command)
{
	buf_printf(out, "    %s) echo '", command->command);
	if (is_image(command->value))
		buf_add_text(out, "@image ");
	if (is_file(command->value) || strstr(command->value, "ROOT"))
		buf_add_text(out, "@file ");
	if (same(command->command, "help"))
		buf_add_text(out, "@command");
	add_first_words(out, command->value);
	buf_add_text(out, "' ;;\n");
}

static void bash_tables(struct buf *out, const struct rows *rows)
{
	buf_add_text(out, "_rootlet_commands='");
	for (each_command(rows, row))
		if (row_is_command(row))
			buf_printf(out, "%s ", row->command);
	buf_add_text(out, "'\n\n_rootlet_options() {\n    case $1 in\n");
	for (each_command(rows, row))
		if (row_is_command(row))
			bash_options(out, rows, row->command);
	buf_add_text(out, "    *) echo '-v --verbose --help --version' ;;\n    esac\n}\n\n"
			  "_rootlet_values() {\n    case $1:$2 in\n");
	for (each_command(rows, row))
		if (row_is_command(row))
			bash_values(out, rows, row);
	buf_add_text(out, "    esac\n}\n\n_rootlet_operands() {\n    case $1 in\n");
	for (each_command(rows, row))
		if (row_is_command(row))
			bash_operands(out, row);
	buf_add_text(out, "    esac\n}\n");
}

static const char bash_engine[] =
	"\n"
	"# Answers for words like @file, and plain words as they are.\n"
	"_rootlet_answer() {\n"
	"    local word\n"
	"    for word in $1; do\n"
	"        case $word in\n"
	"        @file) compopt -o filenames 2>/dev/null; compgen -f -- \"$2\" ;;\n"
	"        @image) compgen -W \"$(" IMAGES ")\" -- \"$2\" ;;\n"
	"        @command) compgen -W \"$_rootlet_commands\" -- \"$2\" ;;\n"
	"        @nothing) ;;\n"
	"        *) compgen -W \"$word\" -- \"$2\" ;;\n"
	"        esac\n"
	"    done\n"
	"}\n"
	"\n"
	"# The line up to the cursor, cut at blanks only: bash also cuts at ':' and '='.\n"
	"_rootlet() {\n"
	"    local line=${COMP_LINE:0:COMP_POINT} words command= previous= current value cut i\n"
	"    read -r -a words <<<\"$line\"\n"
	"    case $line in *[[:space:]]) words+=('') ;; esac\n"
	"    current=${words[${#words[@]} - 1]}\n"
	"    for ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
	"        case ${words[i]} in\n"
	"        -*) ;;\n"
	"        *) command=${words[i]}; break ;;\n"
	"        esac\n"
	"    done\n"
	"    ((${#words[@]} > 2)) && previous=${words[${#words[@]} - 2]}\n"
	"    case $current in\n"
	"    --*=*) previous=${current%%=*} current=${current#*=} ;;\n"
	"    esac\n"
	"    value=$(_rootlet_values \"$command\" \"$previous\")\n"
	"    if [ -z \"$command\" ]; then\n"
	"        value=\"$_rootlet_commands $(_rootlet_options '')\"\n"
	"    elif [ -n \"$value\" ]; then\n"
	"        :\n"
	"    elif [ \"${current:0:1}\" = - ]; then\n"
	"        value=$(_rootlet_options \"$command\")\n"
	"    else\n"
	"        value=$(_rootlet_operands \"$command\")\n"
	"    fi\n"
	"    mapfile -t COMPREPLY < <(_rootlet_answer \"$value\" \"$current\")\n"
	"    case $current in # bash replaces only what follows its own last cut\n"
	"    *[:=]*)\n"
	"        cut=${current%\"${current##*[:=]}\"}\n"
	"        COMPREPLY=(\"${COMPREPLY[@]#\"$cut\"}\")\n"
	"        ;;\n"
	"    esac\n"
	"}\n"
	"\n"
	"complete -F _rootlet rootlet\n";

static void write_bash(struct buf *out, const struct rows *rows)
{
	buf_add_text(out, "# Completion of rootlet for bash. In ~/.bashrc: "
			  ". <(rootlet completion bash)\n");
	bash_tables(out, rows);
	buf_add_text(out, bash_engine);
}

/* ---- zsh */

/* Text inside a '...[text]:message:action' specification: its own marks are escaped. */
static void zsh_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_add_text(out, "'\\'");
		else if (strchr("[]:\\", *text))
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
}

static void zsh_action(struct buf *out, const struct row *row)
{
	buf_add_char(out, ':');
	zsh_text(out, row->value);
	buf_add_char(out, ':');
	if (same(row->kind, "choice")) {
		buf_add_char(out, '(');
		add_choices(out, row->value);
		buf_add_char(out, ')');
	} else if (is_file(row->value)) {
		buf_add_text(out, "_files");
	} else if (is_image(row->value)) {
		buf_add_text(out, "_rootlet_images");
	}
}

static void zsh_option(struct buf *out, const struct row *row, const char *form)
{
	buf_printf(out, "            '%s%s[", same(row->kind, "list") ? "*" : "", form);
	zsh_text(out, row->help);
	buf_add_char(out, ']');
	if (row_takes_value(row))
		zsh_action(out, row);
	buf_add_text(out, "' \\\n");
}

static void zsh_command(struct buf *out, const struct rows *rows, const struct row *command)
{
	auto_buf words = { 0 };

	buf_printf(out, "        %s)\n            _arguments -s -S \\\n", command->command);
	for (each_command(rows, row)) {
		char form[80];

		if (!belongs(row, command->command))
			continue;
		snprintf(form, sizeof(form), "--%.70s%s", row->name,
			 row_takes_value(row) ? "=" : "");
		zsh_option(out, row, form);
		snprintf(form, sizeof(form), "-%s", row->letter);
		if (*row->letter)
			zsh_option(out, row, form);
	}
	if (add_first_words(&words, command->value))
		buf_printf(out, "            '1:word:(%s)' \\\n", words.bytes);
	buf_printf(out, "            '*:operand:_rootlet_operand %s'\n            ;;\n",
		   is_image(command->value) ? "image" : "file");
}

static void write_zsh(struct buf *out, const struct rows *rows)
{
	buf_add_text(out, "#compdef rootlet\n"
			  "# Completion of rootlet for zsh, in a folder of $fpath as _rootlet:\n"
			  "#     rootlet completion zsh >~/.zfunc/_rootlet\n"
			  "_rootlet_images() {\n"
			  "    local -a images\n"
			  "    images=(${(f)\"$(" IMAGES ")\"})\n"
			  "    compadd -a images\n"
			  "}\n\n"
			  "_rootlet_operand() {\n"
			  "    [[ $1 == image ]] && _rootlet_images\n"
			  "    _files\n"
			  "}\n\n"
			  "_rootlet() {\n"
			  "    local context state line\n"
			  "    local -a commands\n"
			  "    commands=(\n");
	for (each_command(rows, row)) {
		if (!row_is_command(row))
			continue;
		buf_printf(out, "        '%s:", row->command);
		zsh_text(out, row->help);
		buf_add_text(out, "'\n");
	}
	buf_add_text(
		out,
		"    )\n"
		"    _arguments -C '*-v[say what is done]' '--help[list the commands]' \\\n"
		"        '--version[print the version]' '1:command:->command' '*::arg:->args'\n"
		"    case $state in\n"
		"    command) _describe command commands ;;\n"
		"    args)\n"
		"        case $line[1] in\n");
	for (each_command(rows, row))
		if (row_is_command(row))
			zsh_command(out, rows, row);
	buf_add_text(out, "        esac\n        ;;\n    esac\n}\n\n_rootlet \"$@\"\n");
}

/* ---- fish */

static void fish_text(struct buf *out, const char *text)
{
	buf_add_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '\'');
}

static void fish_option(struct buf *out, const struct row *row)
{
	if (same(row->command, "*"))
		buf_add_text(out, "complete -c rootlet");
	else
		buf_printf(out, "complete -c rootlet -n '__fish_seen_subcommand_from %s'",
			   row->command);
	if (*row->letter)
		buf_printf(out, " -s %s", row->letter);
	buf_printf(out, " -l %s", row->name);
	if (row_takes_value(row))
		buf_add_text(out, is_file(row->value) ? " -r" : " -x");
	if (same(row->kind, "choice")) {
		buf_add_text(out, " -a '");
		add_choices(out, row->value);
		buf_add_char(out, '\'');
	} else if (row_takes_value(row) && is_image(row->value)) {
		buf_add_text(out, " -a '(__rootlet_images)'");
	}
	buf_add_text(out, " -d ");
	fish_text(out, row->help);
	buf_add_char(out, '\n');
}

static void fish_operands(struct buf *out, const struct row *command)
{
	auto_buf words = { 0 };

	if (is_image(command->value))
		buf_printf(out,
			   "complete -c rootlet -n '__fish_seen_subcommand_from %s' "
			   "-a '(__rootlet_images)'\n",
			   command->command);
	if (add_first_words(&words, command->value))
		buf_printf(out, "complete -c rootlet -n '__fish_seen_subcommand_from %s' -a '%s'\n",
			   command->command, words.bytes);
}

static void write_fish(struct buf *out, const struct rows *rows)
{
	buf_add_text(out, "# Completion of rootlet for fish:\n"
			  "#     rootlet completion fish >~/.config/fish/completions/rootlet.fish\n"
			  "function __rootlet_images\n    " IMAGES "\nend\n");
	for (each_command(rows, row)) {
		if (row_is_option(row)) {
			fish_option(out, row);
			continue;
		}
		if (!row_is_command(row))
			continue;
		buf_printf(out, "complete -c rootlet -n __fish_use_subcommand -a %s -d ",
			   row->command);
		fish_text(out, row->help);
		buf_add_char(out, '\n');
		fish_operands(out, row);
	}
}

/* ---- the command */

static int write_script(const struct command *command, const char *shell)
{
	static const struct {
		const char *shell;
		void (*write)(struct buf *out, const struct rows *rows);
	} scripts[] = { { "bash", write_bash }, { "zsh", write_zsh }, { "fish", write_fish } };
	auto_rows rows = { 0 };
	auto_buf out = { 0 };
	struct err err = { 0 };
	bool complete;

	if (rows_read(&rows, &complete, &err) < 0)
		return command_fail(command, &err);
	for (size_t i = 0; i < array_count(scripts); i++)
		if (same(scripts[i].shell, shell))
			scripts[i].write(&out, &rows);
	if (!out.size_bytes)
		fail_plain(&err, EINVAL, "'%s' is not one of bash, zsh, fish", shell);
	if (err.code || command_write(&out, &err) < 0)
		return command_fail(command, &err);
	return 0;
}

static int completion_main(const struct command *command, const struct common *common, int argc,
			   char **argv)
{
	struct common request = *common;
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && argc - operand != 1)
		r = fail_plain(&err, EINVAL, "name one shell: bash, zsh or fish");
	if (r < 0)
		return command_fail(command, &err);
	return write_script(command, argv[operand]);
}

const struct command command_completion = {
	.name = "completion",
	.summary = "print a script that completes rootlet's words in a shell",
	.synopsis = "bash|zsh|fish",
	.run = completion_main,
	.group = "Help",
};
