// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <string.h>

#include "tap/blob/fds.h"
#include "tap/blob/people.h"
#include "tap/blob/scratch.h"
#include "tap/blob/text_number.h"

#define STATUS_ROOM 8192 /* a status file has some 1500 bytes, and 11 for each group */
#define ROOM	    (3 * STATUS_ROOM)
#define NAME_ROOM   64

static bool is_proc(long fd)
{
	long statfs[15] = { 0 }; /* struct statfs: 120 bytes, the type first */

	return raw2(__NR_fstatfs, fd, statfs) == 0 && statfs[0] == PROC_SUPER_MAGIC;
}

/* --- the owner of /proc/PID */

/* "/proc/123/fd" as /proc/self/fd knows it; returns 123. 0: it is something else. */
static uint32_t pid_below(long fd, char name[NAME_ROOM])
{
	char link[32] = "/proc/self/fd/";
	uint64_t pid = 0;
	long r;

	text_number(link + 14, (unsigned long)fd);
	r = raw4(__NR_readlinkat, AT_FDCWD, link, name, NAME_ROOM - 1);
	if (r < 0)
		return 0;
	name[r] = '\0';
	return strncmp(name, "/proc/", 6) == 0 && text_parse_number(name + 6, &pid) ? (uint32_t)pid
										    : 0;
}

/* It was opened when nobody looked at opens, by a program that began when all were root (watch.h).
 * Programs ask for a file's size before they read it. */
static void show_status_late(long fd, const char *name)
{
	long flags;

	if (tap.host_tree || raw3(__NR_lseek, fd, 0, SEEK_CUR) != 0)
		return;
	flags = raw2(__NR_fcntl, fd, F_GETFL);
	if (flags >= 0 && (raw2(__NR_fcntl, fd, F_GETFD) & FD_CLOEXEC))
		flags |= O_CLOEXEC;
	if (flags >= 0)
		proc_show_status(fd, name, (unsigned long)flags);
}

/* The last device that was found not to be /proc: an overlay's number looks no other. */
HOT static uint64_t other_device;

OFTEN bool proc_owner(const struct where *where, uint64_t device, uint32_t *ret_uid,
		      uint32_t *ret_gid)
{
	int flags = O_PATH | O_CLOEXEC | (where->flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
	struct tap_person person;
	char name[NAME_ROOM];
	long fd = where->dirfd;
	uint32_t pid = 0;

	if (device >> 32 || !tap.page->people_count || device == other_device)
		return false;
	if (where->path[0])
		fd = fds_open(where->dirfd, where->path, flags);
	if (fd < 0)
		return false;
	if (is_proc(fd))
		pid = pid_below(fd, name);
	else
		other_device = device;
	if (where->path[0])
		raw1(__NR_close, fd);
	else if (pid)
		show_status_late(fd, name);
	if (!pid || !people_find(pid, &person))
		return false;
	*ret_uid = person.user.effective;
	*ret_gid = person.group.effective;
	return true;
}

/* --- status */

static bool is_status(const char *path)
{
	size_t length = strlen(path);

	return length >= 6 && strcmp(path + length - 6, "status") == 0 &&
	       (length == 6 || path[length - 7] == '/');
}

static void describe_me(struct tap_person *person)
{
	const struct creds *creds = &process_read()->creds;

	*person = (struct tap_person){ .user = creds->user,
				       .group = creds->group,
				       .caps = creds->caps,
				       .group_count = creds->group_count };
}

static bool starts(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

static const char *find_line(const char *text, const char *word)
{
	for (const char *at = text; *at; at++)
		if ((at == text || at[-1] == '\n') && starts(at, word))
			return at + strlen(word);
	return NULL;
}

static char *print(char *at, const char *text)
{
	size_t length = strlen(text);

	memcpy(at, text, length + 1);
	return at + length;
}

static char *print_ids(char *at, const struct creds_ids *ids)
{
	const uint32_t all[] = { ids->real, ids->effective, ids->saved, ids->file_system };

	for (size_t i = 0; i < 4; i++) {
		at = text_number(at, all[i]);
		*at++ = i < 3 ? '\t' : '\n';
	}
	return at;
}

static char *print_groups(char *at, const uint32_t *groups, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		at = text_number(at, groups[i]);
		*at++ = ' ';
	}
	*at++ = '\n';
	return at;
}

static char *print_caps(char *at, uint64_t caps)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[caps >> shift & 15];
	*at++ = '\n';
	return at;
}

struct subject {
	struct tap_person person;
	const uint32_t *groups;
	unsigned no_new_privs;
	unsigned seccomp_mode;
};

/* Behind the word of the line; NULL: the line stays as it is. */
static char *print_value(char *at, const char *line, const struct subject *subject)
{
	const struct tap_person *person = &subject->person;
	const struct {
		const char *word;
		uint64_t caps;
	} caps[] = {
		{ "CapInh:", person->caps.inheritable }, { "CapPrm:", person->caps.permitted },
		{ "CapEff:", person->caps.effective },	 { "CapBnd:", person->caps.bounding },
		{ "CapAmb:", person->caps.ambient },
	};

	if (starts(line, "Uid:"))
		return print_ids(print(at, "Uid:\t"), &person->user);
	if (starts(line, "Gid:"))
		return print_ids(print(at, "Gid:\t"), &person->group);
	if (starts(line, "Groups:"))
		return print_groups(print(at, "Groups:\t"), subject->groups, person->group_count);
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		if (starts(line, caps[i].word))
			return print_caps(print(print(at, caps[i].word), "\t"), caps[i].caps);
	if (starts(line, "NoNewPrivs:"))
		at = text_number(print(at, "NoNewPrivs:\t"), subject->no_new_privs);
	else if (starts(line, "Seccomp:"))
		at = text_number(print(at, "Seccomp:\t"), subject->seccomp_mode);
	else if (starts(line, "Seccomp_filters:") && !subject->seccomp_mode)
		at = print(at, "Seccomp_filters:\t0");
	else
		return NULL;
	return print(at, "\n");
}

static size_t edit(const char *from, char *to, const struct subject *subject)
{
	char *at = to;

	while (*from) {
		const char *end = from;
		char *behind = print_value(at, from, subject);

		while (*end && *end++ != '\n')
			;
		if (!behind) {
			memcpy(at, from, (size_t)(end - from));
			behind = at + (end - from);
		}
		at = behind;
		from = end;
	}
	return (size_t)(at - to);
}

/* false: it is none of ours, or who the kernel says. */
static bool find_subject(const char *text, struct subject *ret_subject)
{
	const struct process *me = process_read();
	const char *tgid = find_line(text, "Tgid:\t");
	const char *uid = find_line(text, "Uid:\t");
	uint64_t pid;
	uint64_t kernel_uid;

	if (!tgid || !uid || !text_parse_number(tgid, &pid) || !text_parse_number(uid, &kernel_uid))
		return false;
	*ret_subject = (struct subject){ .groups = ret_subject->person.groups };
	if (pid == (uint64_t)raw0(__NR_getpid)) {
		describe_me(&ret_subject->person);
		ret_subject->groups = me->creds.groups;
		ret_subject->no_new_privs = me->no_new_privs;
		ret_subject->seccomp_mode = me->seccomp_mode;
		return true;
	}
	if (people_find((uint32_t)pid, &ret_subject->person))
		return true;
	ret_subject->person.caps.permitted = CREDS_ALL_CAPS;
	ret_subject->person.caps.effective = CREDS_ALL_CAPS;
	ret_subject->person.caps.bounding = CREDS_ALL_CAPS;
	ret_subject->person.group_count = 1;
	return kernel_uid == (uint64_t)raw0(__NR_getuid);
}

/* Reads `fd`; returns a file in memory with the text as it shall be. */
static long make_status(long fd, char *room, unsigned long flags)
{
	struct subject subject;
	size_t size_bytes;
	long made;
	long r = raw4(__NR_pread64, fd, room, STATUS_ROOM - 1, 0);

	if (r <= 0 || r == STATUS_ROOM - 1)
		return -EINVAL;
	room[r] = '\0';
	if (!find_subject(room, &subject))
		return -EINVAL;
	size_bytes = edit(room, room + STATUS_ROOM, &subject);
	made = raw2(__NR_memfd_create, "status", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	if (made < 0)
		return made;
	raw4(__NR_pwrite64, made, room + STATUS_ROOM, size_bytes, 0);
	return made;
}

long proc_show_status(long fd, const char *path, unsigned long flags)
{
	char *room;
	long made;
	long r = fd;

	if (fd < 0 || (flags & (O_ACCMODE | O_PATH)) || !is_status(path) || !is_proc(fd))
		return fd;
	room = scratch_take(ROOM);
	if (!room)
		return fd;
	made = make_status(fd, room, flags);
	if (made >= 0) { /* under the number that the program was to get */
		r = raw3(__NR_dup3, made, fd, flags & O_CLOEXEC);
		raw1(__NR_close, made);
	}
	scratch_put(room);
	return r < 0 ? fd : r;
}
