/* SPDX-License-Identifier: Apache-2.0 */
/* Options are data: one table per command gives parsing, --help, the man page's option list and
 * shell completion. A command is a struct command: name, summary, synopsis, table, function. */
#ifndef CMD_OPT_H
#define CMD_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"

enum opt_kind {
	OPT_END,
	OPT_FLAG,    /* bool: set true */
	OPT_COUNT,   /* unsigned: +1 each time */
	OPT_STR,     /* const char *: the last one wins; borrowed from argv */
	OPT_LIST,    /* struct strings: every use is added */
	OPT_U64,     /* uint64_t */
	OPT_SIZE,    /* uint64_t bytes: 64m, 1G */
	OPT_CHOICE,  /* const char *: one of `value`, words separated by '|' */
	OPT_MAYBE,   /* const char *: --name=VALUE, or "" for --name alone */
	OPT_CALL,    /* bool (*)(...) is not stored: `parse` below sees name and value */
	OPT_REFUSED, /* known elsewhere, never here: `help` says why; the error repeats it */
	OPT_HEADING, /* no option: starts a group in --help and the man page; `help` is its title */
};

struct opt {
	enum opt_kind kind;
	char letter; /* 0: none */
	const char *name;
	size_t offset;	   /* of the field in the command's request struct */
	const char *value; /* name of the value in help ("SRC[:DST]"); choices for OPT_CHOICE */
	const char *help;  /* NULL: not shown */
	/* OPT_CALL only: value is NULL when the table's `value` is NULL (a flag) */
	int (*parse)(void *request, const char *name, const char *value, struct err *err);
};

/* What every command accepts; the first member of each request struct. */
struct common {
	bool help;
	bool quiet;
	unsigned verbose;
	const char *store;	/* NULL: $ROOTLET_STORE, then $XDG_DATA_HOME/rootlet */
	const char *log_format; /* NULL or "text", "json" */
};

struct command {
	const char *name;
	const char *summary;  /* one line, lower case, no full stop */
	const char *synopsis; /* after the name: "[OPTIONS] ROOT [--] [CMD...]" */
	const struct opt *opts;
	bool stop_at_operand; /* run: what follows the first operand belongs to the guest */
	/* argv[0] is the command's name. Returns the exit status; prints its own errors with
	 * command_fail. NULL: the command lives in rootlet-image. */
	int (*run)(const struct command *command, const struct common *common, int argc,
		   char **argv);
	const char *group; /* heading in `rootlet help` */
};

enum exit_status {
	EXIT_ROOTLET = 125, /* rootlet itself failed */
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128, /* plus the number of the signal */
};

/* Parse argv into request (whose first member is struct common, already filled from options
 * before the command's name). *ret_operand is the index of the first operand. When --help was
 * asked for, prints it and returns 1: the caller exits 0. */
int opt_parse(const struct command *command, int argc, char **argv, void *request, int *ret_operand,
	      struct err *err) must_check;

/* The same for a command of one operand, which `what` names in the error. */
int opt_parse_one(const struct command *command, int argc, char **argv, void *request,
		  const char *what, const char **ret_operand, struct err *err) must_check;

void opt_print_help(const struct command *command, FILE *out);
/* One line for the command, unless its group is NULL, and one per option, for completion and man
 * pages: command, letter, name, value, kind, help, group; see cmd/rows.h. */
void opt_print_table(const struct command *command, FILE *out);

/* Options every command has. */
extern const struct opt opt_common[];

/* Write a result to stdout, all of it; an error names no more than that. */
int command_write(const struct buf *out, struct err *err) must_check;

/* Print "rootlet NAME: error: text" and the hint to stderr; returns EXIT_ROOTLET. */
int command_fail(const struct command *command, const struct err *err);

/* Run argv as a program with this table: options before the command's name, then the command.
 * `otherwise` is called for a name the table does not hold (it may exec another program) and may
 * be NULL. */
int command_main(const struct command *const *commands, int argc, char **argv,
		 int (*otherwise)(const char *name, int argc, char **argv));

#endif
