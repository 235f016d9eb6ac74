/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of text as wide as their widest cell, three blanks between, as docker prints them. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/strings.h"

struct table {
	size_t columns;
	struct strings cells; /* row by row */
};

void table_done(struct table *table);
#define auto_table cleanup(table_done) struct table /* = { .columns = N } */

void table_cell(struct table *table, const char *text);
/* Appended to buf; the last cell of a row is not padded. Width counts characters of UTF-8. */
void table_print(const struct table *table, struct buf *buf);

/* "3 weeks ago" as docker says it. */
const char *table_age(int64_t seconds, char text[32]);

#endif
