// SPDX-License-Identifier: Apache-2.0
/* Files of /proc/PID whose text names host paths: what is mapped, line by line with the guest's
 * paths; and the list of mounts, which is made from the map. The program gets a file in memory
 * under the number it would have got. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/view.h"
#include "tap/mount_list.h"

#define ROOM (64ul << 10)

struct output {
	int fd;
	char *text; /* ROOM bytes */
	size_t length;
};

static void flush(struct output *output)
{
	raw3(__NR_write, output->fd, output->text, output->length);
	output->length = 0;
}

static void add(struct output *output, const char *text, size_t length)
{
	if (output->length + length > ROOM)
		flush(output);
	memcpy(output->text + output->length, text, length);
	output->length += length;
}

/* ---- maps, smaps, numa_maps: a path is from the first slash to the end of the line ---- */

static size_t path_length(const char *path, size_t length)
{
	static const char deleted[] = " (deleted)";
	const size_t deleted_length = sizeof(deleted) - 1;

	if (length > deleted_length &&
	    memcmp(path + length - deleted_length, deleted, deleted_length) == 0)
		length -= deleted_length;
	return length;
}

static void add_line(struct output *output, const char *line, size_t length, char *room)
{
	size_t slash = 0;
	size_t known;
	long r;

	while (slash < length && line[slash] != '/')
		slash++;
	known = path_length(line + slash, length - slash);
	if (known >= PATHMAP_PATH_MAX)
		known = 0;
	memcpy(room, line + slash, known);
	r = known ? view_guest_of(room, known, 2 * PATHMAP_PATH_MAX) : -ENOENT;
	add(output, line, slash);
	if (r > 0)
		add(output, room, (size_t)r);
	else
		known = 0;
	add(output, line + slash + known, length - slash - known);
}

static void copy_lines(struct output *output, int fd, char *input, char *room)
{
	size_t kept = 0;
	long n;

	while ((n = raw3(__NR_read, fd, input + kept, ROOM - kept)) > 0) {
		size_t end = kept + (size_t)n;
		size_t at = 0;

		for (size_t i = kept; i < end; i++)
			if (input[i] == '\n') {
				add_line(output, input + at, i - at, room);
				add(output, "\n", 1);
				at = i + 1;
			}
		kept = end - at;
		memmove(input, input + at, kept);
		if (kept == ROOM)
			kept = 0; /* no line is that long */
	}
	add(output, input, kept);
}

/* ---- mounts ---- */

static void add_to(void *context, const char *text, size_t length)
{
	add(context, text, length);
}

static uint64_t device_of(const char *host)
{
	struct statx x = { 0 };

	raw5(__NR_statx, AT_FDCWD, host, 0, STATX_BASIC_STATS, &x);
	return (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor;
}

static void list_mounts(struct output *output, bool is_info)
{
	const struct tap_mount_list list = { .map = &tap.place->map,
					     .root = process_read()->chroot,
					     .is_info = is_info,
					     .add = add_to,
					     .device_of = device_of,
					     .context = output };

	tap_mount_list_print(&list);
}

/* ---- both ---- */

enum content { AS_IT_IS, LINES, MOUNTINFO, MOUNTS };

static enum content content_of(const char *guest)
{
	const char *name = guest;
	bool is_info;

	if (tap_mount_list_is(guest, &is_info))
		return is_info ? MOUNTINFO : MOUNTS;
	for (const char *at = guest; *at; at++)
		if (*at == '/')
			name = at + 1;
	return strcmp(name, "maps") == 0 || strcmp(name, "smaps") == 0 ||
			       strcmp(name, "numa_maps") == 0
		       ? LINES
		       : AS_IT_IS;
}

static void fill(struct output *output, enum content content, int fd, char *rooms)
{
	output->text = rooms;
	if (content == LINES)
		copy_lines(output, fd, rooms + ROOM, rooms + 2 * ROOM);
	else
		list_mounts(output, content == MOUNTINFO);
	flush(output);
	raw3(__NR_lseek, output->fd, 0, 0);
}

long view_proc_file(const char *guest, int fd)
{
	enum content content = content_of(guest);
	struct output output = { 0 };
	long rooms;
	long r;

	if (content == AS_IT_IS || (raw3(__NR_fcntl, fd, F_GETFL, 0) & (O_PATH | O_ACCMODE)))
		return fd;
	rooms = raw6(__NR_mmap, NULL, 3 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	r = raw2(__NR_memfd_create, "proc", 0);
	if (r >= 0 && !raw_is_error(rooms)) {
		output.fd = (int)r;
		fill(&output, content, fd, (char *)rooms);
		raw3(__NR_dup3, output.fd, fd,
		     raw3(__NR_fcntl, fd, F_GETFD, 0) & FD_CLOEXEC ? O_CLOEXEC : 0);
	}
	if (r >= 0)
		raw1(__NR_close, r);
	if (!raw_is_error(rooms))
		raw2(__NR_munmap, rooms, 3 * ROOM);
	return r < 0 || raw_is_error(rooms) ? (raw1(__NR_close, fd), -ENOMEM) : fd;
}
