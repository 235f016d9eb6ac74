// SPDX-License-Identifier: Apache-2.0
#include "sys/ids.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/number.h"

#define FIELDS_MAX     7 /* passwd(5); group(5) has four */
#define PASSWD_BYTES   ((size_t)16 << 20)
#define ASKED_VARIABLE "ROOTLET_ASKS_GETENT"
#define ROOM_BYTES     4096
#define GROUPS_MAX     1000 /* of one user; box.h has room for as many */

struct line {
	const char *field[FIELDS_MAX];
	size_t length[FIELDS_MAX];
	size_t count;
};

/* Cut the line at *at into its fields and move *at behind it; false at the end of the text. */
static bool next_line(const char **at, struct line *ret_line)
{
	const char *c = *at;
	const char *end = strchrnul(c, '\n');
	const char *colon;

	if (!*c)
		return false;
	*ret_line = (struct line){ 0 };
	do {
		bool is_last = ret_line->count == FIELDS_MAX - 1;

		colon = is_last ? NULL : memchr(c, ':', (size_t)(end - c));
		ret_line->field[ret_line->count] = c;
		ret_line->length[ret_line->count++] = (size_t)((colon ?: end) - c);
		c = colon ? colon + 1 : end;
	} while (colon);
	*at = *end ? end + 1 : end;
	return true;
}

static bool field_is(const struct line *line, size_t index, const char *text)
{
	return index < line->count && strlen(text) == line->length[index] &&
	       memcmp(line->field[index], text, line->length[index]) == 0;
}

static bool field_number(const struct line *line, size_t index, uint32_t *ret_number)
{
	char digits[12];

	if (index >= line->count || line->length[index] >= sizeof(digits))
		return false;
	memcpy(digits, line->field[index], line->length[index]);
	digits[line->length[index]] = '\0';
	return number_parse_u32(digits, ret_number) == 0;
}

static const char *field_copy(const struct line *line, size_t index, struct arena *arena)
{
	if (index >= line->count)
		return "";
	return arena_copy_bytes(arena, line->field[index], line->length[index]);
}

static bool user_of(const struct line *line, struct arena *arena, struct user *ret_user)
{
	struct user user = { 0 };

	if (!field_number(line, 2, &user.uid) || !field_number(line, 3, &user.gid))
		return false;
	user.name = field_copy(line, 0, arena);
	user.home = field_copy(line, 5, arena);
	user.shell = field_copy(line, 6, arena);
	*ret_user = user;
	return true;
}

bool ids_user_by_name(const char *passwd, const char *name, struct arena *arena,
		      struct user *ret_user)
{
	struct line line;

	while (next_line(&passwd, &line))
		if (field_is(&line, 0, name) && user_of(&line, arena, ret_user))
			return true;
	return false;
}

bool ids_user_by_id(const char *passwd, uid_t uid, struct arena *arena, struct user *ret_user)
{
	struct line line;
	uint32_t number;

	while (next_line(&passwd, &line))
		if (field_number(&line, 2, &number) && number == uid &&
		    user_of(&line, arena, ret_user))
			return true;
	return false;
}

bool ids_group_by_name(const char *group, const char *name, gid_t *ret_gid)
{
	struct line line;

	while (next_line(&group, &line))
		if (field_is(&line, 0, name) && field_number(&line, 2, ret_gid))
			return true;
	return false;
}

bool ids_group_by_id(const char *group, gid_t gid, struct arena *arena, const char **ret_name)
{
	struct line line;
	uint32_t number;

	while (next_line(&group, &line)) {
		if (!field_number(&line, 2, &number) || number != gid)
			continue;
		*ret_name = field_copy(&line, 0, arena);
		return true;
	}
	return false;
}

/* The host's, before one that a pack's folder of programs in PATH leads to. That is this program
 * again, and so is every one where a pack is the root: it must not ask in its turn. */
static _Noreturn void exec_getent(uid_t uid)
{
	char number[12];

	snprintf(number, sizeof(number), "%u", uid);
	setenv(ASKED_VARIABLE, "1", 1);
	execl("/usr/bin/getent", "getent", "passwd", number, (char *)NULL);
	execlp("getent", "getent", "passwd", number, (char *)NULL);
	_exit(127);
}

/* `getent passwd UID`, or nothing. getent is where NSS lives on every glibc and musl host. */
static void run_getent(uid_t uid, struct buf *output)
{
	int pipe_fds[2];
	pid_t pid;

	if (getenv(ASKED_VARIABLE) || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], STDOUT_FILENO);
		exec_getent(uid);
	}
	close(pipe_fds[1]);
	if (pid > 0) {
		if (io_read_to_end(pipe_fds[0], PASSWD_BYTES, output, NULL) < 0)
			buf_truncate(output, 0);
		waitpid(pid, NULL, 0);
	}
	close(pipe_fds[0]);
}

/* The host's users as text: in `room` when it takes them, as mostly, for fresh memory costs more
 * than reading; else in `large`. NULL: there is no such file. */
static const char *read_users(char room[ROOM_BYTES], struct buf *large)
{
	auto_fd fd = openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? -errno : io_read_full(fd, room, ROOM_BYTES);

	if (n >= 0 && n < ROOM_BYTES) {
		room[n] = '\0';
		return room;
	}
	return io_read_file_at(AT_FDCWD, "/etc/passwd", PASSWD_BYTES, large, NULL) < 0
		       ? NULL
		       : buf_text(large);
}

void ids_caller(struct arena *arena, struct user *ret_user)
{
	char room[ROOM_BYTES];
	auto_buf text = { 0 };
	uid_t uid = getuid();
	const char *users = read_users(room, &text);

	if (users && ids_user_by_id(users, uid, arena, ret_user))
		goto found;
	buf_truncate(&text, 0);
	run_getent(uid, &text);
	if (ids_user_by_id(buf_text(&text), uid, arena, ret_user))
		goto found;
	*ret_user = (struct user){
		.name = arena_printf(arena, "%u", uid), .uid = uid, .home = "/", .shell = "/bin/sh"
	};
found:
	ret_user->gid = getgid(); /* newgrp(1) may differ from the file, and is what counts */
}

static int resolve_group(const char *spec, const char *group, gid_t *ret_gid, struct err *err)
{
	if (ids_group_by_name(group, spec, ret_gid) || number_parse_u32(spec, ret_gid) == 0)
		return 0;
	fail_plain(err, ENOENT, "group '%s' is not in the root's /etc/group", spec);
	err_hint(err, "a number works without an entry");
	return -ENOENT;
}

static bool group_lists(const struct line *line, const char *name)
{
	size_t length = strlen(name);

	for (size_t at = 0; line->count > 3 && at < line->length[3];) {
		const char *member = line->field[3] + at;
		const char *comma = memchr(member, ',', line->length[3] - at);
		size_t member_bytes = comma ? (size_t)(comma - member) : line->length[3] - at;

		if (member_bytes == length && memcmp(member, name, length) == 0)
			return true;
		at += member_bytes + 1;
	}
	return false;
}

static void find_groups(const char *group, struct arena *arena, struct user *user)
{
	struct line line;
	gid_t gid;

	user->groups = arena_array(arena, gid_t, GROUPS_MAX);
	while (user->group_count < GROUPS_MAX && next_line(&group, &line))
		if (group_lists(&line, user->name) && field_number(&line, 2, &gid) &&
		    gid != user->gid)
			user->groups[user->group_count++] = gid;
}

/* The kernel takes this id for "leave it": setresuid(2), chown(2). */
static int check_ids(const struct user *user, const char *spec, struct err *err)
{
	if (user->uid != (uid_t)-1 && user->gid != (gid_t)-1)
		return 0;
	return fail_plain(err, EINVAL, "user '%s': the id %u stands for none", spec, (uid_t)-1);
}

int ids_resolve(const char *spec, const char *passwd, const char *group, struct arena *arena,
		struct user *ret_user, struct err *err)
{
	const char *colon = strchr(spec, ':');
	const char *name = colon ? arena_copy_bytes(arena, spec, (size_t)(colon - spec)) : spec;
	struct user user = { .name = name, .home = "/", .shell = "/bin/sh" };
	uint32_t number;

	if (!ids_user_by_name(passwd, name, arena, &user)) {
		if (number_parse_u32(name, &number) < 0) {
			fail_plain(err, ENOENT, "user '%s' is not in the root's /etc/passwd", name);
			err_hint(err, "a number works without an entry");
			return -ENOENT;
		}
		user.uid = number;
		if (!ids_user_by_id(passwd, number, arena, &user))
			user.name = name;
	}
	if (colon && colon[1]) {
		int r = resolve_group(colon + 1, group, &user.gid, err);

		if (r < 0)
			return r;
	} else {
		find_groups(group, arena, &user);
	}
	if (check_ids(&user, spec, err) < 0)
		return -EINVAL;
	*ret_user = user;
	return 0;
}
