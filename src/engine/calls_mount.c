// SPDX-License-Identifier: Apache-2.0
/* mount(2), umount2(2), pivot_root(2): the map of paths changes (tap/mount_calls.h). Nobody else
 * looks at it meanwhile, for there is one thread. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/calls_file.h"
#include "tap/mount_calls.h"
#include "tap/mount_list.h"

static bool identify(int fd, struct pathmap_identity *ret_identity)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	*ret_identity = (struct pathmap_identity){ st.st_dev, st.st_ino };
	return true;
}

/* What was known of working directories is no longer. */
static void forget_all(struct tracer *tracer)
{
	for (struct tracee *tracee = tracer_next(tracer, NULL); tracee;
	     tracee = tracer_next(tracer, tracee))
		if (tracee->subject && tracee->subject->cwd.state != CWD_SHARED)
			tracer_forget_cwd(tracee->subject);
}

static void pivot_all(struct tracer *tracer, const struct tap_pivot *pivot)
{
	for (struct tracee *tracee = tracer_next(tracer, NULL); tracee;
	     tracee = tracer_next(tracer, tracee))
		if (tracee->subject && strcmp(tracee->subject->root, pivot->from) == 0)
			memcpy(tracee->subject->root, pivot->to, sizeof(pivot->to));
}

/* A change that fails has changed nothing. */
static long change(void *context, const struct tap_mount *mount)
{
	static struct tap_place before;
	static char brought[PATHMAP_PATH_MAX], above[PATHMAP_PATH_MAX];
	struct visit *visit = context;
	struct calls *calls = visit->calls;
	const struct tap_mounting mounting = {
		.place = calls->place,
		.ops = spot_ops(),
		.context = visit,
		.root_fd = calls->root_fd,
		.identify = identify,
		.room = { .text = calls->text,
			  .host = calls->host,
			  .link = calls->link,
			  .bytes = CALLS_ROOM_BYTES },
		.brought = brought,
		.above = above,
	};
	long r;

	memcpy(&before, calls->place, tap_place_bytes(calls->place));
	r = tap_mounting_change(&mounting, mount);
	if (r < 0)
		memcpy(calls->place, &before, tap_place_bytes(&before));
	else
		forget_all(visit->tracer);
	return r;
}

static long read_text(void *context, char *to, unsigned long address, size_t room_bytes)
{
	const struct visit *visit = context;
	long r = 0;

	to[0] = '\0';
	if (address)
		r = trace_read_text(visit->tracee->tid, address, to, room_bytes);
	return r == -ENAMETOOLONG ? -EINVAL : r < 0 ? r : 0;
}

/* The host's path must still lead there. */
static long look(const struct spot *spot, struct tap_mount_end *end)
{
	char here[SPOT_PATH_MAX];
	struct stat st;
	struct stat named;
	ssize_t length;

	spot_path_here(spot, here);
	length = readlink(here, end->host, sizeof(end->host) - 1);
	if (length < 0)
		return -errno;
	end->host[length] = '\0';
	if (fstat(spot->fd, &st) < 0 || lstat(end->host, &named) < 0)
		return -errno;
	end->is_directory = S_ISDIR(st.st_mode);
	return named.st_ino == st.st_ino && named.st_dev == st.st_dev ? 0 : -ENOENT;
}

static long take_end(const struct spot *spot, struct tap_mount_end *end)
{
	snprintf(end->guest, sizeof(end->guest), "%s", strcmp(spot->path, "/") ? spot->path : "");
	end->is_by_link = spot->found.is_kernels_link;
	return look(spot, end);
}

static long find(void *context, unsigned long address, struct tap_mount_end *end)
{
	auto_spot spot = SPOT_NONE;
	long r = spot_find(context, AT_FDCWD, address, SPOT_FOLLOW | SPOT_FILE, &spot);

	return r < 0 ? r : take_end(&spot, end);
}

static long find_root(void *context, struct tap_mount_end *end)
{
	auto_spot spot = SPOT_NONE;
	long r = spot_find_text(context, AT_FDCWD, "/", SPOT_FOLLOW | SPOT_FILE, &spot);

	return r < 0 ? r : take_end(&spot, end);
}

static long make_directory(void *context, uint32_t mode, char path[PATHMAP_PATH_MAX])
{
	static unsigned made;
	const struct visit *visit = context;

	snprintf(path, PATHMAP_PATH_MAX, "%s/m%u", visit->calls->place->folder, ++made);
	return mkdir(path, 0700) < 0 || chmod(path, mode) < 0 ? -errno : 0;
}

static long answer(struct visit *visit)
{
	static struct tap_mounter mounter; /* too large for a stack */
	struct subject *subject = visit->tracee->subject;
	unsigned long arg[5];
	long r;

	if (!visit->calls->emulates || !creds_may(&subject->creds, CAP_SYS_ADMIN))
		return -EPERM;
	mounter.place = visit->calls->place;
	mounter.root = subject->root;
	mounter.context = visit;
	mounter.read_text = read_text;
	mounter.find = find;
	mounter.find_root = find_root;
	mounter.change = change;
	mounter.make_directory = make_directory;
	for (unsigned i = 0; i < array_count(arg); i++)
		arg[i] = visit_arg(visit, i);
	if (registers_call(visit->registers) == SYS_mount)
		return tap_mount(&mounter, arg);
	if (registers_call(visit->registers) == SYS_umount2)
		return tap_unmount(&mounter, arg);
	r = tap_pivot_root(&mounter, arg);
	if (r == 0)
		pivot_all(visit->tracer,
			  &visit->calls->place->pivots[visit->calls->place->pivot_count - 1]);
	return r;
}

enum call_verdict calls_mount(struct visit *visit)
{
	return visit_answer(visit, answer(visit));
}

/* --- the list of what is mounted */

struct output {
	int fd;
	size_t length;
	char text[16384];
};

static void flush(struct output *output)
{
	(void)!io_write_all(output->fd, output->text, output->length);
	output->length = 0;
}

static void add_to(void *context, const char *text, size_t length)
{
	struct output *output = context;

	if (output->length + length > sizeof(output->text))
		flush(output);
	memcpy(output->text + output->length, text, length);
	output->length += length;
}

static uint64_t device_of(const char *host)
{
	struct stat st = { 0 };

	(void)!stat(host, &st);
	return (uint64_t)major(st.st_dev) << 32 | minor(st.st_dev);
}

int calls_list_mounts(const struct visit *visit, const char *guest)
{
	static struct output output;
	struct tap_mount_list list = { .map = visit->calls->map,
				       .root = visit->tracee->subject->root,
				       .add = add_to,
				       .device_of = device_of,
				       .context = &output };

	if (!tap_mount_list_is(guest, &list.is_info))
		return -1;
	output.fd = memfd_create("proc", MFD_CLOEXEC);
	if (output.fd < 0)
		return -1;
	tap_mount_list_print(&list);
	flush(&output);
	lseek(output.fd, 0, SEEK_SET);
	return output.fd;
}
