// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/chmod.h"

#include <string.h>

#include "base/number.h"
#include "dockerfile/list.h"

#define USER_BITS  04700u
#define GROUP_BITS 02070u
#define OTHER_BITS 00007u
#define STICKY_BIT 01000u
#define ALL_BITS   07777u
#define EXECUTABLE 0111u

/* "go+rX": for the classes in `who`, the operator, and what is added, taken or set. */
struct chmod_clause {
	uint32_t who;
	char operator;
	uint32_t bits;		  /* of rwxst, for all classes at once */
	char copied;		  /* 'u', 'g' or 'o': the bits of that class instead */
	bool execute_if_sensible; /* X */
};

static uint32_t class_bits(char letter)
{
	switch (letter) {
	case 'u':
		return USER_BITS;
	case 'g':
		return GROUP_BITS;
	case 'o':
		return OTHER_BITS | STICKY_BIT;
	case 'a':
		return ALL_BITS;
	default:
		return 0;
	}
}

static uint32_t permission_bits(char letter)
{
	switch (letter) {
	case 'r':
		return 0444;
	case 'w':
		return 0222;
	case 'x':
		return 0111;
	case 's':
		return 06000;
	case 't':
		return STICKY_BIT;
	default:
		return 0;
	}
}

/* Behind the operator; returns what follows the permissions. */
static const char *parse_permissions(const char *at, struct chmod_clause *clause)
{
	if (*at && strchr("ugo", *at)) {
		clause->copied = *at;
		return at + 1;
	}
	for (; *at; at++) {
		if (*at == 'X')
			clause->execute_if_sensible = true;
		else if (permission_bits(*at))
			clause->bits |= permission_bits(*at);
		else
			break;
	}
	return at;
}

/* One part between commas: classes, then one or more of operator and permissions. */
static const char *parse_part(struct arena *arena, const char *at, struct chmod_clause **clause,
			      size_t *count)
{
	uint32_t who = 0;

	for (; class_bits(*at); at++)
		who |= class_bits(*at);
	if (!*at || !strchr("+-=", *at))
		return NULL;
	while (*at && strchr("+-=", *at)) {
		struct chmod_clause part = { .who = who ? who : ALL_BITS, .operator= * at };

		at = parse_permissions(at + 1, &part);
		*list_add(arena, *clause, *count) = part;
	}
	return at;
}

int chmod_parse(struct arena *arena, const char *text, struct chmod_change *ret_change,
		struct err *err)
{
	struct chmod_clause *clause = NULL;
	const char *at = text;
	size_t count = 0;
	uint32_t mode;

	if (number_parse_octal(text, &mode) == 0) {
		*ret_change = (struct chmod_change){ .is_octal = true, .mode = mode & ALL_BITS };
		return 0;
	}
	for (at = parse_part(arena, at, &clause, &count); at && *at == ',';)
		at = parse_part(arena, at + 1, &clause, &count);
	if (!at || *at || strchr("0123456789", *text))
		return fail_plain(err, EINVAL,
				  "invalid chmod parameter '%s': it should be an octal number or "
				  "changes as in \"u=rwX,go=rX\"",
				  text);
	*ret_change = (struct chmod_change){ .clause = clause, .clause_count = count };
	return 0;
}

/* The rwx bits of one class, given to all three. */
static uint32_t spread(uint32_t mode, char from)
{
	uint32_t three = from == 'u' ? mode >> 6 : from == 'g' ? mode >> 3 : mode;

	return (three & 7) * 0111;
}

static uint32_t apply_clause(const struct chmod_clause *clause, uint32_t mode, bool is_dir)
{
	uint32_t bits = clause->copied ? spread(mode, clause->copied) : clause->bits;

	if (clause->execute_if_sensible && (is_dir || (mode & EXECUTABLE)))
		bits |= EXECUTABLE;
	bits &= clause->who;
	switch (clause->operator) {
	case '+':
		return mode | bits;
	case '-':
		return mode & ~bits;
	default: /* '=': set-id bits of a directory stay unless named, as in chmod(1) */
		return (mode & ~(clause->who & (is_dir ? 01777u : ALL_BITS))) | bits;
	}
}

uint32_t chmod_apply(const struct chmod_change *change, uint32_t mode, bool is_dir)
{
	if (change->is_octal)
		return change->mode;
	mode &= ALL_BITS;
	for (size_t i = 0; i < change->clause_count; i++)
		mode = apply_clause(&change->clause[i], mode, is_dir);
	return mode;
}
