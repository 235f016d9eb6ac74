// SPDX-License-Identifier: Apache-2.0
/* What changes between the look at a path and its use: who looks first and acts then is led out. */
#include <linux/stat.h>
#include <sys/mman.h>

#include "battery/program/attempt.h"

#define TURNS 2000

/* A directory and a symlink to the host's take turns at two names: folder/real, folder/link. */
static long start_race(const char *folder)
{
	char real[PATH_SIZE];
	char link[PATH_SIZE];
	long pid;

	raw3(__NR_mkdirat, AT_FDCWD, folder, 0700);
	raw3(__NR_mkdirat, AT_FDCWD, join(real, folder, "/real", ""), 0700);
	raw3(__NR_symlinkat, here.outside, AT_FDCWD, join(link, folder, "/link", ""));
	pid = fork_process();
	if (pid != 0)
		return pid;
	raw5(__NR_prctl, 1 /* PR_SET_PDEATHSIG */, 9, 0, 0, 0);
	for (int i = 0; i < TURNS; i++) {
		raw5(__NR_renameat2, AT_FDCWD, real, AT_FDCWD, link, 2 /* RENAME_EXCHANGE */);
		raw1(__NR_sched_yield, 0);
	}
	end_process(0);
}

static bool is_running(long pid)
{
	return raw4(__NR_wait4, pid, 0, 1 /* WNOHANG */, 0) == 0;
}

static long open_path(const char *path, int flags)
{
	return raw4(__NR_openat, AT_FDCWD, path, flags, 0600);
}

static void race_read(void)
{
	for (long pid = start_race("/race"); is_running(pid);) {
		must_not_read(open_path("/race/real/" BATTERY_SECRET, O_RDONLY),
			      "a directory that becomes a symlink");
		must_not_read(open_path("/race/link/" BATTERY_SECRET, O_RDONLY),
			      "a symlink that becomes a directory");
	}
}

/* What is made must be made inside: the host's side looks (flow/verify_engine.c). */
static void race_create(void)
{
	for (long pid = start_race("/race-create"); is_running(pid);) {
		long fd = open_path("/race-create/real/" BATTERY_NEW, O_CREAT | O_WRONLY);

		if (fd >= 0)
			raw1(__NR_close, fd);
		refused(fd);
	}
}

static void race_look(void)
{
	static const char path[] = "/race-look/real/" BATTERY_SECRET;
	char text[PATH_SIZE];
	struct statx stat;

	for (long pid = start_race("/race-look"); is_running(pid);) {
		must_fail(raw5(__NR_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, &stat), "statx");
		must_fail(raw3(__NR_faccessat, AT_FDCWD, path, 0), "faccessat");
		must_fail(raw3(__NR_listxattr, path, text, sizeof(text)), "listxattr");
		must_fail(raw4(__NR_readlinkat, AT_FDCWD, "/race-look/real/" BATTERY_LINK, text,
			       sizeof(text)),
			  "readlinkat");
		must_fail(raw1(__NR_chdir, "/race-look/real/" BATTERY_EMPTY), "chdir");
	}
}

static void race_remove(void)
{
	static const char path[] = "/race-remove/real/" BATTERY_SECRET;

	for (long pid = start_race("/race-remove"); is_running(pid);) {
		must_fail(raw3(__NR_unlinkat, AT_FDCWD, path, 0), "unlinkat");
		must_fail(raw3(__NR_unlinkat, AT_FDCWD, "/race-remove/real/" BATTERY_EMPTY,
			       0x200 /* AT_REMOVEDIR */),
			  "rmdir");
		must_fail(raw5(__NR_renameat2, AT_FDCWD, path, AT_FDCWD, "/stolen", 0),
			  "renameat2");
		must_fail(raw5(__NR_linkat, AT_FDCWD, path, AT_FDCWD, "/stolen", 0), "linkat");
		must_fail(raw3(__NR_fchmodat, AT_FDCWD, path, 0777), "fchmodat");
	}
}

/* The host's directory swaps its place with the one that a bind shows: neither is ours to move. */
static void race_exchange(void)
{
	each_way_outside("", path, way) {
		raw3(__NR_mkdirat, AT_FDCWD, "/exchanged", 0700);
		raw3(__NR_mkdirat, AT_FDCWD, BATTERY_BIND "/exchanged", 0700);
		must_fail(raw5(__NR_renameat2, AT_FDCWD, path, AT_FDCWD, "/exchanged", 2),
			  way->name);
		must_fail(raw5(__NR_renameat2, AT_FDCWD, path, AT_FDCWD, BATTERY_BIND "/exchanged",
			       2),
			  way->name);
	}
	must_fail(raw5(__NR_renameat2, AT_FDCWD, BATTERY_BIND, AT_FDCWD, "/exchanged", 2),
		  "a bind itself");
}

/* The text of the path changes while it is read: from what is inside to what is not. */
static void race_text(void)
{
	long shared = raw6(__NR_mmap, 0, PATH_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *path = (char *)shared;
	char outside[PATH_SIZE];
	long pid;

	if (raw_is_error(shared))
		return;
	join(outside, here.outside, "/", BATTERY_SECRET);
	pid = fork_process();
	if (pid == 0) {
		raw5(__NR_prctl, 1 /* PR_SET_PDEATHSIG */, 9, 0, 0, 0);
		for (int i = 0; i < 20 * TURNS; i++) {
			text_put(path, path + PATH_SIZE, "/" BATTERY_PROGRAM);
			text_put(path, path + PATH_SIZE, outside);
		}
		end_process(0);
	}
	while (is_running(pid))
		must_not_read(open_path(path, O_RDONLY), "a path that changes while it is read");
}

const struct attempt race_attempts[] = {
	{ BATTERY_LEAK, "a symlink race, reading", race_read },
	{ BATTERY_LEAK, "a symlink race, creating", race_create },
	{ BATTERY_LEAK, "a symlink race, looking", race_look },
	{ BATTERY_LEAK, "a symlink race, removing", race_remove },
	{ BATTERY_LEAK, "RENAME_EXCHANGE with a directory", race_exchange },
	{ BATTERY_LEAK, "a path that changes while it is read", race_text },
	{ NULL, NULL, NULL },
};
