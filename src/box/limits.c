// SPDX-License-Identifier: Apache-2.0
#include "box/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

#include "base/banned.h"
#include "base/number.h"
#include "base/strings.h"

/* Names as in docker and limits.conf(5). */
static const struct {
	const char *name;
	int resource;
} kinds[] = {
	{ "core", RLIMIT_CORE },	 { "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },	 { "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },	 { "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },	 { "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },		 { "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },	 { "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },	 { "as", RLIMIT_AS },
};

static int find_kind(const char *name, size_t length, int *ret_resource)
{
	for (size_t i = 0; i < array_count(kinds); i++)
		if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, name, length) == 0) {
			*ret_resource = kinds[i].resource;
			return 0;
		}
	return -EINVAL;
}

static int parse_number(const char *text, size_t length, uint64_t *ret_number)
{
	char digits[24];

	if (length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (strcmp(digits, "-1") == 0 || strcmp(digits, "unlimited") == 0) {
		*ret_number = LIMIT_UNLIMITED;
		return 0;
	}
	return number_parse_u64(digits, ret_number);
}

static int parse(const char *text, struct limit *ret_limit, struct err *err)
{
	size_t name_length = strcspn(text, "=");
	const char *soft = text + name_length + 1;
	size_t soft_length;
	int r;

	if (!text[name_length])
		return fail_plain(err, EINVAL, "limit '%s' is not NAME=SOFT[:HARD]", text);
	if (find_kind(text, name_length, &ret_limit->resource) < 0) {
		fail_plain(err, EINVAL, "limit '%.*s' is not known", (int)name_length, text);
		err_hint(err, "limits are core cpu data fsize locks memlock msgqueue nice nofile "
			      "nproc rss rtprio rttime sigpending stack as");
		return -EINVAL;
	}
	soft_length = strcspn(soft, ":");
	r = parse_number(soft, soft_length, &ret_limit->soft);
	ret_limit->hard = ret_limit->soft;
	if (r == 0 && soft[soft_length])
		r = parse_number(soft + soft_length + 1, strlen(soft + soft_length + 1),
				 &ret_limit->hard);
	if (r < 0)
		return fail_plain(err, EINVAL, "limit '%s': not a number", text);
	if (ret_limit->soft > ret_limit->hard)
		return fail_plain(err, EINVAL, "limit '%s': the soft limit is above the hard one",
				  text);
	return 0;
}

int limits_add(struct limits *limits, const char *text, struct err *err)
{
	struct limit limit = { 0 };
	size_t i = 0;
	int r = parse(text, &limit, err);

	if (r < 0)
		return r;
	while (i < limits->count && limits->item[i].resource != limit.resource)
		i++;
	limits->item[i] = limit;
	if (i == limits->count)
		limits->count++;
	return 0;
}

const char *limit_name(const struct limit *limit)
{
	for (size_t i = 0; i < array_count(kinds); i++)
		if (kinds[i].resource == limit->resource)
			return kinds[i].name;
	return "?";
}

static void put_number(uint64_t number, struct buf *text)
{
	if (number == LIMIT_UNLIMITED)
		buf_add_text(text, "unlimited");
	else
		buf_printf(text, "%llu", (unsigned long long)number);
}

void limit_to_text(const struct limit *limit, struct buf *text)
{
	buf_printf(text, "%s=", limit_name(limit));
	put_number(limit->soft, text);
	buf_add_char(text, ':');
	put_number(limit->hard, text);
}
