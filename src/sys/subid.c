// SPDX-License-Identifier: Apache-2.0
#include "sys/subid.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/number.h"
#include "sys/process.h"

#define FILE_BYTES	((size_t)16 << 20)
#define FIRST_USUAL	100000 /* SUB_UID_MIN of login.defs(5) */
#define NAME_LENGTH_MAX 256

struct line {
	char name[NAME_LENGTH_MAX];
	struct subid_range range;
};

static bool parse_number(const char *text, size_t length, uint32_t *ret_number)
{
	char digits[12];

	if (length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	return number_parse_u32(digits, ret_number) == 0;
}

/* NAME:FIRST:COUNT in the `length` bytes at text. */
static bool parse_line(const char *text, size_t length, struct line *ret_line)
{
	const char *first = memchr(text, ':', length);
	const char *count = first ? memchr(first + 1, ':', length - (size_t)(first + 1 - text))
				  : NULL;
	size_t name_length;

	if (!count)
		return false;
	name_length = (size_t)(first - text);
	first++;
	count++;
	if (name_length >= sizeof(ret_line->name))
		return false;
	memcpy(ret_line->name, text, name_length);
	ret_line->name[name_length] = '\0';
	return parse_number(first, (size_t)(count - 1 - first), &ret_line->range.first) &&
	       parse_number(count, length - (size_t)(count - text), &ret_line->range.count);
}

/* The next line that is one; false at the end. */
static bool next_line(const char **at, struct line *ret_line)
{
	while (**at) {
		size_t length = strcspn(*at, "\n");
		bool good = parse_line(*at, length, ret_line);

		*at += length + ((*at)[length] == '\n');
		if (good)
			return true;
	}
	return false;
}

bool subid_largest(const char *text, const char *name, uid_t uid, struct subid_range *ret_range)
{
	struct subid_range best = { 0 };
	struct line line;

	while (next_line(&text, &line)) {
		uint32_t number;
		bool mine = strcmp(line.name, name) == 0 ||
			    (number_parse_u32(line.name, &number) == 0 && number == uid);

		if (mine && line.range.count > best.count)
			best = line.range;
	}
	if (best.count == 0)
		return false;
	*ret_range = best;
	return true;
}

uint32_t subid_first_free(const char *text)
{
	uint32_t free_from = FIRST_USUAL;
	struct line line;

	while (next_line(&text, &line)) {
		uint32_t end;

		if (!__builtin_add_overflow(line.range.first, line.range.count, &end) &&
		    end > free_from)
			free_from = end;
	}
	return free_from;
}

/* getsubids prints "0: NAME FIRST COUNT"; written as a file's line the same parser reads it. */
static void run_getsubids(const struct user *user, bool groups, struct buf *ret_text)
{
	const char *argv[] = { "getsubids", user->name, NULL, NULL };
	auto_buf output = { 0 };

	if (groups) {
		argv[1] = "-g";
		argv[2] = user->name;
	}
	if (process_capture(argv, FILE_BYTES, &output, NULL) < 0)
		return;
	for (const char *at = buf_text(&output); *at;) {
		size_t length = strcspn(at, "\n");
		size_t skip = strcspn(at, " ");

		for (size_t i = skip + 1; i < length; i++)
			buf_add_char(ret_text, at[i] == ' ' ? ':' : at[i]);
		buf_add_char(ret_text, '\n');
		at += length + (at[length] == '\n');
	}
}

static int find_one(const struct user *user, bool groups, struct subid_range *ret_range,
		    struct err *err)
{
	const char *path = groups ? "/etc/subgid" : "/etc/subuid";
	auto_buf text = { 0 };

	if (io_read_file_at(AT_FDCWD, path, FILE_BYTES, &text, NULL) == 0 &&
	    subid_largest(buf_text(&text), user->name, user->uid, ret_range))
		return 0;
	buf_truncate(&text, 0);
	run_getsubids(user, groups, &text);
	if (subid_largest(buf_text(&text), user->name, user->uid, ret_range))
		return 0;
	return fail_plain(err, ENOENT, "no line for %s (%u) in %s", user->name, user->uid, path);
}

int subid_find(const struct user *user, struct subids *ret_ids, struct err *err)
{
	struct subids ids;
	int r = find_one(user, false, &ids.uid, err);

	if (r == 0)
		r = find_one(user, true, &ids.gid, err);
	if (r == 0)
		*ret_ids = ids;
	return r;
}

static int run_map(const char *program, pid_t pid, uint32_t outside_id,
		   const struct subid_range *range, struct err *err)
{
	char pid_text[12], outside[12], first[12], count[12];
	const char *argv[] = { program, pid_text, "0", outside, "1", "1", first, count, NULL };
	auto_buf output = { 0 };

	snprintf(pid_text, sizeof(pid_text), "%d", pid);
	snprintf(outside, sizeof(outside), "%u", outside_id);
	snprintf(first, sizeof(first), "%u", range->first);
	snprintf(count, sizeof(count), "%u", range->count);
	return process_capture(argv, 4096, &output, err);
}

int subid_map(pid_t pid, const struct user *user, const struct subids *ids, struct err *err)
{
	int r = run_map("newuidmap", pid, user->uid, &ids->uid, err);

	if (r == 0)
		r = run_map("newgidmap", pid, user->gid, &ids->gid, err);
	return r;
}
