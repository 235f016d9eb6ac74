// SPDX-License-Identifier: Apache-2.0
/* One header may carry several challenges, and commas part both challenges and the parameters of
 * one: what follows a comma is a parameter if an '=' comes after the word, else a new scheme. */
#include "remote/challenge.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"
#include "base/buf.h"

static bool is_token(int c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/* Empty list members are allowed (RFC 9110 5.6.1.2). */
static const char *skip_commas(const char *at)
{
	return at + strspn(at, " \t,");
}

static char *take_token(struct arena *arena, const char **at)
{
	const char *start = *at;

	while (is_token((unsigned char)**at))
		(*at)++;
	if (*at == start)
		return NULL;
	return arena_copy_bytes(arena, start, (size_t)(*at - start));
}

static char *take_quoted(struct arena *arena, const char **at)
{
	auto_buf text = { 0 };

	for ((*at)++; **at && **at != '"'; (*at)++) {
		if (**at == '\\' && (*at)[1])
			(*at)++;
		buf_add_char(&text, **at);
	}
	if (**at != '"')
		return NULL;
	(*at)++;
	return arena_copy(arena, buf_text(&text));
}

static void set_parameter(struct challenge *challenge, const char *name, const char *value)
{
	if (strcasecmp(name, "realm") == 0)
		challenge->realm = value;
	else if (strcasecmp(name, "service") == 0)
		challenge->service = value;
	else if (strcasecmp(name, "scope") == 0)
		challenge->scope = value;
	else if (strcasecmp(name, "error") == 0)
		challenge->error = value;
}

/* name = value at *at; false and *at unmoved when a new challenge starts there instead. */
static bool take_parameter(struct arena *arena, const char **at, struct challenge *challenge,
			   bool *ret_malformed)
{
	const char *look = *at;
	const char *name = take_token(arena, &look);
	const char *value;

	if (!name)
		return false;
	look = skip_blanks(look);
	if (*look != '=')
		return false;
	look = skip_blanks(look + 1);
	value = *look == '"' ? take_quoted(arena, &look) : take_token(arena, &look);
	*ret_malformed = !value;
	if (value)
		set_parameter(challenge, name, value);
	*at = look;
	return true;
}

/* Base64-like credentials of one word (Negotiate, NTLM): of no use here, stepped over. */
static const char *skip_token68(const char *at)
{
	const char *end = at;

	while (is_token((unsigned char)*end) || *end == '/')
		end++;
	while (*end == '=')
		end++;
	end = skip_blanks(end);
	return *end == ',' || !*end ? end : at;
}

static int parse_one(struct arena *arena, const char **at, struct challenge *challenge)
{
	char *scheme = take_token(arena, at);
	bool malformed = false;

	if (!scheme)
		return -EINVAL;
	for (char *c = scheme; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	*challenge = (struct challenge){ .scheme = scheme };
	if (**at && **at != ' ' && **at != '\t' && **at != ',')
		return -EINVAL;
	*at = skip_token68(skip_blanks(*at));
	do
		*at = skip_commas(*at);
	while (take_parameter(arena, at, challenge, &malformed) && !malformed);
	return malformed ? -EINVAL : 0;
}

int challenge_parse(struct arena *arena, const char *value,
		    struct challenge ret_list[CHALLENGES_MAX], size_t *ret_count, struct err *err)
{
	const char *at = skip_commas(value);
	size_t count = 0;

	while (*at) {
		if (count == CHALLENGES_MAX)
			return fail_plain(err, EINVAL, "WWW-Authenticate: more than %d challenges",
					  CHALLENGES_MAX);
		if (parse_one(arena, &at, &ret_list[count]) < 0)
			return fail_plain(err, EINVAL, "WWW-Authenticate: malformed header");
		count++;
	}
	*ret_count = count;
	return 0;
}
