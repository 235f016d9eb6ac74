// SPDX-License-Identifier: Apache-2.0
#include "store/lease.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/strings.h"
#include "store/session.h"

#define FOLDER	     "tmp/" STORE_LEASE_FOLDER
#define NAME_BYTES   256
#define COUNTER_SIZE 20
#define NS_PER_MS    1000000

struct leases {
	const struct store *store;
	pthread_mutex_t mutex; /* over all below */
	pthread_cond_t changed;
	pthread_t thread;
	bool has_thread;
	bool ends;
	struct strings names; /* below the store, of what is held */
	unsigned long long counter;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

struct leases *leases_new(const struct store *store)
{
	struct leases *leases = memory_zeroed(1, sizeof(*leases));
	pthread_condattr_t attributes;

	leases->store = store;
	pthread_mutex_init(&leases->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&leases->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return leases;
}

/* ---- the owner's part ---- */

/* Opened and closed each time: on NFS that is what makes others see it. */
static bool write_record(const struct leases *leases, const char *name, int flags)
{
	char record[LEASE_RECORD_BYTES + 1];
	auto_fd fd = openat(leases->store->dirfd, name, O_WRONLY | O_CLOEXEC | flags, 0600);
	char text[LEASE_RECORD_BYTES];

	if (fd < 0)
		return false;
	snprintf(text, sizeof(text), "%0*llu %.200s", COUNTER_SIZE - 1, leases->counter,
		 session_name(leases->store->session));
	snprintf(record, sizeof(record), "%-*s\n", LEASE_RECORD_BYTES - 1, text);
	return pwrite(fd, record, LEASE_RECORD_BYTES, 0) == LEASE_RECORD_BYTES;
}

/* Not while the mutex is held: the file system may take its time. */
static void beat(struct leases *leases)
{
	auto_strings names = { 0 };

	strings_add_all(&names, leases->names.item);
	leases->counter++;
	pthread_mutex_unlock(&leases->mutex);
	strings_each(&names, name)
		(void)!write_record(leases, name, 0); /* one that is gone was taken over */
	pthread_mutex_lock(&leases->mutex);
}

static void *beat_on(void *context)
{
	struct leases *leases = context;

	pthread_mutex_lock(&leases->mutex);
	while (!leases->ends) {
		int64_t until_ns = now_ns() + (int64_t)LEASE_BEAT_MS * NS_PER_MS;
		const struct timespec until = { .tv_sec = until_ns / (1000 * NS_PER_MS),
						.tv_nsec = until_ns % (1000 * NS_PER_MS) };

		if (pthread_cond_timedwait(&leases->changed, &leases->mutex, &until) == ETIMEDOUT)
			beat(leases);
	}
	pthread_mutex_unlock(&leases->mutex);
	return NULL;
}

/* Signals are for the other threads. Without a thread the lease goes stale, and another process
 * does the same work. */
static void start_beating(struct leases *leases)
{
	sigset_t all;
	sigset_t before;

	if (leases->has_thread)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	leases->has_thread = pthread_create(&leases->thread, NULL, beat_on, leases) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void hold(struct leases *leases, const char *name)
{
	pthread_mutex_lock(&leases->mutex);
	strings_add(&leases->names, name);
	start_beating(leases);
	pthread_mutex_unlock(&leases->mutex);
}

/* The key of "tmp/.lease/KEY.NUMBER", and what number that is. */
static unsigned split_name(const char *name, char key[NAME_BYTES])
{
	const char *dot = strrchr(name, '.');
	uint32_t number;

	if (!dot || number_parse_u32(dot + 1, &number) < 0)
		return 0;
	snprintf(key, NAME_BYTES, "%.*s", (int)(dot - name), name);
	return number;
}

/* Ours, and those of the dead before us. */
static void release_one(const struct leases *leases, const char *name)
{
	char key[NAME_BYTES];

	for (unsigned number = split_name(name, key); number > 0; number--) {
		char before[NAME_BYTES + 16];

		snprintf(before, sizeof(before), "%s.%u", key, number);
		unlinkat(leases->store->dirfd, before, 0);
	}
}

void leases_release(struct leases *leases)
{
	struct strings names;

	pthread_mutex_lock(&leases->mutex);
	names = leases->names;
	leases->names = (struct strings){ 0 };
	pthread_mutex_unlock(&leases->mutex);
	strings_each(&names, name)
		release_one(leases, name);
	strings_done(&names);
	unlinkat(leases->store->dirfd, FOLDER, AT_REMOVEDIR); /* unless others have some there */
}

void leases_free(struct leases *leases)
{
	if (!leases)
		return;
	leases_release(leases);
	pthread_mutex_lock(&leases->mutex);
	leases->ends = true;
	pthread_cond_signal(&leases->changed);
	pthread_mutex_unlock(&leases->mutex);
	if (leases->has_thread)
		pthread_join(leases->thread, NULL);
	pthread_cond_destroy(&leases->changed);
	pthread_mutex_destroy(&leases->mutex);
	strings_done(&leases->names);
	free(leases);
}

/* ---- the others' part ---- */

/* The highest number there is of the key; 0: none. Opening the folder anew is what makes NFS look.
 */
static unsigned last_number(const struct leases *leases, const char *key)
{
	int fd = openat(leases->store->dirfd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned last = 0;
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(dir))) {
		char its_key[NAME_BYTES];
		unsigned number = split_name(entry->d_name, its_key);

		if (number > last && strcmp(its_key, key) == 0)
			last = number;
	}
	closedir(dir);
	return last;
}

/* "" when it went meanwhile. */
static void read_record(const struct leases *leases, const char *key, unsigned number,
			char record[LEASE_RECORD_BYTES])
{
	char name[NAME_BYTES + 32];
	auto_fd fd = -1;
	ssize_t n;

	snprintf(name, sizeof(name), FOLDER "/%s.%u", key, number);
	fd = openat(leases->store->dirfd, name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : io_read_full(fd, record, LEASE_RECORD_BYTES);
	if (n < 0)
		n = 0;
	if (n == LEASE_RECORD_BYTES)
		n--;
	record[n] = '\0';
}

static enum session_life life_of_owner(const char *record)
{
	char owner[LEASE_RECORD_BYTES];

	if (strlen(record) <= COUNTER_SIZE)
		return SESSION_UNKNOWN; /* not written yet */
	snprintf(owner, sizeof(owner), "%.*s", (int)strcspn(record + COUNTER_SIZE, " \n"),
		 record + COUNTER_SIZE);
	return session_life(owner);
}

/* Has the owner of the last number given a sign of life since we began to watch? */
static bool may_take_over(const struct leases *leases, const char *key, unsigned number,
			  struct lease_watch *watch)
{
	char record[LEASE_RECORD_BYTES];
	enum session_life life;
	int64_t limit_ms;

	read_record(leases, key, number, record);
	if (watch->number != number || strcmp(watch->record, record) != 0) {
		watch->number = number;
		memcpy(watch->record, record, sizeof(record));
		watch->seen_ns = now_ns();
	}
	life = life_of_owner(record);
	limit_ms = life == SESSION_ALIVE ? LEASE_STOPPED_MS : LEASE_STALE_MS;
	return life == SESSION_DEAD || now_ns() - watch->seen_ns >= limit_ms * NS_PER_MS;
}

/* The folder goes with the last lease in it, perhaps just now. */
static bool create_record(const struct leases *leases, const char *name)
{
	for (int attempt = 0; attempt < 100; attempt++) {
		if (write_record(leases, name, O_CREAT | O_EXCL))
			return true;
		if (errno != ENOENT ||
		    (mkdirat(leases->store->dirfd, FOLDER, 0700) < 0 && errno != EEXIST))
			return false;
	}
	return false;
}

bool leases_take(struct leases *leases, const char *key, struct lease_watch *watch)
{
	unsigned number = last_number(leases, key);
	char name[NAME_BYTES + 32];

	if (number > 0 && !may_take_over(leases, key, number, watch))
		return false;
	if (store_announce(leases->store, NULL) < 0)
		return true;
	snprintf(name, sizeof(name), FOLDER "/%s.%u", key, number + 1);
	if (create_record(leases, name)) {
		hold(leases, name);
		return true;
	}
	return errno != EEXIST;
}
