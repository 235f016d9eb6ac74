// SPDX-License-Identifier: Apache-2.0
/* Reading links, and the name of the working directory: what the kernel says is the host's. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "engine/calls_file.h"

/* A guest path as a process sees it that has called chroot(2). */
static const char *below_root(const char *root, const char *path)
{
	size_t length = strlen(root);

	if (!length)
		return path;
	if (!pathmap_is_in(path, root, length))
		return NULL;
	return path[length] ? path + length : "/";
}

/* calls->link holds the host's path, `length` bytes; afterwards calls->text the guest's. */
static const char *guest_path(struct visit *visit, size_t length)
{
	struct calls *calls = visit->calls;
	long r = pathmap_guest_of(calls->map, visit->tracee->subject->root, calls->link, length,
				  calls->text, CALLS_ROOM_BYTES);

	return r < 0 ? NULL : below_root(visit->tracee->subject->root, calls->text);
}

static long give(struct visit *visit, unsigned long to, unsigned long room_bytes, const char *text)
{
	size_t length = strlen(text);

	if (length > room_bytes)
		length = room_bytes;
	return trace_write(visit->tracee->tid, to, text, length) < 0 ? -EFAULT : (long)length;
}

/* In /proc/PID: the link at the end of `path`, which says `length` bytes of calls->link. NULL: as
 * it is. */
static const char *kernels_link(struct visit *visit, const char *path, size_t length)
{
	const char *root = visit->tracee->subject->root;
	const char *name = strrchr(path, '/') + 1;
	const struct tracee *whose = tracer_find(visit->tracer, (pid_t)strtol(path + 1, NULL, 10));
	const char *text;

	if (whose && whose->subject && strcmp(name, "exe") == 0 && whose->subject->program[0])
		return below_root(root, whose->subject->program) ?: whose->subject->program;
	if (strcmp(name, "root") == 0)
		return "/";
	visit->calls->link[length] = '\0';
	text = visit->calls->link[0] == '/' ? guest_path(visit, length) : NULL;
	return text ?: visit->calls->link;
}

static long read_link(struct visit *visit, int dirfd, unsigned long path, unsigned buffer_arg)
{
	struct calls *calls = visit->calls;
	unsigned long room_bytes = visit_arg(visit, buffer_arg + 1);
	unsigned long to = visit_arg(visit, buffer_arg);
	auto_spot spot = SPOT_NONE;
	const struct pathmap_entry *entry;
	char *guest = calls->path[1];
	ssize_t length;
	long r = spot_find(visit, dirfd, path, SPOT_EMPTY, &spot);

	if (r < 0)
		return r;
	if ((int)room_bytes <= 0)
		return -EINVAL;
	entry = &calls->map->entry[spot.found.entry];
	snprintf(guest, PATHMAP_PATH_MAX, "%s", spot.path);
	length = readlinkat(spot.fd, spot.name, calls->link, CALLS_ROOM_BYTES - 1);
	if (length < 0)
		return errno == ENOENT && !*spot.name ? -EINVAL : -errno;
	calls->link[length] = '\0';
	if ((entry->flags & PATHMAP_PROC) && *spot.name) {
		const char *below = guest + entry->guest_length;

		if (strcmp(below, "/self") == 0)
			snprintf(calls->link, CALLS_ROOM_BYTES, "%d", visit->tracee->subject->pid);
		else if (strcmp(below, "/thread-self") == 0)
			snprintf(calls->link, CALLS_ROOM_BYTES, "%d/task/%d",
				 visit->tracee->subject->pid, visit->tracee->tid);
		else if (below[0] == '/' && below[1] >= '0' && below[1] <= '9')
			return give(visit, to, room_bytes,
				    kernels_link(visit, below, (size_t)length));
	}
	return give(visit, to, room_bytes, calls->link);
}

#ifdef SYS_readlink
enum call_verdict calls_readlink(struct visit *visit)
{
	return visit_answer(visit, read_link(visit, AT_FDCWD, visit_arg(visit, 0), 1));
}
#endif

enum call_verdict calls_readlinkat(struct visit *visit)
{
	return visit_answer(visit, read_link(visit, visit_fd(visit, 0), visit_arg(visit, 1), 2));
}

enum call_verdict calls_getcwd(struct visit *visit)
{
	struct calls *calls = visit->calls;
	const char *text;
	char link[48];
	ssize_t length;
	size_t bytes;

	snprintf(link, sizeof(link), "/proc/%d/cwd", visit->tracee->tid);
	length = readlink(link, calls->link, CALLS_ROOM_BYTES - 1);
	if (length < 0)
		return visit_answer(visit, -errno);
	calls->link[length] = '\0';
	if (length > 10 && strcmp(calls->link + length - 10, " (deleted)") == 0)
		return visit_answer(visit, -ENOENT);
	text = guest_path(visit, (size_t)length);
	if (!text)
		return visit_answer(visit, -ENOENT);
	bytes = strlen(text) + 1;
	if (bytes > visit_arg(visit, 1))
		return visit_answer(visit, -ERANGE);
	if (trace_write(visit->tracee->tid, visit_arg(visit, 0), text, bytes) < 0)
		return visit_answer(visit, -EFAULT);
	return visit_answer(visit, (long)bytes);
}
