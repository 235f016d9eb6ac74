// SPDX-License-Identifier: Apache-2.0
/* The grammar is that of distribution/reference (OCI distribution-spec, "Pulling manifests", for
 * names and tags); Docker's shorthands are undone before the parts are checked one by one. */
#include "image/ref.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/strings.h"

#define DEFAULT_HOST   "docker.io"
#define OFFICIAL       "library/"
#define LOWER_OR_DIGIT "abcdefghijklmnopqrstuvwxyz0123456789"

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* One path component: runs of [a-z0-9] joined by one of '.', '_', '__' or any number of '-'. */
static bool component_is_good(const char *at, const char *end)
{
	for (;;) {
		size_t run = strspn(at, LOWER_OR_DIGIT);
		size_t dashes;

		if (run == 0)
			return false;
		at += run;
		if (at >= end)
			return at == end;
		dashes = strspn(at, "-");
		if (dashes)
			at += dashes;
		else if (at[0] == '_' && at[1] == '_')
			at += 2;
		else if (at[0] == '_' || at[0] == '.')
			at++;
		else
			return false;
	}
}

static int check_name(const char *name, const char *whole, struct err *err)
{
	const char *at = name;

	for (const char *c = name; *c; c++)
		if (isupper((unsigned char)*c))
			return fail_plain(err, EINVAL, "'%.400s': the name must be in lower case",
					  whole);
	for (;;) {
		const char *end = strchrnul(at, '/');

		if (!component_is_good(at, end))
			return fail_plain(err, EINVAL, "'%.400s' is not a valid image name", whole);
		if (!*end)
			return 0;
		at = end + 1;
	}
}

/* Host name labels, an IPv4 address or a bracketed IPv6 address, then an optional port. */
static bool host_is_good(const char *host)
{
	const char *at = host;

	if (*at == '[') {
		at += 1 + strspn(at + 1, "0123456789abcdefABCDEF:");
		if (*at++ != ']')
			return false;
	} else {
		for (;;) {
			const char *label = at;

			while (isalnum((unsigned char)*at) || *at == '-')
				at++;
			if (at == label || *label == '-' || at[-1] == '-')
				return false;
			if (*at != '.')
				break;
			at++;
		}
	}
	if (*at == ':') {
		size_t digits = strspn(at + 1, "0123456789");

		if (digits == 0 || digits > 5)
			return false;
		at += 1 + digits;
	}
	return !*at;
}

static bool looks_like_host(const char *text, size_t length)
{
	bool upper = false;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.' || text[i] == ':')
			return true;
		upper |= isupper((unsigned char)text[i]) != 0;
	}
	return upper || (length == strlen("localhost") && strncmp(text, "localhost", length) == 0);
}

static int put(char *to, size_t room, const char *from, size_t length, const char *whole,
	       struct err *err)
{
	if (length >= room)
		return fail_plain(err, ENAMETOOLONG, "'%.100s...': image reference too long",
				  whole);
	memcpy(to, from, length);
	to[length] = '\0';
	return 0;
}

/* Cut ":tag" off the end; a ':' before the last '/' belongs to a port. */
static int split_tag(const char *text, size_t *length, struct ref *ref, struct err *err)
{
	const char *end = text + *length;
	const char *at = end;
	int r;

	while (at > text && at[-1] != ':' && at[-1] != '/')
		at--;
	if (at == text || at[-1] == '/')
		return 0;
	r = put(ref->tag, sizeof(ref->tag), at, (size_t)(end - at), text, err);
	if (r < 0)
		return r;
	*length = (size_t)(at - 1 - text);
	if (!is_word(ref->tag[0]))
		return fail_plain(err, EINVAL, "'%.400s' has no valid tag after ':'", text);
	for (const char *c = ref->tag; *c; c++)
		if (!is_word(*c) && *c != '.' && *c != '-')
			return fail_plain(err, EINVAL, "'%.400s': bad character in the tag", text);
	return 0;
}

static int split_host(const char *text, size_t length, struct ref *ref, struct err *err)
{
	const char *slash = memchr(text, '/', length);
	size_t host = slash ? (size_t)(slash - text) : 0;
	int r;

	if (slash && looks_like_host(text, host)) {
		r = put(ref->host, sizeof(ref->host), text, host, text, err);
		if (r < 0)
			return r;
		text = slash + 1;
		length -= host + 1;
	}
	if (!ref->host[0] || strcmp(ref->host, "index.docker.io") == 0)
		snprintf(ref->host, sizeof(ref->host), DEFAULT_HOST);
	if (strcmp(ref->host, DEFAULT_HOST) == 0 && !memchr(text, '/', length)) {
		snprintf(ref->name, sizeof(ref->name), OFFICIAL);
		return put(ref->name + strlen(OFFICIAL), sizeof(ref->name) - strlen(OFFICIAL), text,
			   length, text, err);
	}
	return put(ref->name, sizeof(ref->name), text, length, text, err);
}

static int split(const char *text, struct ref *ref, struct err *err)
{
	const char *at = strchr(text, '@');
	size_t length = at ? (size_t)(at - text) : strlen(text);
	int r = 0;

	if (at)
		r = digest_parse(at + 1, &ref->digest, err);
	if (r < 0)
		return err_wrap(err, "'%.400s'", text);
	r = split_tag(text, &length, ref, err);
	if (r < 0)
		return r;
	return split_host(text, length, ref, err);
}

int ref_parse(const char *text, struct ref *ret_ref, struct err *err)
{
	struct ref ref = { 0 };
	int r;

	if (!*text)
		return fail_plain(err, EINVAL, "the image reference is empty");
	r = split(text, &ref, err);
	if (r < 0)
		return r;
	if (!host_is_good(ref.host))
		return fail_plain(err, EINVAL, "'%.400s': '%s' is not a valid host", text,
				  ref.host);
	r = check_name(ref.name, text, err);
	if (r < 0)
		return r;
	if (!ref.tag[0] && digest_is_none(&ref.digest))
		snprintf(ref.tag, sizeof(ref.tag), "latest");
	*ret_ref = ref;
	return 0;
}

static const char *format(const struct ref *ref, const char *host, const char *name,
			  char text[REF_TEXT_MAX])
{
	snprintf(text, REF_TEXT_MAX, "%s%s%s%s%s%s%s", host, *host ? "/" : "", name,
		 ref->tag[0] ? ":" : "", ref->tag, ref->digest.text[0] ? "@" : "",
		 ref->digest.text);
	return text;
}

const char *ref_format(const struct ref *ref, char text[REF_TEXT_MAX])
{
	return format(ref, ref->host, ref->name, text);
}

const char *ref_familiar(const struct ref *ref, char text[REF_TEXT_MAX])
{
	const char *name = ref->name;
	const char *slash;

	if (strcmp(ref->host, DEFAULT_HOST) != 0)
		return ref_format(ref, text);
	/* "library/a/b" keeps its prefix: "a/b" would be read back as another repository */
	if (text_starts(name, OFFICIAL) && !strchr(name + strlen(OFFICIAL), '/'))
		name += strlen(OFFICIAL);
	/* and what would be read as a host must not come first: docker.io/docker.io/tool */
	slash = strchr(name, '/');
	if (slash && looks_like_host(name, (size_t)(slash - name)))
		return ref_format(ref, text);
	return format(ref, "", name, text);
}
