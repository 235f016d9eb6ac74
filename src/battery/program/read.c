// SPDX-License-Identifier: Apache-2.0
/* Calls that open a file. */
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/mman.h>

#include "battery/program/attempt.h"

#if defined(__NR_open)
static void read_open(void)
{
	each_way(BATTERY_SECRET, path, way)
		must_not_read(raw3(__NR_open, path, O_RDONLY, 0), way->name);
}
#endif

static long open_path(long folder_fd, const char *path, int flags)
{
	return raw4(__NR_openat, folder_fd, path, flags, 0600);
}

static void read_openat(void)
{
	each_way(BATTERY_SECRET, path, way)
		must_not_read(open_path(AT_FDCWD, path, O_RDONLY), way->name);
}

/* Relative to the root and to a bind, with '..' enough. */
static void read_openat_folder(void)
{
	char path[PATH_SIZE];

	join(path, "../../../../../../..", here.outside, "/" BATTERY_SECRET);
	must_not_read(open_path(here.root_fd, path, O_RDONLY), "from the root");
	must_not_read(open_path(here.bind_fd, path, O_RDONLY), "from a bind");
	must_not_read(open_path(here.root_fd, join(path, here.outside + 1, "/", BATTERY_SECRET),
				O_RDONLY),
		      "from the root, down");
	must_not_read(open_path(here.bind_fd, "../outside/" BATTERY_SECRET, O_RDONLY),
		      "beside a bind");
	must_not_read(open_path(here.bind_fd, BATTERY_LINK "/" BATTERY_SECRET, O_RDONLY),
		      "a link in a bind");
}

/* By components: a directory at a time, each from the one before. */
static void read_step_by_step(void)
{
	long fd = here.bind_fd;

	for (int i = 0; i < 12; i++) {
		char path[PATH_SIZE];

		must_not_read(open_path(fd, join(path, here.outside + 1, "/", BATTERY_SECRET), 0),
			      "'..' again and again");
		must_not_read(open_path(fd, "outside/" BATTERY_SECRET, 0), "'..' of a bind");
		fd = open_path(fd, "..", O_PATH | O_DIRECTORY);
		if (fd < 0) {
			refused(fd);
			return;
		}
	}
}

static void read_reopened(void)
{
	each_way(BATTERY_SECRET, path, way) {
		char link[PATH_SIZE];
		char number[24];
		long fd = open_path(AT_FDCWD, path, O_PATH);

		if (fd < 0) {
			refused(fd);
			continue;
		}
		number_text(number, (unsigned long)fd);
		must_not_read(open_path(AT_FDCWD, join(link, "/proc/self/fd/", number, ""), 0),
			      way->name);
	}
}

static void read_openat2(void)
{
	static const struct {
		uint64_t resolve;
		const char *name;
	} kinds[] = { { 0, "" }, { RESOLVE_NO_MAGICLINKS, "" }, { RESOLVE_NO_XDEV, "" } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct open_how how = { .flags = O_RDONLY, .resolve = kinds[i].resolve };

		each_way(BATTERY_SECRET, path, way)
			must_not_read(raw4(__NR_openat2, AT_FDCWD, path, &how, sizeof(how)),
				      way->name);
	}
}

/* With a directory as root that itself is none of ours. */
static void read_openat2_in_root(void)
{
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT };
	static const char *const roots[] = { "/", "/proc/1/root", "/proc/self/root",
					     "/proc/self/cwd" };

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		char path[PATH_SIZE];
		long fd = open_path(AT_FDCWD, roots[i], O_PATH | O_DIRECTORY);

		must_not_read(raw4(__NR_openat2, fd, join(path, here.outside, "/", BATTERY_SECRET),
				   &how, sizeof(how)),
			      roots[i]);
	}
}

/* ---- io_uring: one ring, one entry at a time (io_uring(7)) ---- */

struct ring {
	long fd;
	char *submissions, *completions;
	struct io_uring_sqe *entries;
	struct io_uring_params params;
};

static char *map_ring(long fd, size_t size_bytes, unsigned long offset)
{
	return (char *)raw6(__NR_mmap, 0, size_bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, fd, offset);
}

static bool ring_open(struct ring *ring)
{
	struct io_uring_params *params = &ring->params;

	*ring = (struct ring){ .fd = -1 };
	ring->fd = raw2(__NR_io_uring_setup, 4, params);
	if (ring->fd < 0) {
		refused(ring->fd);
		return false;
	}
	ring->submissions = map_ring(ring->fd, params->sq_off.array + params->sq_entries * 4,
				     IORING_OFF_SQ_RING);
	ring->completions = map_ring(
		ring->fd, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe),
		IORING_OFF_CQ_RING);
	ring->entries = (struct io_uring_sqe *)map_ring(
		ring->fd, params->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	return !raw_is_error((long)ring->submissions) && !raw_is_error((long)ring->completions) &&
	       !raw_is_error((long)ring->entries);
}

static volatile unsigned *at(char *ring, unsigned offset)
{
	return (volatile unsigned *)(void *)(ring + offset);
}

/* The result of one entry. */
static long ring_do(struct ring *ring, const struct io_uring_sqe *entry)
{
	const struct io_uring_params *params = &ring->params;
	unsigned tail = *at(ring->submissions, params->sq_off.tail);
	unsigned head = *at(ring->completions, params->cq_off.head);
	unsigned slot = tail & *at(ring->submissions, params->sq_off.ring_mask);
	const struct io_uring_cqe *done;
	long r;

	ring->entries[slot] = *entry;
	at(ring->submissions, params->sq_off.array)[slot] = slot;
	__atomic_store_n(at(ring->submissions, params->sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	r = raw6(__NR_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0);
	if (r < 0)
		return r;
	done = (const struct io_uring_cqe *)(void *)(ring->completions + params->cq_off.cqes);
	r = done[head & *at(ring->completions, params->cq_off.ring_mask)].res;
	__atomic_store_n(at(ring->completions, params->cq_off.head), head + 1, __ATOMIC_RELEASE);
	return r;
}

static void read_io_uring(void)
{
	struct ring ring;
	struct open_how how = { .flags = O_RDONLY };
	struct statx stat;

	if (!ring_open(&ring))
		return;
	each_way(BATTERY_SECRET, path, way) {
		struct io_uring_sqe entry = { .opcode = IORING_OP_OPENAT,
					      .fd = AT_FDCWD,
					      .addr = (uintptr_t)path,
					      .open_flags = O_RDONLY };

		must_not_read(ring_do(&ring, &entry), way->name);
		entry = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT2,
					       .fd = AT_FDCWD,
					       .addr = (uintptr_t)path,
					       .len = sizeof(how),
					       .off = (uintptr_t)&how };
		must_not_read(ring_do(&ring, &entry), way->name);
	}
	each_way_outside(BATTERY_SECRET, path, way) {
		struct io_uring_sqe entry = { .opcode = IORING_OP_STATX,
					      .fd = AT_FDCWD,
					      .addr = (uintptr_t)path,
					      .len = STATX_BASIC_STATS,
					      .off = (uintptr_t)&stat };

		must_fail(ring_do(&ring, &entry), way->name);
	}
}

static void read_by_handle(void)
{
	struct {
		unsigned bytes;
		int type;
		unsigned char handle[HANDLE_BYTES_MAX];
	} handle = { .bytes = here.handle_bytes, .type = here.handle_type };
	static const char *const mounts[] = { "/", BATTERY_BIND, "/proc/1/root", "/etc" };

	if (!here.has_handle) {
		refused(-EOPNOTSUPP);
		return;
	}
	for (unsigned i = 0; i < here.handle_bytes; i++)
		handle.handle[i] = here.handle[i];
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		long fd = open_path(AT_FDCWD, mounts[i], O_RDONLY | O_DIRECTORY);

		if (fd >= 0)
			must_not_read(raw3(__NR_open_by_handle_at, fd, &handle, O_RDONLY),
				      mounts[i]);
	}
}

const struct attempt read_attempts[] = {
#if defined(__NR_open)
	{ BATTERY_LEAK, "open", read_open },
#endif
	{ BATTERY_LEAK, "openat", read_openat },
	{ BATTERY_LEAK, "openat from a directory", read_openat_folder },
	{ BATTERY_LEAK, "openat, '..' step by step", read_step_by_step },
	{ BATTERY_LEAK, "O_PATH and /proc/self/fd", read_reopened },
	{ BATTERY_LEAK, "openat2", read_openat2 },
	{ BATTERY_LEAK, "openat2 with RESOLVE_IN_ROOT", read_openat2_in_root },
	{ BATTERY_LEAK, "io_uring", read_io_uring },
	{ BATTERY_LEAK, "open_by_handle_at", read_by_handle },
	{ NULL, NULL, NULL },
};
