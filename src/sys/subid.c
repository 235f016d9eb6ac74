// SPDX-License-Identifier: Apache-2.0
#include "sys/subid.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/number.h"
#include "sys/ns.h"
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

static bool overlaps(const struct subid_ranges *ranges, const struct subid_range *range)
{
	for (size_t i = 0; i < ranges->count; i++) {
		const struct subid_range *other = &ranges->item[i];

		if (range->first < (uint64_t)other->first + other->count &&
		    other->first < (uint64_t)range->first + range->count)
			return true;
	}
	return false;
}

static bool is_usable(const struct subid_range *range)
{
	/* the last id, (uid_t)-1, stands for none */
	return range->count > 0 && (uint64_t)range->first + range->count <= UINT32_MAX;
}

bool subid_ranges(const char *text, const char *name, uid_t uid, struct subid_ranges *ret_ranges)
{
	struct subid_ranges ranges = { 0 };
	struct line line;

	while (next_line(&text, &line) && ranges.count < SUBID_RANGES_MAX) {
		uint32_t number;
		bool mine = strcmp(line.name, name) == 0 ||
			    (number_parse_u32(line.name, &number) == 0 && number == uid);

		if (!mine || !is_usable(&line.range) || overlaps(&ranges, &line.range))
			continue;
		ranges.item[ranges.count++] = line.range;
		ranges.total += line.range.count;
	}
	if (ranges.count == 0)
		return false;
	*ret_ranges = ranges;
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

static int find_one(const struct user *user, bool groups, struct subid_ranges *ret_ranges,
		    struct err *err)
{
	const char *path = groups ? "/etc/subgid" : "/etc/subuid";
	auto_buf text = { 0 };

	if (io_read_file_at(AT_FDCWD, path, FILE_BYTES, &text, NULL) == 0 &&
	    subid_ranges(buf_text(&text), user->name, user->uid, ret_ranges))
		return 0;
	buf_truncate(&text, 0);
	run_getsubids(user, groups, &text);
	if (subid_ranges(buf_text(&text), user->name, user->uid, ret_ranges))
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

/* ---- maps ---- */

static void add_line(struct id_maps *maps, uint32_t inside, uint32_t outside, uint32_t count)
{
	if (count)
		maps->item[maps->count++] = (struct id_map){ inside, outside, count };
}

void id_maps_fill(const struct subid_ranges *ranges, uint32_t own, uint32_t caller,
		  struct id_maps *ret_maps)
{
	struct id_maps maps = { 0 };
	uint32_t next = 0; /* inside */

	add_line(&maps, own, caller, 1);
	for (size_t i = 0; i < ranges->count; i++) {
		uint32_t first = ranges->item[i].first;
		uint32_t count = ranges->item[i].count;

		/* `own` is taken: what would lie over it is cut in two, around it. */
		if (next <= own && own - next < count) {
			uint32_t before = own - next;

			add_line(&maps, next, first, before);
			first += before;
			count -= before;
			next = own + 1;
		}
		add_line(&maps, next, first, count);
		next += count;
	}
	*ret_maps = maps;
}

bool id_maps_has(const struct id_maps *maps, uint32_t inside)
{
	for (size_t i = 0; i < maps->count; i++)
		if (inside >= maps->item[i].inside &&
		    inside - maps->item[i].inside < maps->item[i].count)
			return true;
	return false;
}

int id_space_of_user(const struct user *user, uid_t own_uid, gid_t own_gid,
		     struct id_space *ret_space, struct err *err)
{
	struct subids ids;
	struct id_space space = { 0 };
	int r = subid_find(user, &ids, err);

	if (r < 0)
		return r;
	id_maps_fill(&ids.uid, own_uid, user->uid, &space.uid);
	id_maps_fill(&ids.gid, own_gid, user->gid, &space.gid);
	*ret_space = space;
	return 0;
}

/* Lines of "inside outside count". */
static int read_maps(const char *path, struct id_maps *ret_maps, struct err *err)
{
	auto_buf text = { 0 };
	struct id_maps maps = { 0 };
	int r = io_read_file_at(AT_FDCWD, path, FILE_BYTES, &text, err);

	if (r < 0)
		return r;
	for (const char *at = buf_text(&text); *at; at += strcspn(at, "\n") + 1) {
		struct id_map *map = &maps.item[maps.count];

		if (maps.count == array_count(maps.item) ||
		    sscanf(at, "%u %u %u", &map->inside, &map->outside, &map->count) != 3)
			return fail_plain(err, EUCLEAN, "'%s' is not understood", path);
		maps.count++;
	}
	*ret_maps = maps;
	return 0;
}

uint64_t id_maps_count(const struct id_maps *maps)
{
	uint64_t count = 0;

	for (size_t i = 0; i < maps->count; i++)
		count += maps->item[i].count;
	return count;
}

bool id_space_has_one(const struct id_space *space)
{
	return id_maps_count(&space->uid) < 2 || id_maps_count(&space->gid) < 2;
}

int id_space_here(struct id_space *ret_space, struct err *err)
{
	struct id_space space = { .is_here = true };
	int r = read_maps("/proc/self/uid_map", &space.uid, err);

	if (r == 0)
		r = read_maps("/proc/self/gid_map", &space.gid, err);
	if (r == 0)
		*ret_space = space;
	return r;
}

int id_space_check(const struct id_space *space, uid_t uid, gid_t gid, const char *what,
		   struct err *err)
{
	bool uid_is_real = id_maps_has(&space->uid, uid);
	bool gid_is_real = id_maps_has(&space->gid, gid);

	if (uid_is_real && gid_is_real)
		return 0;
	fail_plain(err, EOVERFLOW, "%s: %s %u is beyond the %u ids that are real here", what,
		   uid_is_real ? "gid" : "uid", uid_is_real ? gid : uid,
		   (unsigned)id_maps_count(uid_is_real ? &space->gid : &space->uid));
	if (!space->is_here)
		err_hint(err,
			 "an administrator can add a range (usermod --add-sub%ss FIRST-LAST "
			 "USER); engine userns needs none",
			 uid_is_real ? "gid" : "uid");
	return -EOVERFLOW;
}

bool id_space_has_devices(const struct id_space *space)
{
	const struct id_map *map = &space->uid.item[0];

	return space->is_here && map->inside == 0 && map->outside == 0 && map->count == UINT32_MAX;
}

static void name_maps(const struct id_maps *maps, char kind, struct buf *name)
{
	for (size_t i = 0; i < maps->count; i++)
		buf_printf(name, "%c%u-%u-%u", i ? '.' : kind, maps->item[i].inside,
			   maps->item[i].outside, maps->item[i].count);
}

void id_space_name(const struct id_space *space, struct buf *ret_name)
{
	if (space->is_here)
		buf_add_text(ret_name, "here");
	name_maps(&space->uid, 'u', ret_name);
	name_maps(&space->gid, 'g', ret_name);
}

static int run_map(const char *program, pid_t pid, const struct id_maps *maps, struct err *err)
{
	enum { FIELDS = 3 * (SUBID_RANGES_MAX + 2) };
	char pid_text[12];
	char number[FIELDS][12];
	const char *argv[FIELDS + 3] = { program, pid_text };
	auto_buf output = { 0 };

	snprintf(pid_text, sizeof(pid_text), "%d", pid);
	for (size_t i = 0; i < maps->count; i++) {
		const uint32_t field[] = { maps->item[i].inside, maps->item[i].outside,
					   maps->item[i].count };

		for (size_t j = 0; j < array_count(field); j++) {
			snprintf(number[3 * i + j], sizeof(number[0]), "%u", field[j]);
			argv[2 + 3 * i + j] = number[3 * i + j];
		}
	}
	return process_capture(argv, 4096, &output, err);
}

int id_space_map(const struct id_space *space, pid_t pid, struct err *err)
{
	int r = run_map("newuidmap", pid, &space->uid, err);

	return r < 0 ? r : run_map("newgidmap", pid, &space->gid, err);
}

/* ---- calls ---- */

struct call {
	int (*inside)(void *context, struct err *err);
	void *context;
	int ready[2];  /* from the child: it has its user namespace */
	int go[2];     /* to the child: the maps are written */
	int result[2]; /* from the child: a struct err */
};

static void close_pair(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* The child's half. Its ends of the pipes alone may stay open, or nobody would see the others
 * close. */
static _Noreturn void be_inside(struct call *call)
{
	struct err err = { 0 };
	char byte = 0;
	int r = 0;

	close(call->ready[0]);
	close(call->go[1]);
	close(call->result[0]);
	if (unshare(CLONE_NEWUSER) < 0)
		r = fail(&err, errno, "make a user namespace");
	if (r == 0 && io_write_all(call->ready[1], &byte, 1) == 0 &&
	    io_read_full(call->go[0], &byte, 1) != 1)
		_exit(0); /* no maps: the parent says why */
	if (r == 0)
		r = call->inside(call->context, &err);
	err.code = -r;
	(void)io_write_all(call->result[1], &err, sizeof(err));
	_exit(0);
}

static int be_outside(const struct id_space *space, struct call *call, pid_t pid, struct err *err)
{
	char byte = 0;
	int r = 0;

	if (io_read_full(call->ready[0], &byte, 1) == 1) {
		r = id_space_map(space, pid, err);
		if (r == 0)
			(void)io_write_all(call->go[1], &byte, 1);
	}
	close(call->go[1]);
	call->go[1] = -1;
	if (r < 0)
		return r;
	if (io_read_full(call->result[0], err, sizeof(*err)) == (ssize_t)sizeof(*err))
		return -err->code;
	err_clear(err);
	return fail_plain(err, ECHILD, "the process among the subordinate ids died");
}

static int call_in_child(const struct id_space *space, struct call *call, struct err *err)
{
	/* fork(3), not clone: only then may the child of a process with threads allocate. */
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return fail(err, errno, "fork");
	if (pid == 0)
		be_inside(call);
	for (int *fd[] = { &call->ready[1], &call->go[0], &call->result[1] }, i = 0; i < 3; i++) {
		close(*fd[i]);
		*fd[i] = -1;
	}
	r = be_outside(space, call, pid, err);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

int id_space_call(const struct id_space *space, int (*inside)(void *context, struct err *err),
		  void *context, struct err *err)
{
	struct call call = {
		.inside = inside,
		.context = context,
		.ready = { -1, -1 },
		.go = { -1, -1 },
		.result = { -1, -1 },
	};
	struct err result = { 0 }; /* err may be NULL */
	int r;

	if (space->is_here)
		return inside(context, err);
	if (pipe2(call.ready, O_CLOEXEC) < 0 || pipe2(call.go, O_CLOEXEC) < 0 ||
	    pipe2(call.result, O_CLOEXEC) < 0)
		r = fail(&result, errno, "make pipes to a child");
	else
		r = call_in_child(space, &call, &result);
	close_pair(call.ready);
	close_pair(call.go);
	close_pair(call.result);
	if (r < 0 && err)
		*err = result;
	return r;
}

/* ---- entering ---- */

/* Stays outside, where the ranges are the user's to map. */
static _Noreturn void map_parent(const struct id_space *space, struct call *call, pid_t parent)
{
	struct err err = { 0 };
	char byte;

	close(call->go[1]);
	if (io_read_full(call->go[0], &byte, 1) != 1)
		_exit(0);
	err.code = -id_space_map(space, parent, &err);
	(void)io_write_all(call->result[1], &err, sizeof(err));
	_exit(0);
}

static int enter(struct call *call, struct err *err)
{
	struct err result = { 0 };
	char byte = 0;
	int r;

	if (unshare(CLONE_NEWUSER) < 0) {
		r = fail(err, errno, "make a user namespace");
		ns_explain(-r, err);
		return r;
	}
	if (io_write_all(call->go[1], &byte, 1) < 0 ||
	    io_read_full(call->result[0], &result, sizeof(result)) != (ssize_t)sizeof(result))
		return fail_plain(err, ECHILD, "the process that maps subordinate ids died");
	if (result.code)
		*err = result;
	return -result.code;
}

int id_space_enter(const struct id_space *space, struct err *err)
{
	struct call call = { .ready = { -1, -1 }, .go = { -1, -1 }, .result = { -1, -1 } };
	pid_t self = getpid();
	pid_t pid = -1;
	int r = 0;

	if (pipe2(call.go, O_CLOEXEC) == 0 && pipe2(call.result, O_CLOEXEC) == 0)
		pid = fork();
	if (pid < 0)
		r = fail(err, errno, "fork");
	if (pid == 0)
		map_parent(space, &call, self);
	close(call.result[1]);
	call.result[1] = -1;
	if (r == 0)
		r = enter(&call, err);
	close_pair(call.go);
	close_pair(call.result);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
