// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/number.h"
#include "base/strings.h"
#include "dockerfile/list.h"

int boolean_parse(const char *text, bool *ret_value)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < array_count(yes); i++) {
		if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
			*ret_value = !strcmp(text, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

/* --- durations --- */

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 }, /* U+00B5 s */
	{ "\xce\xbcs", 1000 }, /* U+03BC s */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60 * (int64_t)1000000000 },
	{ "h", 3600 * (int64_t)1000000000 },
};

static bool read_unit(const char **at, int64_t *ret_ns)
{
	for (size_t i = 0; i < array_count(units); i++) {
		size_t length = strlen(units[i].name);

		/* "m" must not take the first letter of "ms" */
		if (text_starts(*at, units[i].name) && !isalpha((unsigned char)(*at)[length])) {
			*at += length;
			*ret_ns = units[i].ns;
			return true;
		}
	}
	return false;
}

/* One number with its unit, added to *total. */
static bool read_term(const char **at, int64_t *total)
{
	int64_t whole = 0;
	int64_t fraction = 0;
	int64_t scale = 1;
	bool any = false;
	int64_t ns;

	for (; isdigit((unsigned char)**at); ++*at, any = true)
		if (__builtin_mul_overflow(whole, (int64_t)10, &whole) ||
		    __builtin_add_overflow(whole, (int64_t)(**at - '0'), &whole))
			return false;
	if (**at == '.')
		for (++*at; isdigit((unsigned char)**at); ++*at, any = true)
			if (scale < 1000000000000) {
				fraction = fraction * 10 + (**at - '0');
				scale *= 10;
			}
	if (!any || !read_unit(at, &ns) || __builtin_mul_overflow(whole, ns, &whole))
		return false;
	fraction = (int64_t)((__int128)fraction * ns / scale);
	return !__builtin_add_overflow(*total, whole, total) &&
	       !__builtin_add_overflow(*total, fraction, total);
}

int duration_parse(const char *text, int64_t *ret_ns, struct err *err)
{
	const char *at = text;
	bool negative = *at == '-';
	int64_t total = 0;

	at += *at == '-' || *at == '+';
	if (!strcmp(at, "0")) {
		*ret_ns = 0;
		return 0;
	}
	do {
		if (!read_term(&at, &total))
			return fail_plain(err, EINVAL,
					  "invalid duration \"%s\" (as in \"1h30m\", \"1.5s\", "
					  "\"300ms\")",
					  text);
	} while (*at);
	*ret_ns = negative ? -total : total;
	return 0;
}

/* --- signals --- */

/* By name, not by SIG constants: the image's signals are those of Linux, whatever builds it. */
static const char *const signals[] = {
	"ABRT", "ALRM",	  "BUS",  "CHLD",   "CLD",   "CONT", "FPE",  "HUP",  "ILL",
	"INT",	"IO",	  "IOT",  "KILL",   "PIPE",  "POLL", "PROF", "PWR",  "QUIT",
	"SEGV", "STKFLT", "STOP", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN", "TTOU",
	"URG",	"USR1",	  "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
};

#define RTMIN_STEPS_MAX 15
#define RTMAX_STEPS_MAX 14

static bool is_real_time(const char *name)
{
	uint32_t steps;
	uint32_t limit;

	if (!strncasecmp(name, "RTMIN", 5))
		limit = RTMIN_STEPS_MAX;
	else if (!strncasecmp(name, "RTMAX", 5))
		limit = RTMAX_STEPS_MAX;
	else
		return false;
	if (!name[5])
		return true;
	return name[5] == (limit == RTMIN_STEPS_MAX ? '+' : '-') &&
	       number_parse_u32(name + 6, &steps) == 0 && steps >= 1 && steps <= limit;
}

bool signal_is_valid(const char *text)
{
	uint32_t number;

	if (number_parse_u32(text, &number) == 0)
		return number > 0;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (size_t i = 0; i < array_count(signals); i++)
		if (!strcasecmp(text, signals[i]))
			return true;
	return is_real_time(text);
}

/* --- ports --- */

static const char *const protocols[] = { "tcp", "udp", "sctp" };

static int parse_protocol(const char *text, struct port_range *range)
{
	range->is_lower_case = true;
	range->protocol = protocols[0];
	for (const char *c = text; *c; c++)
		if (isupper((unsigned char)*c))
			range->is_lower_case = false;
	if (!*text)
		return 0;
	for (size_t i = 0; i < array_count(protocols); i++) {
		if (!strcasecmp(text, protocols[i])) {
			range->protocol = protocols[i];
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_port(const char *text, uint16_t *ret_port)
{
	uint32_t port;

	if (number_parse_u32(text, &port) < 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

static int parse_ports(char *text, uint16_t *ret_first, uint16_t *ret_last)
{
	char *dash = strchr(text, '-');

	if (dash)
		*dash++ = '\0';
	if (parse_port(text, ret_first) < 0)
		return -EINVAL;
	*ret_last = *ret_first;
	if (dash && parse_port(dash, ret_last) < 0)
		return -EINVAL;
	return *ret_last < *ret_first ? -EINVAL : 0;
}

static bool is_address(char *text)
{
	unsigned char address[16];
	size_t length = strlen(text);

	if (*text == '[' && text[length - 1] == ']') {
		text[length - 1] = '\0';
		text++;
	}
	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* "[ip:]public" in front of the port: checked, for what is wrong here was meant otherwise. */
static int check_host_part(char *host, const char *text, const struct port_range *range,
			   struct err *err)
{
	char *colon = strrchr(host, ':');
	uint16_t first;
	uint16_t last;

	if (colon) {
		*colon = '\0';
		if (*host && !is_address(host))
			return fail_plain(err, EINVAL, "invalid IP address in port '%s'", text);
		host = colon + 1;
	}
	if (!*host)
		return 0;
	if (parse_ports(host, &first, &last) < 0)
		return fail_plain(err, EINVAL, "invalid public port in '%s'", text);
	if (range->first != range->last && last - first != range->last - range->first)
		return fail_plain(err, EINVAL, "the two port ranges of '%s' differ in length",
				  text);
	return 0;
}

int port_range_parse(struct arena *arena, const char *text, struct port_range *ret_range,
		     struct err *err)
{
	char *host = arena_copy(arena, text);
	char *colon = strrchr(host, ':');
	char *port = colon ? colon + 1 : host;
	char *slash = strchr(port, '/');
	struct port_range range = { .has_host_part = colon && colon > host };

	if (slash)
		*slash++ = '\0';
	if (!*port)
		return fail_plain(err, EINVAL, "no port specified in '%s'", text);
	if (parse_protocol(slash ? slash : "", &range) < 0)
		return fail_plain(err, EINVAL, "invalid protocol in port '%s': tcp, udp or sctp",
				  text);
	if (parse_ports(port, &range.first, &range.last) < 0)
		return fail_plain(err, EINVAL,
				  "invalid port '%s': a number up to 65535, or a range as in "
				  "8000-8010",
				  text);
	if (colon) {
		int r;

		*colon = '\0';
		r = check_host_part(host, text, &range, err);
		if (r < 0)
			return r;
	}
	*ret_range = range;
	return 0;
}

/* --- comma-separated values --- */

/* A field in quotes; *at stands behind the opening one. */
static bool read_quoted(const char **at, struct buf *field)
{
	for (;; ++*at) {
		if (!**at)
			return false;
		if (**at == '"' && *++*at != '"')
			return !**at || **at == ',';
		buf_add_char(field, **at);
	}
}

int csv_parse(struct arena *arena, const char *text, const char *const **ret_fields,
	      size_t *ret_count, struct err *err)
{
	const char **fields = NULL;
	size_t count = 0;
	const char *at = text;

	for (;; at++) {
		auto_buf field = { 0 };

		if (*at == '"') {
			at++;
			if (!read_quoted(&at, &field))
				return fail_plain(err, EINVAL, "misplaced quote in '%s'", text);
		}
		for (; *at && *at != ','; at++) {
			if (*at == '"')
				return fail_plain(err, EINVAL, "misplaced quote in '%s'", text);
			buf_add_char(&field, *at);
		}
		*list_add(arena, fields, count) = arena_copy_bytes(arena, field.bytes,
								   field.size_bytes);
		if (!*at)
			break;
	}
	*ret_fields = fields;
	*ret_count = count;
	return 0;
}
