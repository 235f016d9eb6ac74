// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define NAME_MAX_BYTES 64 /* longer names get no suggestion */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap neighbours) that make one name of the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[3][NAME_MAX_BYTES + 1];
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);

	for (size_t k = 0; k <= b_length; k++)
		row[0][k] = k;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *before = row[(i - 1) % 3];
		size_t *now = row[i % 3];

		now[0] = i;
		for (size_t k = 1; k <= b_length; k++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[k - 1]);

			now[k] = least(least(before[k], now[k - 1]) + 1, before[k - 1] + !same);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				now[k] = least(now[k], row[(i - 2) % 3][k - 2] + 1);
		}
	}
	return row[a_length % 3][b_length];
}

const char *suggest(const char *name, const char *const *names, size_t count)
{
	const char *nearest = NULL;
	size_t best = strlen(name) / 3 + 1;

	if (strlen(name) > NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t edits;

		if (!strcmp(names[i], name))
			return NULL;
		if (strlen(names[i]) > NAME_MAX_BYTES)
			continue;
		edits = distance(name, names[i]);
		if (edits < best) {
			best = edits;
			nearest = names[i];
		}
	}
	return nearest;
}
