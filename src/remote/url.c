// SPDX-License-Identifier: Apache-2.0
/* libcurl's URL parser decides what a URL is, because libcurl will be the one to connect: two
 * parsers that disagree about the host are how credentials leak. */
#include "remote/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/strings.h"
#include "remote/curl_door.h"

static void cleanup_curlu(CURLU **url)
{
	if (*url)
		curl_url_cleanup(*url);
}

static void cleanup_part(char **part)
{
	if (*part)
		curl_free(*part);
}

#define auto_curlu cleanup(cleanup_curlu) CURLU
#define auto_part  cleanup(cleanup_part) char

static CURLU *parse(const char *text)
{
	CURLU *url;

	if (curl_load(NULL) < 0)
		return NULL;
	url = curl_url();
	if (!url)
		memory_exhausted(0);
	if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK) {
		curl_url_cleanup(url);
		return NULL;
	}
	return url;
}

static char *part(CURLU *url, CURLUPart which)
{
	char *text = NULL;

	if (url && curl_url_get(url, which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	return text;
}

void url_add_escaped(struct buf *buf, const char *text)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";

	for (; *text; text++) {
		if (strchr(unreserved, *text))
			buf_add_char(buf, *text);
		else
			buf_printf(buf, "%%%02X", (unsigned char)*text);
	}
}

int url_resolve(const char *base, const char *target, char **ret_url, struct err *err)
{
	auto_curlu *url = NULL;
	auto_part *scheme = NULL;
	auto_part *user = NULL;
	auto_part *whole = NULL;
	int r = curl_load(err);

	if (r < 0)
		return r;
	url = parse(base);
	if (!url || curl_url_set(url, CURLUPART_URL, target, 0) != CURLUE_OK)
		return fail_plain(err, EINVAL, "the server names an address that is no URL");
	scheme = part(url, CURLUPART_SCHEME);
	if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		return fail_plain(err, EINVAL, "the server names an address of scheme '%s'",
				  scheme ? scheme : "");
	user = part(url, CURLUPART_USER);
	if (user)
		return fail_plain(err, EINVAL, "the server names an address with a user in it");
	if (curl_url_get(url, CURLUPART_URL, &whole, 0) != CURLUE_OK)
		return fail_plain(err, EINVAL, "the server names an address that is no URL");
	*ret_url = memory_copy_text(whole);
	return 0;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart which)
{
	auto_part *left = part(a, which);
	auto_part *right = part(b, which);

	return left && right && strcasecmp(left, right) == 0;
}

bool url_same_origin(const char *a, const char *b)
{
	auto_curlu *left = parse(a);
	auto_curlu *right = parse(b);

	return left && right && same_part(left, right, CURLUPART_SCHEME) &&
	       same_part(left, right, CURLUPART_HOST) && same_part(left, right, CURLUPART_PORT);
}

bool url_is_https(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0;
}

void url_add_origin(struct buf *buf, const char *url)
{
	const char *host = strstr(url, "://");

	if (!host) {
		buf_add_text(buf, "?");
		return;
	}
	host += 3;
	buf_add(buf, url, (size_t)(host - url) + strcspn(host, "/?#"));
}

bool url_host_is_loopback(const char *host)
{
	char name[256];
	const char *colon = strrchr(host, ':');
	size_t length = strlen(host);
	struct in_addr v4;

	if (*host == '[')
		return text_starts(host, "[::1]");
	if (colon)
		length = (size_t)(colon - host);
	if (length >= sizeof(name))
		return false;
	memcpy(name, host, length);
	name[length] = '\0';
	if (strcasecmp(name, "localhost") == 0)
		return true;
	return inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* One parameter after the target: ;name=value or ;name="value". True when it is rel next. */
static bool parameter_is_next(const char **at)
{
	const char *name = *at + strspn(*at, " \t;");
	size_t name_length = strcspn(name, "= \t;,");
	const char *value = name + name_length + strspn(name + name_length, " \t");
	const char *end;
	bool is_rel = name_length == 3 && strncasecmp(name, "rel", 3) == 0;
	size_t length;

	if (*value != '=') {
		*at = value;
		return false;
	}
	value += 1 + strspn(value + 1, " \t");
	if (*value == '"') {
		value++;
		length = strcspn(value, "\"");
		end = value + length + (value[length] == '"');
		is_rel &= value[length] == '"';
	} else {
		length = strcspn(value, " \t;,");
		end = value + length;
	}
	*at = end;
	return is_rel && length == 4 && strncasecmp(value, "next", 4) == 0;
}

bool url_link_next(const char *value, struct buf *target)
{
	const char *at = value;

	while (*(at += strspn(at, " \t,")) == '<') {
		const char *start = at + 1;
		size_t length = strcspn(start, ">");
		bool is_next = false;

		if (start[length] != '>')
			return false;
		at = start + length + 1;
		while (*(at += strspn(at, " \t")) == ';')
			is_next |= parameter_is_next(&at);
		if (is_next) {
			buf_add(target, start, length);
			return true;
		}
	}
	return false;
}
