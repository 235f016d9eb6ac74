// SPDX-License-Identifier: Apache-2.0
/* The table is a cache: an entry of a process that is gone is overwritten by the next one with its
 * pid, and by others when all places are taken. */
#include "tap/blob/people.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tap/blob/fds.h"
#include "tap/blob/text_number.h"

#define PROBES	  8
#define ANCESTORS 16

static struct tap_page *page(void)
{
	return (struct tap_page *)(uintptr_t)tap.page;
}

static struct tap_person *place_of(uint32_t pid, bool free_too)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		struct tap_person *person = &page()->people[(pid + i) % TAP_PEOPLE];
		uint32_t owner = __atomic_load_n(&person->pid, __ATOMIC_ACQUIRE);

		if (owner == pid || (free_too && owner == 0))
			return person;
	}
	return free_too ? &page()->people[pid % TAP_PEOPLE] : NULL;
}

static void describe(struct tap_person *person, uint32_t uid, uint32_t gid)
{
	const struct creds *creds = &process_read()->creds;
	uint32_t count = creds->group_count;

	person->user = creds->user;
	person->group = creds->group;
	person->caps = creds->caps;
	person->said_uid = uid;
	person->said_gid = gid;
	person->group_count = count < TAP_PERSON_GROUPS ? count : TAP_PERSON_GROUPS;
	memcpy(person->groups, creds->groups, person->group_count * sizeof(*creds->groups));
}

void people_say(uint32_t uid, uint32_t gid)
{
	const struct creds *creds = &process_read()->creds;
	bool is_plain = creds_is_initial(creds) && !uid && !gid;
	struct tap_person *person;
	uint32_t pid;

	if (is_plain && !__atomic_load_n(&page()->people_count, __ATOMIC_ACQUIRE))
		return;
	pid = (uint32_t)raw0(__NR_getpid);
	person = place_of(pid, !is_plain);
	if (!person)
		return;
	__atomic_store_n(&person->pid, 0, __ATOMIC_RELEASE);
	if (is_plain)
		return;
	describe(person, uid, gid);
	__atomic_store_n(&person->pid, pid, __ATOMIC_RELEASE);
	__atomic_store_n(&page()->people_count, 1, __ATOMIC_RELEASE);
}

void people_tell(void)
{
	const struct creds *creds = &process_read()->creds;

	people_say(creds->user.real, creds->group.real);
}

/* Behind the name, which may hold anything. */
static const char *behind_name(const char *text)
{
	const char *end = text;

	for (; *text; text++)
		if (*text == ')')
			end = text + 1;
	return end;
}

/* proc(5): /proc/PID/stat is "pid (name) state ppid ...". 0: it has none that we could see. */
static uint32_t parent_of(uint32_t pid)
{
	char text[512] = "/proc/";
	char *end = text_number(text + 6, pid);
	const char *at;
	uint64_t parent;
	long fd;
	long r;

	memcpy(end, "/stat", 6);
	fd = fds_open(AT_FDCWD, text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	r = raw3(__NR_read, fd, text, sizeof(text) - 1);
	raw1(__NR_close, fd);
	if (r <= 0)
		return 0;
	text[r] = '\0';
	at = behind_name(text); /* " S 123 " */
	return at[0] && at[1] && at[2] && text_parse_number(at + 3, &parent) ? (uint32_t)parent : 0;
}

/* Read at once, it may be overwritten meanwhile. */
static bool read_person(uint32_t pid, struct tap_person *ret_person)
{
	const struct tap_person *person = place_of(pid, false);

	if (!person)
		return false;
	*ret_person = *person;
	return ret_person->pid == pid && __atomic_load_n(&person->pid, __ATOMIC_ACQUIRE) == pid;
}

bool people_find(uint32_t pid, struct tap_person *ret_person)
{
	if (!__atomic_load_n(&page()->people_count, __ATOMIC_ACQUIRE))
		return false;
	for (int i = 0; i < ANCESTORS && pid > 1; i++) {
		if (read_person(pid, ret_person))
			return true;
		pid = parent_of(pid);
	}
	return pid == 1 && read_person(pid, ret_person);
}
