// SPDX-License-Identifier: Apache-2.0
#include "engine/tracer_stores.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/banned.h"

int tracer_init(struct tracer *tracer, struct err *err)
{
	void *stores = mmap(NULL, sizeof(struct tracer_stores), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (stores == MAP_FAILED)
		return fail(err, errno, "memory for the tracer");
	tracer->stores = stores;
	tracer->stores->next_tracee = tracer->stores->next_subject = 1;
	tracer->stores->next_space = 1;
	return 0;
}

void tracer_done(struct tracer *tracer)
{
	if (tracer->stores)
		munmap(tracer->stores, sizeof(struct tracer_stores));
	tracer->stores = NULL;
}

/* --- who is there */

static uint32_t bucket_of(pid_t tid)
{
	return (uint32_t)tid & (STORES_BUCKETS - 1);
}

struct tracee *tracer_find(struct tracer *tracer, pid_t tid)
{
	struct tracer_stores *stores = tracer->stores;
	uint32_t at = stores->bucket[bucket_of(tid)];

	while (at != STORES_NOBODY && stores->tracee[at].tid != tid)
		at = stores->tracee[at].next_same;
	return at == STORES_NOBODY ? NULL : &stores->tracee[at];
}

struct tracee *tracer_next(struct tracer *tracer, const struct tracee *after)
{
	struct tracer_stores *stores = tracer->stores;
	uint32_t at = after ? (uint32_t)(after - stores->tracee) + 1 : 1;

	while (at < stores->next_tracee && !stores->tracee[at].tid)
		at++;
	return at < stores->next_tracee ? &stores->tracee[at] : NULL;
}

void stores_link(struct tracer_stores *stores, struct tracee *tracee, pid_t tid)
{
	uint32_t *bucket = &stores->bucket[bucket_of(tid)];

	tracee->tid = tid;
	tracee->next_same = *bucket;
	*bucket = (uint32_t)(tracee - stores->tracee);
}

void stores_unlink(struct tracer_stores *stores, const struct tracee *tracee)
{
	uint32_t *at = &stores->bucket[bucket_of(tracee->tid)];

	while (&stores->tracee[*at] != tracee)
		at = &stores->tracee[*at].next_same;
	*at = tracee->next_same;
}

struct tracee *stores_new_tracee(struct tracer *tracer, pid_t tid)
{
	struct tracer_stores *stores = tracer->stores;
	uint32_t at = stores->free_tracee;
	struct tracee *tracee;

	if (at != STORES_NOBODY)
		stores->free_tracee = stores->tracee[at].next_free;
	else if (stores->next_tracee < TRACER_PROCESSES)
		at = stores->next_tracee++;
	else
		return NULL;
	tracee = &stores->tracee[at];
	*tracee = (struct tracee){
		.slot = -1, .held_fd = -1, .plan = &stores->plan[at], .program_fd = { -1, -1 }
	};
	stores_link(stores, tracee, tid);
	tracer->tracee_count++;
	return tracee;
}

/* There are as many of these as tracees at most. */
struct subject *stores_new_subject(struct tracer_stores *stores, pid_t pid)
{
	uint32_t at = stores->free_subject;

	if (at != STORES_NOBODY)
		stores->free_subject = stores->subject[at].next_free;
	else
		at = stores->next_subject++;
	stores->subject[at].users = 1;
	stores->subject[at].pid = pid;
	stores->subject[at].program_fd = -1;
	stores->subject[at].debugs = 0;
	stores->subject[at].cwd = (struct tracer_cwd){ .fd = -1 };
	return &stores->subject[at];
}

struct space *stores_new_space(struct tracer_stores *stores)
{
	uint32_t at = stores->free_space;

	if (at != STORES_NOBODY)
		stores->free_space = stores->space[at].next_free;
	else
		at = stores->next_space++;
	stores->space[at] = (struct space){ .users = 1 };
	return &stores->space[at];
}

static void describe(const struct subject *subject, struct tracer_person *ret_person)
{
	const struct creds *creds = &subject->creds;

	*ret_person = (struct tracer_person){
		.pid = subject->pid,
		.uid = creds->user.effective,
		.gid = creds->group.effective,
		.said_uid = subject->claims ? subject->claimed_uid : creds->user.real,
		.said_gid = subject->claims ? subject->claimed_gid : creds->group.real,
	};
}

bool tracer_who(struct tracer *tracer, pid_t pid, struct tracer_person *ret_person)
{
	struct tracer_stores *stores = tracer->stores;
	const struct tracee *tracee = pid > 0 ? tracer_find(tracer, pid) : NULL;

	if (tracee && tracee->subject) {
		describe(tracee->subject, ret_person);
		return true;
	}
	for (uint32_t i = 0; pid > 0 && i < STORES_DEPARTED && i < stores->departed_count; i++) {
		uint32_t at = (stores->departed_count - 1 - i) % STORES_DEPARTED;

		if (stores->departed[at].pid == pid) {
			*ret_person = stores->departed[at];
			return true;
		}
	}
	return false;
}

/* What it sent may be read later. */
static void remember(struct tracer_stores *stores, const struct subject *subject)
{
	if (!creds_is_initial(&subject->creds) || subject->claims)
		describe(subject, &stores->departed[stores->departed_count++ % STORES_DEPARTED]);
}

void tracer_forget_cwd(struct subject *subject)
{
	cleanup_fd(&subject->cwd.fd);
	subject->cwd.fd = -1;
	if (subject->cwd.state != CWD_SHARED)
		subject->cwd.state = CWD_UNKNOWN;
}

void stores_leave_subject(struct tracer_stores *stores, struct subject *subject)
{
	if (!subject || --subject->users > 0)
		return;
	remember(stores, subject);
	cleanup_fd(&subject->program_fd);
	tracer_forget_cwd(subject);
	subject->next_free = stores->free_subject;
	stores->free_subject = (uint32_t)(subject - stores->subject);
}

void stores_leave_space(struct tracer_stores *stores, struct space *space)
{
	if (!space || --space->users > 0)
		return;
	space->next_free = stores->free_space;
	stores->free_space = (uint32_t)(space - stores->space);
}

void stores_copy_subject(struct subject *to, const struct subject *from)
{
	to->umask = from->umask;
	to->no_new_privs = from->no_new_privs;
	to->seccomp_mode = from->seccomp_mode;
	to->claims = false;
	to->program_fd = from->program_fd < 0 ? -1 : fcntl(from->program_fd, F_DUPFD_CLOEXEC, 0);
	memcpy(to->program, from->program, strlen(from->program) + 1);
	memcpy(to->root, from->root, strlen(from->root) + 1);
	memcpy(&to->creds, &from->creds,
	       offsetof(struct creds, groups) +
		       from->creds.group_count * sizeof(from->creds.groups[0]));
}
