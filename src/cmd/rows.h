/* SPDX-License-Identifier: Apache-2.0 */
/* The option tables of both programs as rows, for what is generated from them: `rootlet help`,
 * completion, man pages. Each program prints its own with the hidden command __options; columns
 * are those of opt_print_table. */
#ifndef CMD_ROWS_H
#define CMD_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct row {
	const char *command; /* "*" in rows of options that every command has */
	const char *letter;  /* "" when there is none */
	const char *name;    /* long name; "" in a command's own row */
	const char *value;   /* what follows the option; a command's synopsis */
	const char *kind;    /* command, flag, value, list, choice, optional, refused, heading */
	const char *help;    /* a command's summary */
	const char *group;   /* of a command: its heading in `rootlet help` */
};

struct rows {
	struct arena arena;
	struct row *row; /* a command's own row comes before its options */
	size_t count;
};

/* Ask both programs. rootlet-image may be missing (a single file was copied here): then only the
 * commands of this program are there, and *ret_complete is false. */
int rows_read(struct rows *ret_rows, bool *ret_complete, struct err *err) must_check;
void rows_done(struct rows *rows);
#define auto_rows cleanup(rows_done) struct rows

bool row_is_command(const struct row *row);
bool row_is_option(const struct row *row);   /* neither heading nor refused */
bool row_takes_value(const struct row *row); /* as the next word */

#endif
