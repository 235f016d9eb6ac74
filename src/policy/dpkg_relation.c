// SPDX-License-Identifier: Apache-2.0
#include "policy/dpkg_relation.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"
#include "policy/dpkg.h"

#define BLANKS " \t\r\n"

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* '~' sorts before everything, even the end; letters before what is no letter. */
static int weight(char c)
{
	if (c == '~')
		return -1;
	if (c == '\0' || isdigit((unsigned char)c))
		return 0;
	return isalpha((unsigned char)c) ? (unsigned char)c : (unsigned char)c + 256;
}

static int compare_numbers(const char **a, const char **b)
{
	size_t a_length;
	size_t b_length;
	int order;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	a_length = digits(*a);
	b_length = digits(*b);
	order = a_length != b_length ? (a_length < b_length ? -1 : 1) : strncmp(*a, *b, a_length);
	*a += a_length;
	*b += b_length;
	return order;
}

/* Upstream version or revision: texts and numbers in turn. */
static int compare_parts(const char *a, const char *b)
{
	while (*a || *b) {
		int order;

		while ((*a && !isdigit((unsigned char)*a)) || (*b && !isdigit((unsigned char)*b))) {
			order = weight(*a) - weight(*b);
			if (order != 0)
				return order;
			a += *a != '\0';
			b += *b != '\0';
		}
		order = compare_numbers(&a, &b);
		if (order != 0)
			return order;
	}
	return 0;
}

struct parts {
	char text[DPKG_NAME_MAX];
	const char *epoch, *upstream, *revision;
};

static void split(struct parts *parts, const char *version)
{
	char *colon;
	char *dash;

	snprintf(parts->text, sizeof(parts->text), "%s", version);
	colon = strchr(parts->text, ':');
	if (colon)
		*colon = '\0';
	parts->epoch = colon ? parts->text : "0";
	parts->upstream = colon ? colon + 1 : parts->text;
	dash = strrchr(parts->upstream, '-');
	if (dash)
		*dash = '\0';
	parts->revision = dash ? dash + 1 : "0";
}

int dpkg_compare_versions(const char *a, const char *b)
{
	struct parts x;
	struct parts y;
	int order;

	split(&x, a);
	split(&y, b);
	order = compare_parts(x.epoch, y.epoch);
	if (order == 0)
		order = compare_parts(x.upstream, y.upstream);
	return order != 0 ? order : compare_parts(x.revision, y.revision);
}

/* Copy until one of `ends`; false when it does not fit. */
static bool take(const char **cursor, const char *ends, char *to, size_t room)
{
	size_t length = strcspn(*cursor, ends);

	if (length >= room)
		return false;
	memcpy(to, *cursor, length);
	to[length] = '\0';
	*cursor += length;
	return true;
}

/* "(>= 2.34)" */
static bool take_version(const char **cursor, struct dpkg_relation *relation)
{
	size_t length;

	if (**cursor != '(')
		return true;
	*cursor += 1 + strspn(*cursor + 1, BLANKS);
	length = strspn(*cursor, "<>=");
	if (length == 0 || length >= sizeof(relation->comparison))
		return false;
	memcpy(relation->comparison, *cursor, length);
	relation->comparison[length] = '\0';
	*cursor += length + strspn(*cursor + length, BLANKS);
	if (!take(cursor, ")" BLANKS, relation->version, sizeof(relation->version)))
		return false;
	*cursor += strspn(*cursor, BLANKS);
	if (**cursor != ')')
		return false;
	*cursor += 1;
	return true;
}

static bool take_relation(const char **cursor, struct dpkg_relation *relation)
{
	if (!take(cursor, ":(|," BLANKS, relation->name, sizeof(relation->name)))
		return false;
	if (**cursor == ':') {
		*cursor += 1;
		if (!take(cursor, "(|," BLANKS, relation->architecture,
			  sizeof(relation->architecture)))
			return false;
	}
	*cursor += strspn(*cursor, BLANKS);
	return take_version(cursor, relation) && relation->name[0];
}

bool dpkg_relation_next(const char **cursor, struct dpkg_relation *ret_relation)
{
	bool good = false;

	while (!good) {
		*cursor += strspn(*cursor, BLANKS ",|");
		if (!**cursor)
			return false;
		*ret_relation = (struct dpkg_relation){ 0 };
		good = take_relation(cursor, ret_relation);
		*cursor += strcspn(*cursor, ",|");
		ret_relation->has_alternative = **cursor == '|';
	}
	return true;
}

bool dpkg_relation_takes(const struct dpkg_relation *relation, const char *version)
{
	const char *comparison = relation->comparison;
	int order;

	if (!comparison[0])
		return true;
	if (!version)
		return false;
	order = dpkg_compare_versions(version, relation->version);
	if (strcmp(comparison, "<<") == 0)
		return order < 0;
	if (strcmp(comparison, "<=") == 0 || strcmp(comparison, "<") == 0)
		return order <= 0;
	if (strcmp(comparison, ">=") == 0 || strcmp(comparison, ">") == 0)
		return order >= 0;
	if (strcmp(comparison, ">>") == 0)
		return order > 0;
	return order == 0;
}
