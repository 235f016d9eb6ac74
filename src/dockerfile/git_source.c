// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/git_source.h"

#include <string.h>
#include <strings.h>

#include "base/strings.h"
#include "dockerfile/values.h"

/* Cut what follows the first of c, and give it; NULL when there is no c. */
static char *cut(char *text, char c)
{
	char *at = strchr(text, c);

	if (at)
		*at++ = '\0';
	return at;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %41 and + of a query, in place. */
static void decode_query(char *text)
{
	char *to = text;

	for (; *text; text++) {
		int high = *text == '%' ? hex_digit(text[1]) : -1;
		int low = high >= 0 ? hex_digit(text[2]) : -1;

		if (low >= 0 && (high || low)) {
			*to++ = (char)(high << 4 | low);
			text += 2;
		} else {
			*to++ = *text == '+' ? ' ' : *text;
		}
	}
	*to = '\0';
}

/* Set a text once; a second, different value is a conflict. */
static int set_text(const char **text, const char *key, const char *value, struct err *err)
{
	if (*text && strcmp(*text, value) != 0)
		return fail_plain(err, EINVAL, "%s conflicts: \"%s\" and \"%s\"", key, *text,
				  value);
	*text = value;
	return 0;
}

static int set_choice(enum choice *choice, const char *key, const char *value, struct err *err)
{
	bool yes = true;

	if (*value && boolean_parse(value, &yes) < 0)
		return fail_plain(err, EINVAL, "invalid %s value: \"%s\"", key, value);
	*choice = yes ? CHOICE_YES : CHOICE_NO;
	return 0;
}

static const char *prefixed(struct arena *arena, const char *prefix, const char *name)
{
	return text_starts(name, prefix) ? name : arena_printf(arena, "%s%s", prefix, name);
}

static int set_query(struct arena *arena, struct git_source *git, const char *key,
		     const char *value, struct err *err)
{
	if (!strcmp(key, "keep-git-dir"))
		return set_choice(&git->keep_git_dir, key, value, err);
	if (!strcmp(key, "submodules"))
		return set_choice(&git->submodules, key, value, err);
	if (!*value)
		return fail_plain(err, EINVAL, "query \"%s\" has no value", key);
	if (!strcmp(key, "ref"))
		return set_text(&git->ref, key, value, err);
	if (!strcmp(key, "tag"))
		return set_text(&git->ref, key, prefixed(arena, "refs/tags/", value), err);
	if (!strcmp(key, "branch"))
		return set_text(&git->ref, key, prefixed(arena, "refs/heads/", value), err);
	if (!strcmp(key, "subdir"))
		return set_text(&git->subdir, key, value, err);
	if (!strcmp(key, "checksum") || !strcmp(key, "commit"))
		return set_text(&git->checksum, key, value, err);
	return fail_plain(err, EINVAL, "unexpected query \"%s\"", key);
}

static int parse_query(struct arena *arena, struct git_source *git, char *query, struct err *err)
{
	while (query) {
		char *next = cut(query, '&');
		char *value = cut(query, '=');
		int r = 0;

		decode_query(query);
		if (value)
			decode_query(value);
		if (*query)
			r = set_query(arena, git, query, value ? value : "", err);
		if (r < 0)
			return r;
		query = next;
	}
	return 0;
}

/* "REF:SUBDIR", either of which may be empty. */
static void parse_fragment(struct git_source *git, char *fragment)
{
	char *subdir = cut(fragment, ':');

	if (*fragment)
		git->ref = fragment;
	if (subdir && *subdir)
		git->subdir = subdir;
}

static bool is_scp_style(const char *text)
{
	size_t user = strspn(text,
			     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	const char *host = text + user + 1;
	size_t length;

	if (!user || text[user] != '@')
		return false;
	length = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");
	return length && host[length] == ':';
}

static bool names_repository(const char *text)
{
	size_t end = strcspn(text, "?#");

	if (text_starts(text, "ssh://") || text_starts(text, "git://"))
		return true;
	if (text_starts(text, "http://") || text_starts(text, "https://"))
		return end > 4 && !strncmp(text + end - 4, ".git", 4);
	return is_scp_style(text);
}

int git_source_parse(struct arena *arena, const char *text, struct git_source *ret_git,
		     struct err *err)
{
	struct git_source git = { 0 };
	char *remote;
	char *fragment;
	char *query;
	int r;

	if (!names_repository(text))
		return 0;
	remote = arena_copy(arena, text);
	fragment = cut(remote, '#');
	query = cut(remote, '?');
	git.remote = remote;
	if (fragment)
		parse_fragment(&git, fragment);
	r = parse_query(arena, &git, query, err);
	if (r < 0)
		return err_wrap(err, "git source '%s'", text);
	if (git.checksum && !git.ref)
		git.ref = git.checksum;
	*ret_git = git;
	return 1;
}
