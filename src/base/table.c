// SPDX-License-Identifier: Apache-2.0
#include "base/table.h"

#include <stdint.h>
#include <stdio.h>

#include "base/memory.h"

void table_done(struct table *table)
{
	strings_done(&table->cells);
}

void table_cell(struct table *table, const char *text)
{
	strings_add(&table->cells, text);
}

static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

void table_print(const struct table *table, struct buf *buf)
{
	auto_free size_t *width = memory_zeroed(table->columns, sizeof(*width));

	for (size_t i = 0; i < table->cells.count; i++) {
		size_t cell = width_of(table->cells.item[i]);

		if (cell > width[i % table->columns])
			width[i % table->columns] = cell;
	}
	for (size_t i = 0; i < table->cells.count; i++) {
		const char *text = table->cells.item[i];
		bool last = i % table->columns == table->columns - 1;

		buf_add_text(buf, text);
		if (last)
			buf_add_char(buf, '\n');
		else
			buf_printf(buf, "%*s",
				   (int)(width[i % table->columns] - width_of(text) + 3), "");
	}
}

const char *table_age(int64_t seconds, char text[32])
{
	static const struct {
		int64_t below_s; /* used for ages below this */
		int64_t unit_s;
		const char *name;
	} units[] = {
		{ 2, 0, "Less than a second ago" },
		{ 60, 1, "seconds" },
		{ 120, 0, "About a minute ago" },
		{ 3600, 60, "minutes" },
		{ 7200, 0, "About an hour ago" },
		{ 48 * 3600, 3600, "hours" },
		{ 14 * 86400, 86400, "days" },
		{ 60 * 86400, 7 * 86400, "weeks" },
		{ 730 * (int64_t)86400, 30 * 86400, "months" },
		{ INT64_MAX, 365 * 86400, "years" },
	};
	size_t i = 0;

	while (seconds >= units[i].below_s && i + 1 < array_count(units))
		i++;
	if (units[i].unit_s)
		snprintf(text, 32, "%lld %s ago", (long long)(seconds / units[i].unit_s),
			 units[i].name);
	else
		snprintf(text, 32, "%s", units[i].name);
	return text;
}
