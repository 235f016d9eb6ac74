// SPDX-License-Identifier: Apache-2.0
/* Directories as the map has them: without what is hidden, and with the mount points that are not
 * there in the host's directory. Those come first, before the kernel has given anything: then no
 * state is needed to give them once. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/text_number.h"
#include "tap/blob/view.h"
#include "tap/blob/view_list.h"

#define TYPE_AT	 18 /* of struct linux_dirent64 */
#define NAME_AT	 19
#define ALIGNED	 8
#define DIR_TYPE 4
#define REG_TYPE 8

/* The guest's path of a directory above an entry: its length, or -1 when there is nothing to do. */
static long guest_of_directory(int fd, char *text, size_t room_bytes)
{
	struct stat st;
	long r;

	if (raw2(__NR_fstat, fd, &st) < 0 ||
	    pathmap_is_clear(&tap.place->map, st.st_dev, st.st_ino))
		return -1;
	r = view_host_path(fd, text, room_bytes);
	if (r > 0)
		r = view_guest_of(text, (size_t)r, room_bytes);
	return r < 0 ? -1 : r == 1 ? 0 : r;
}

/* The name in this directory at which the entry begins, or NULL. */
static const char *name_in(uint32_t index, const char *guest, size_t length)
{
	const struct pathmap *map = &tap.place->map;
	const char *path = pathmap_guest(map, index);

	if (map->entry[index].guest_length <= length || memcmp(path, guest, length) != 0 ||
	    path[length] != '/')
		return NULL;
	path += length + 1;
	for (const char *at = path; *at; at++)
		if (*at == '/')
			return NULL;
	return path;
}

static bool is_missing(int fd, const char *name)
{
	return raw4(__NR_faccessat2, fd, name, 0, AT_SYMLINK_NOFOLLOW) == -ENOENT;
}

static size_t put(char *to, size_t room_bytes, uint32_t index, const char *name)
{
	const struct pathmap_entry *entry = &tap.place->map.entry[index];
	size_t length = strlen(name);
	uint16_t record_bytes = (uint16_t)((NAME_AT + length + 1 + ALIGNED - 1) & ~(ALIGNED - 1u));
	uint64_t inode = index + 1;

	if (record_bytes > room_bytes)
		return 0;
	memset(to, 0, record_bytes);
	memcpy(to, &inode, sizeof(inode));
	memcpy(to + 16, &record_bytes, sizeof(record_bytes));
	to[TYPE_AT] = entry->flags & PATHMAP_FILE ? REG_TYPE : DIR_TYPE;
	memcpy(to + NAME_AT, name, length + 1);
	return record_bytes;
}

static size_t put_missing(int fd, char *to, size_t room_bytes, const char *guest, size_t length)
{
	size_t used = 0;

	for (uint32_t i = 0; i + 1 < tap.place->map.count; i++) {
		const char *name = name_in(i, guest, length);

		if (name && !(tap.place->map.entry[i].flags & PATHMAP_HIDDEN) &&
		    is_missing(fd, name))
			used += put(to + used, room_bytes - used, i, name);
	}
	return used;
}

long view_list(struct tap_call *call)
{
	char guest[VIEW_SHORT];
	int fd = (int)call->arg[0];
	char *to = (char *)call->arg[1];
	size_t room_bytes = (unsigned)call->arg[2];
	size_t used = 0;
	long length;
	long r;

	if (raw3(__NR_lseek, fd, 0, SEEK_CUR) != 0)
		return pass(call);
	length = guest_of_directory(fd, guest, sizeof(guest));
	if (length < 0 ||
	    (tap.place->map.entry[pathmap_find(&tap.place->map, guest, (size_t)length)].flags &
	     PATHMAP_ALIASED))
		return pass(call);
	r = pass(call); /* says whether there is such a buffer */
	if (r <= 0)
		return r;
	raw3(__NR_lseek, fd, 0, SEEK_SET);
	used = put_missing(fd, to, room_bytes / 2, guest, (size_t)length);
	r = raw3(call->nr, fd, to + used, room_bytes - used);
	return r < 0 ? pass(call) : r + (long)used;
}

#define PROC_ROOT_INODE 1 /* linux/proc_fs.h */

/* Is it a process, in /proc itself, that is not the session's? */
static bool hides_process(int fd, const char *name)
{
	struct stat st;
	uint64_t pid;

	return pathmap_may_be_process(&tap.place->map, name) && text_parse_number(name, &pid) &&
	       raw2(__NR_fstat, fd, &st) == 0 && st.st_dev == tap.place->proc_device &&
	       st.st_ino == PROC_ROOT_INODE && !view_is_own((long)pid);
}

bool view_hides(int fd, const char *name)
{
	char guest[VIEW_SHORT];
	long length;
	size_t name_length = strlen(name);
	uint32_t index;

	if (hides_process(fd, name))
		return true;
	if (!(tap.place->map.any_flags & PATHMAP_HIDDEN))
		return false;
	length = guest_of_directory(fd, guest, sizeof(guest));
	if (length < 0 || (size_t)length + name_length + 2 > sizeof(guest))
		return false;
	guest[length] = '/';
	memcpy(guest + length + 1, name, name_length + 1);
	index = pathmap_find(&tap.place->map, guest, (size_t)length + 1 + name_length);
	return tap.place->map.entry[index].flags & PATHMAP_HIDDEN;
}
