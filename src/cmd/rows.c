// SPDX-License-Identifier: Apache-2.0
#include "cmd/rows.h"

#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/memory.h"
#include "base/strings.h"
#include "sys/process.h"
#include "sys/sibling.h"

#define TABLE_BYTES ((size_t)4 << 20)
#define COLUMNS	    7

static int ask(const char *program, struct buf *text, struct err *err)
{
	const char *argv[] = { program, "__options", NULL };

	return process_capture(argv, TABLE_BYTES, text, err);
}

/* Cut one line, changing it, into its columns; those missing are "". */
static void parse_row(char *line, struct row *ret_row)
{
	const char *column[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++) {
		char *tab = line ? strchr(line, '\t') : NULL;

		column[i] = line ? line : "";
		if (tab)
			*tab = '\0';
		line = tab ? tab + 1 : NULL;
	}
	*ret_row = (struct row){ column[0], column[1], column[2], column[3],
				 column[4], column[5], column[6] };
}

static void parse_all(const struct buf *text, struct rows *rows)
{
	char *at = arena_copy(&rows->arena, buf_text(text));
	size_t room = 0;

	for (const char *c = at; *c; c++)
		room += *c == '\n';
	rows->row = arena_array(&rows->arena, struct row, room + 1);
	while (*at) {
		char *end = at + strcspn(at, "\n");
		bool last = !*end;

		*end = '\0';
		if (*at)
			parse_row(at, &rows->row[rows->count++]);
		at = last ? end : end + 1;
	}
}

int rows_read(struct rows *ret_rows, bool *ret_complete, struct err *err)
{
	auto_buf text = { 0 };
	char image_program[PROCESS_PATH_MAX];
	int r;

	r = ask("/proc/self/exe", &text, err);
	if (r < 0)
		return r;
	*ret_complete = sibling_find("rootlet-image", image_program);
	if (*ret_complete) {
		r = ask(image_program, &text, err);
		if (r < 0)
			return r;
	}
	*ret_rows = (struct rows){ 0 };
	parse_all(&text, ret_rows);
	return 0;
}

void rows_done(struct rows *rows)
{
	arena_done(&rows->arena);
}

bool row_is_command(const struct row *row)
{
	return strcmp(row->kind, "command") == 0;
}

bool row_is_option(const struct row *row)
{
	return !row_is_command(row) && strcmp(row->kind, "heading") != 0 &&
	       strcmp(row->kind, "refused") != 0;
}

bool row_takes_value(const struct row *row)
{
	return row_is_option(row) && strcmp(row->kind, "flag") != 0 &&
	       strcmp(row->kind, "optional") != 0;
}
