// SPDX-License-Identifier: Apache-2.0
/* dev=fe00,ino=12,mode=104755,uid=3,gid=4,nlink=1,rdev=0
 * #xattr dev=fe00,ino=12,name=73656375...,value=0100...
 *
 * dev in hexadecimal and rdev in decimal are dev_t as libc has it; mode is octal. The format knows
 * no birth time, so a row that is loaded fits whatever file has the inode now. */
#include "rootemu/saved.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/strings.h"

struct entry {
	struct file_id id;
	const struct lie_row *row;
};

static int compare(const void *a, const void *b)
{
	const struct file_id *x = &((const struct entry *)a)->id;
	const struct file_id *y = &((const struct entry *)b)->id;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static uint64_t device_number(uint64_t device)
{
	return makedev((unsigned)(device >> 32), (unsigned)device);
}

static void print_row(const struct entry *entry, struct buf *text)
{
	uint32_t mode = lies_real_mode(entry->row);
	struct lie lie;

	lies_read(entry->row, &lie);
	buf_printf(text,
		   "dev=%" PRIx64 ",ino=%" PRIu64 ",mode=%o,uid=%u,gid=%u,nlink=1,rdev=%" PRIu64
		   "\n",
		   device_number(entry->id.device), entry->id.inode,
		   (mode & ~lie.mode_mask) | lie.mode_bits, lie.uid == LIES_KEEP ? 0 : lie.uid,
		   lie.gid == LIES_KEEP ? 0 : lie.gid,
		   (uint64_t)makedev(lie.rdev_major, lie.rdev_minor));
}

static void print_hex(const unsigned char *bytes, size_t size_bytes, struct buf *text)
{
	for (size_t i = 0; i < size_bytes; i++)
		buf_printf(text, "%02x", bytes[i]);
}

static void print_xattrs(struct lies *lies, const struct entry *entry, struct buf *text)
{
	uint32_t cursor = 0;
	const char *name;
	bool removed;

	while (lies_xattr_next(lies, entry->row, &cursor, &name, &removed)) {
		const void *value = NULL;
		uint32_t size_bytes = 0;

		buf_printf(text, "#xattr dev=%" PRIx64 ",ino=%" PRIu64 ",name=",
			   device_number(entry->id.device), entry->id.inode);
		print_hex((const unsigned char *)name, strlen(name), text);
		if (!removed &&
		    lies_xattr_get(lies, entry->row, name, &value, &size_bytes) == LIES_XATTR_SET) {
			buf_add_text(text, ",value=");
			print_hex(value, size_bytes, text);
		}
		buf_add_char(text, '\n');
	}
}

void saved_print(struct lies *lies, struct buf *text)
{
	struct lies_cursor cursor = { 0 };
	struct entry *entries = NULL;
	size_t count = 0;
	size_t room = 0;
	struct file_id id;
	struct lie_row *row;

	while ((row = lies_next(lies, &cursor, &id))) {
		if (count == room) {
			room = room ? room * 2 : 64;
			entries = memory_resize(entries, room, sizeof(*entries));
		}
		entries[count++] = (struct entry){ id, row };
	}
	if (count)
		qsort(entries, count, sizeof(*entries), compare);
	for (size_t i = 0; i < count; i++)
		print_row(&entries[i], text);
	for (size_t i = 0; i < count; i++)
		print_xattrs(lies, &entries[i], text);
	free(entries);
}

/* The row of a file known by device and inode only: any birth time will do. */
static struct lie_row *row_of(struct lies *lies, uint64_t device, uint64_t inode)
{
	struct file_id id = { .device = (uint64_t)major(device) << 32 | minor(device),
			      .inode = inode,
			      .birth_ns = LIES_NO_BIRTH };
	struct lie_row *row = lies_make(lies, &id);

	if (row)
		lies_move_begin(row);
	return row;
}

static int load_row(struct lies *lies, const char *line)
{
	uint64_t device;
	uint64_t inode;
	uint64_t rdev;
	struct lie_row *row;
	unsigned mode;
	unsigned uid;
	unsigned gid;
	int end = 0;

	if (sscanf(line,
		   "dev=%" SCNx64 ",ino=%" SCNu64 ",mode=%o,uid=%u,gid=%u,nlink=%*u,rdev=%" SCNu64
		   "%n",
		   &device, &inode, &mode, &uid, &gid, &rdev, &end) != 6 ||
	    line[end])
		return -EUCLEAN;
	row = row_of(lies, device, inode);
	if (!row)
		return -ENOSPC;
	lies_note_real_mode(row, mode);
	lies_set_owner(row, uid, gid);
	lies_set_mode(row, 07777 | (S_ISCHR(mode) || S_ISBLK(mode) ? S_IFMT : 0), mode);
	lies_set_device(row, major(rdev), minor(rdev));
	if (S_ISDIR(mode) && gid && mode & S_ISGID)
		lies_note_setgid(lies);
	if (S_ISCHR(mode) || S_ISBLK(mode))
		lies_note_type(lies, (uint64_t)major(device) << 32 | minor(device));
	return 0;
}

/* Returns the end of the digits; *ret_bytes is NUL-terminated and the caller frees it. */
static const char *read_hex(const char *at, unsigned char **ret_bytes, uint32_t *ret_size_bytes)
{
	size_t digits = strspn(at, "0123456789abcdef");
	unsigned char *bytes = memory_zeroed(digits / 2 + 1, 1);

	for (size_t i = 0; i < digits / 2; i++) {
		unsigned byte;

		sscanf(at + 2 * i, "%2x", &byte);
		bytes[i] = (unsigned char)byte;
	}
	*ret_bytes = bytes;
	*ret_size_bytes = (uint32_t)(digits / 2);
	return at + digits;
}

static int load_xattr(struct lies *lies, const char *line)
{
	auto_free unsigned char *name = NULL;
	auto_free unsigned char *value = NULL;
	uint32_t name_bytes;
	uint32_t value_bytes = 0;
	struct lie_row *row;
	uint64_t device;
	uint64_t inode;
	int at = 0;

	if (sscanf(line, "#xattr dev=%" SCNx64 ",ino=%" SCNu64 ",name=%n", &device, &inode, &at) !=
		    2 ||
	    !at)
		return -EUCLEAN;
	line = read_hex(line + at, &name, &name_bytes);
	if (strncmp(line, ",value=", 7) == 0)
		line = read_hex(line + 7, &value, &value_bytes);
	if (*line || !name_bytes || name_bytes > LIES_NAME_MAX || value_bytes > LIES_XATTR_MAX)
		return -EUCLEAN;
	row = row_of(lies, device, inode);
	return row ? lies_xattr_set(lies, row, (const char *)name, value, value_bytes) : -ENOSPC;
}

int saved_load(struct lies *lies, const char *text, struct err *err)
{
	auto_buf line = { 0 };

	for (size_t number = 1; *text; number++) {
		size_t length = strcspn(text, "\n");
		int r = 0;

		buf_truncate(&line, 0);
		buf_add(&line, text, length);
		if (text_starts(buf_text(&line), "#xattr "))
			r = load_xattr(lies, buf_text(&line));
		else if (length && text[0] != '#')
			r = load_row(lies, buf_text(&line));
		if (r == -EUCLEAN)
			return fail_plain(err, EUCLEAN, "line %zu is not of fakeroot's format",
					  number);
		if (r < 0)
			return fail(err, -r, "line %zu", number);
		text += length + (text[length] == '\n');
	}
	return 0;
}
