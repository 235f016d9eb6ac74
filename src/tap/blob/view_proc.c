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

static void add_text(struct output *output, const char *text)
{
	add(output, text, strlen(text));
}

static void add_number(struct output *output, unsigned long number)
{
	char digits[24];
	char *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	add(output, at, (size_t)(digits + sizeof(digits) - at));
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

/* proc(5): blanks and backslashes in octal. */
static void add_escaped(struct output *output, const char *path)
{
	if (!*path)
		path = "/";
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;
		const char octal[] = { '\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)),
				       (char)('0' + (c & 7)) };

		if (c == ' ' || c == '\t' || c == '\n' || c == '\\')
			add(output, octal, sizeof(octal));
		else
			add(output, path, 1);
	}
}

#define FIRST_ID 100u

static void add_mountinfo(struct output *output, uint32_t index)
{
	const struct pathmap *map = &tap.place->map;
	const struct pathmap_entry *entry = &map->entry[index];
	const char *host = pathmap_host(map, index);
	bool is_root = index + 1 == map->count;
	bool is_proc = entry->flags & PATHMAP_PROC;
	struct statx x = { 0 };

	raw5(__NR_statx, AT_FDCWD, *host ? host : "/", 0, STATX_BASIC_STATS, &x);
	add_number(output, FIRST_ID + index);
	add_text(output, " ");
	add_number(output, is_root ? FIRST_ID - 1 : FIRST_ID + map->count - 1);
	add_text(output, " ");
	add_number(output, x.stx_dev_major);
	add_text(output, ":");
	add_number(output, x.stx_dev_minor);
	add_text(output, " / ");
	add_escaped(output, pathmap_guest(map, index));
	add_text(output, entry->flags & PATHMAP_READ_ONLY ? " ro - " : " rw - ");
	add_text(output, is_proc ? "proc proc rw\n" : "rootlet rootlet rw\n");
}

static void add_mount(struct output *output, uint32_t index)
{
	const struct pathmap *map = &tap.place->map;
	const struct pathmap_entry *entry = &map->entry[index];
	const char *kind = entry->flags & PATHMAP_PROC ? "proc" : "rootlet";

	add_text(output, kind);
	add_text(output, " ");
	add_escaped(output, pathmap_guest(map, index));
	add_text(output, " ");
	add_text(output, kind);
	add_text(output, entry->flags & PATHMAP_READ_ONLY ? " ro 0 0\n" : " rw 0 0\n");
}

static void list_mounts(struct output *output, void (*add_one)(struct output *, uint32_t))
{
	const struct pathmap *map = &tap.place->map;

	for (uint32_t i = map->count; i-- > 0;)
		if (!(map->entry[i].flags & PATHMAP_HIDDEN))
			add_one(output, i);
}

/* ---- both ---- */

enum content { AS_IT_IS, LINES, MOUNTINFO, MOUNTS };

static enum content content_of(const char *guest)
{
	const char *name = guest;

	for (const char *at = guest; *at; at++)
		if (*at == '/')
			name = at + 1;
	if (strcmp(name, "maps") == 0 || strcmp(name, "smaps") == 0 ||
	    strcmp(name, "numa_maps") == 0)
		return LINES;
	if (strcmp(name, "mountinfo") == 0)
		return MOUNTINFO;
	return strcmp(name, "mounts") == 0 ? MOUNTS : AS_IT_IS;
}

static void fill(struct output *output, enum content content, int fd, char *rooms)
{
	output->text = rooms;
	if (content == LINES)
		copy_lines(output, fd, rooms + ROOM, rooms + 2 * ROOM);
	else
		list_mounts(output, content == MOUNTINFO ? add_mountinfo : add_mount);
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
