// SPDX-License-Identifier: Apache-2.0
/* A folder's name says whose it is: BOOT.PIDNS.PID.START.RANDOM.SINCE, so that another process on
 * the same kernel and in the same pid namespace can tell whether its owner lives (pid and start
 * time, field 22 of /proc/PID/stat, proc(5)). Of folders from elsewhere (another host on a shared
 * file system, before a reboot, another pid namespace) nothing is known but their age: they go
 * after a day, by the clock of the file system. Removing one that is in use is harmless to what is
 * published: the one at work fails and says so.
 *
 * SINCE is when it began, in seconds since 1970. Whatever a session relies on it marks with a newer
 * time than that (store_mark), so what is older than all sessions nobody relies on. */
#include "store/session.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/strings.h"
#include "store/aside.h"
#include "store/partial.h"
#include "store/store.h"
#include "sys/remove.h"

#define NAME_ROOM	 128
#define FOREIGN_AGE_SECS (24 * 60 * 60)
#define NS_PER_S	 1000000000

struct store_session {
	pthread_mutex_t mutex;
	char name[NAME_ROOM]; /* "" until made; below tmp/ */
	pid_t owner;	      /* a forked child must not remove its parent's folder */
	_Atomic int64_t began_ns;
	unsigned long long count;
};

struct store_session *session_new(void)
{
	struct store_session *session = memory_zeroed(1, sizeof(*session));

	pthread_mutex_init(&session->mutex, NULL);
	atomic_init(&session->began_ns, INT64_MIN);
	return session;
}

void session_end(struct store_session *session, int store_fd)
{
	char path[NAME_ROOM + 8];

	if (session->name[0] && session->owner == getpid()) {
		snprintf(path, sizeof(path), "tmp/%s", session->name);
		(void)!remove_tree(store_fd, path, NULL); /* the next process tries again */
	}
	pthread_mutex_destroy(&session->mutex);
	free(session);
}

/* "BOOT.PIDNS." of this process; "" when /proc does not tell: then every folder is foreign. */
static void kernel_prefix(char prefix[NAME_ROOM])
{
	auto_buf boot = { 0 };
	struct stat st;

	prefix[0] = '\0';
	if (io_read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &boot, NULL) < 0)
		return;
	if (stat("/proc/self/ns/pid", &st) < 0)
		return;
	snprintf(prefix, NAME_ROOM, "%.36s.%llu.", buf_text(&boot), (unsigned long long)st.st_ino);
}

/* Start time of the process in clock ticks since boot; 0 when there is none. The command's name
 * in field 2 may hold anything, so count from the last ')'. */
static uint64_t start_time(const char *pid)
{
	auto_buf stat = { 0 };
	char path[64];
	char *at;
	uint64_t start = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	if (io_read_file_at(AT_FDCWD, path, 4096, &stat, NULL) < 0)
		return 0;
	at = strrchr(buf_text(&stat), ')');
	for (int field = 3; at && field <= 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return 0;
	at++;
	at[strcspn(at, " ")] = '\0';
	return number_parse_u64(at, &start) < 0 ? 0 : start;
}

static bool owner_is_alive(const char *pid_and_start)
{
	char text[NAME_ROOM];
	char *at = text;
	const char *pid;
	const char *start;
	uint64_t number;

	snprintf(text, sizeof(text), "%s", pid_and_start);
	pid = strsep(&at, ".");
	start = at ? strsep(&at, ".") : NULL;
	if (!start || number_parse_u64(start, &number) < 0)
		return false;
	return start_time(pid) == number;
}

static bool is_stale(int tmp_fd, const char *name, const char *prefix, time_t now)
{
	struct stat st;

	if (*prefix && text_starts(name, prefix))
		return !owner_is_alive(name + strlen(prefix));
	return fstatat(tmp_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       now - st.st_mtime > FOREIGN_AGE_SECS;
}

/* `now` is the time the file system gave our own new folder. */
static void remove_stale(int store_fd, const char *prefix, time_t now)
{
	int fd = openat(store_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (!is_stale(dirfd(dir), entry->d_name, prefix, now))
			continue;
		partial_salvage(dirfd(dir), entry->d_name);
		(void)!remove_tree(dirfd(dir), entry->d_name, NULL);
	}
	partial_prune(dirfd(dir), now);
	partial_prune_leases(dirfd(dir), now);
	closedir(dir);
}

static int make_folder(struct store_session *session, int store_fd, struct err *err)
{
	char prefix[NAME_ROOM];
	char path[NAME_ROOM + 8];
	uint64_t random;
	struct stat st;

	kernel_prefix(prefix);
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail(err, errno, "getrandom");
	snprintf(session->name, sizeof(session->name), "%.70s%d.%llu.%016llx.%lld",
		 *prefix ? prefix : "unknown.0.", getpid(), (unsigned long long)start_time("self"),
		 (unsigned long long)random, (long long)time(NULL));
	snprintf(path, sizeof(path), "tmp/%s", session->name);
	if (mkdirat(store_fd, path, 0700) < 0) {
		session->name[0] = '\0';
		return fail(err, errno, "make '%s' in the store", path);
	}
	session->owner = getpid();
	if (fstatat(store_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, errno, "stat '%s' in the store", path);
	atomic_store(&session->began_ns, store_mark_time(&st));
	remove_stale(store_fd, prefix, st.st_mtime);
	snprintf(path, sizeof(path), "tmp/%s/0", session->name); /* work begins with 1 */
	aside_clear(store_fd, path);
	return 0;
}

const char *session_name(const struct store_session *session)
{
	return session->name;
}

enum session_life session_life(const char *name)
{
	char prefix[NAME_ROOM];

	kernel_prefix(prefix);
	if (!*prefix || !text_starts(name, prefix))
		return SESSION_UNKNOWN;
	return owner_is_alive(name + strlen(prefix)) ? SESSION_ALIVE : SESSION_DEAD;
}

int64_t session_began(const struct store_session *session)
{
	return atomic_load(&session->began_ns);
}

int session_announce(struct store_session *session, int store_fd, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&session->mutex);
	if (!session->name[0] || session->owner != getpid())
		r = make_folder(session, store_fd, err);
	pthread_mutex_unlock(&session->mutex);
	return r;
}

/* The last field; 0 when it is missing: nothing is known to be older. */
static int64_t since_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	uint64_t seconds;

	return dot && number_parse_u64(dot + 1, &seconds) == 0 ? (int64_t)seconds * NS_PER_S : 0;
}

static int64_t earliest_other(const struct store_session *session, DIR *dir)
{
	int64_t earliest = INT64_MAX;
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		int64_t since;

		if (entry->d_name[0] == '.' || strcmp(entry->d_name, session->name) == 0)
			continue;
		since = since_of(entry->d_name);
		if (since < earliest)
			earliest = since;
	}
	return earliest;
}

/* make_folder has just removed those of the dead. */
int session_others_began(struct store_session *session, int store_fd, int64_t *ret_ns,
			 struct err *err)
{
	int r = session_announce(session, store_fd, err);
	DIR *dir;
	int fd;

	if (r < 0)
		return r;
	fd = openat(store_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		r = fail(err, errno, "read tmp/ of the store");
		if (fd >= 0)
			close(fd);
		return r;
	}
	*ret_ns = earliest_other(session, dir);
	closedir(dir);
	return 0;
}

int session_is_quiet(struct store_session *session, int store_fd, bool *ret_quiet, struct err *err)
{
	int64_t began_ns;
	int r = session_others_began(session, store_fd, &began_ns, err);

	if (r == 0)
		*ret_quiet = began_ns == INT64_MAX;
	return r;
}

int session_work_name(struct store_session *session, int store_fd, char *ret_name, size_t room,
		      struct err *err)
{
	int r = session_announce(session, store_fd, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&session->mutex);
	snprintf(ret_name, room, "tmp/%s/%llu", session->name, ++session->count);
	pthread_mutex_unlock(&session->mutex);
	return 0;
}
