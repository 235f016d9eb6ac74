// SPDX-License-Identifier: Apache-2.0
/* ustar headers; a pax header before those whose values ustar cannot hold. What is written depends
 * on the entry alone. Names that are not ASCII stay raw in the ustar fields: every reader takes
 * them, and pax wants UTF-8, which a name need not be. */
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "codec/tar.h"
#include "codec/tar_format.h"

#define PAX_NAME "pax_header" /* of the header entry itself; readers ignore it */

static const char type_letters[] = {
	[TAR_FILE] = '0',	 [TAR_HARD_LINK] = '1',	   [TAR_SYMLINK] = '2',
	[TAR_CHAR_DEVICE] = '3', [TAR_BLOCK_DEVICE] = '4', [TAR_DIRECTORY] = '5',
	[TAR_FIFO] = '6',
};

static void add_record(struct buf *records, const char *key, const void *value, size_t size)
{
	size_t rest = strlen(key) + size + 3; /* ' ', '=' and newline */
	size_t length = rest + 1;

	/* the length counts its own digits */
	while (length != rest + (size_t)snprintf(NULL, 0, "%zu", length))
		length = rest + (size_t)snprintf(NULL, 0, "%zu", length);
	buf_printf(records, "%zu %s=", length, key);
	buf_add(records, value, size);
	buf_add_char(records, '\n');
}

static void add_number_record(struct buf *records, const char *key, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	add_record(records, key, text, strlen(text));
}

/* Octal with leading zeros and a NUL; false when it does not fit. */
static bool put_number(char *field, size_t room, uint64_t number)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%0*llo", (int)room - 1,
			      (unsigned long long)number);

	if ((size_t)length >= room)
		return false;
	memcpy(field, text, room);
	return true;
}

#define PUT(field, number) put_number(field, sizeof(field), number)

/* name, or prefix and name parted at a '/' */
static bool put_path(struct tar_header *header, const char *path, size_t length)
{
	const char *cut;

	if (length <= sizeof(header->name)) {
		memcpy(header->name, path, length);
		return true;
	}
	/* the first '/' that leaves at most 100 bytes for the name */
	cut = memchr(path + length - sizeof(header->name) - 1, '/', sizeof(header->name));
	if (!cut || (size_t)(cut - path) > sizeof(header->prefix) || cut == path)
		return false;
	memcpy(header->prefix, path, (size_t)(cut - path));
	memcpy(header->name, cut + 1, length - (size_t)(cut - path) - 1);
	return true;
}

static void put_checksum(struct tar_header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	unsigned sum = 0;

	memset(header->checksum, ' ', sizeof(header->checksum));
	for (size_t i = 0; i < sizeof(*header); i++)
		sum += bytes[i];
	snprintf(header->checksum, sizeof(header->checksum), "%06o", sum);
	header->checksum[7] = ' ';
}

static void put_fixed(struct tar_header *header)
{
	memcpy(header->magic, "ustar", 6);
	memcpy(header->version, "00", 2);
	PUT(header->major, 0);
	PUT(header->minor, 0);
}

static int write_pax(struct tar_writer *writer, const struct buf *records, struct err *err)
{
	static const char zeros[TAR_BLOCK_BYTES];
	struct tar_header header = { .type = 'x' };
	int r;

	put_fixed(&header);
	memcpy(header.name, PAX_NAME, strlen(PAX_NAME));
	PUT(header.mode, 0644);
	PUT(header.uid, 0);
	PUT(header.gid, 0);
	PUT(header.size, records->size_bytes);
	PUT(header.mtime, 0);
	put_checksum(&header);
	r = writer->write(writer->context, &header, sizeof(header), err);
	if (r == 0)
		r = writer->write(writer->context, records->bytes, records->size_bytes, err);
	if (r == 0 && records->size_bytes % TAR_BLOCK_BYTES)
		r = writer->write(writer->context, zeros, -records->size_bytes % TAR_BLOCK_BYTES,
				  err);
	return r;
}

static void put_names(struct tar_header *header, const struct tar_entry *entry, struct buf *records)
{
	auto_buf path = { 0 };
	size_t length;

	buf_add_text(&path, entry->path);
	if (entry->type == TAR_DIRECTORY && path.size_bytes &&
	    path.bytes[path.size_bytes - 1] != '/')
		buf_add_char(&path, '/');
	if (!put_path(header, buf_text(&path), path.size_bytes)) {
		add_record(records, "path", path.bytes, path.size_bytes);
		memcpy(header->name, path.bytes, sizeof(header->name));
	}
	if (!entry->link)
		return;
	length = strlen(entry->link);
	if (length > sizeof(header->link)) {
		add_record(records, "linkpath", entry->link, length);
		length = sizeof(header->link);
	}
	memcpy(header->link, entry->link, length);
}

static void put_numbers(struct tar_header *header, const struct tar_entry *entry,
			struct buf *records)
{
	uint64_t size_bytes = entry->type == TAR_FILE ? entry->size_bytes : 0;

	PUT(header->mode, entry->mode & 07777);
	PUT(header->uid, 0);
	PUT(header->gid, 0);
	PUT(header->size, 0);
	PUT(header->mtime, 0);
	if (!PUT(header->uid, entry->uid))
		add_number_record(records, "uid", entry->uid);
	if (!PUT(header->gid, entry->gid))
		add_number_record(records, "gid", entry->gid);
	if (!PUT(header->size, size_bytes))
		add_number_record(records, "size", (int64_t)size_bytes);
	if (entry->mtime_s < 0 || !PUT(header->mtime, (uint64_t)entry->mtime_s))
		add_number_record(records, "mtime", entry->mtime_s);
}

static int put_device(struct tar_header *header, const struct tar_entry *entry, struct err *err)
{
	if (entry->type != TAR_CHAR_DEVICE && entry->type != TAR_BLOCK_DEVICE)
		return 0;
	if (PUT(header->major, entry->rdev_major) && PUT(header->minor, entry->rdev_minor))
		return 0;
	return fail_plain(err, EOVERFLOW, "tar: device number of '%s' is too large", entry->path);
}

int tar_writer_entry(struct tar_writer *writer, const struct tar_entry *entry, struct err *err)
{
	struct tar_header header = { .type = type_letters[entry->type] };
	auto_buf records = { 0 };
	int r;

	put_fixed(&header);
	put_names(&header, entry, &records);
	put_numbers(&header, entry, &records);
	for (size_t i = 0; i < entry->xattr_count; i++) {
		auto_buf key = { 0 };

		buf_printf(&key, "SCHILY.xattr.%s", entry->xattrs[i].name);
		add_record(&records, key.bytes, entry->xattrs[i].value,
			   entry->xattrs[i].size_bytes);
	}
	r = put_device(&header, entry, err);
	if (r < 0)
		return r;
	put_checksum(&header);
	if (records.size_bytes) {
		r = write_pax(writer, &records, err);
		if (r < 0)
			return r;
	}
	writer->left_bytes = entry->type == TAR_FILE ? entry->size_bytes : 0;
	writer->padding_bytes = (unsigned)(-writer->left_bytes % TAR_BLOCK_BYTES);
	return writer->write(writer->context, &header, sizeof(header), err);
}

int tar_writer_data(struct tar_writer *writer, const void *bytes, size_t size_bytes,
		    struct err *err)
{
	static const char zeros[TAR_BLOCK_BYTES];
	int r;

	if (size_bytes == 0)
		return 0;
	if (size_bytes > writer->left_bytes)
		return fail_plain(err, EUCLEAN, "tar: more data than the entry's size");
	r = writer->write(writer->context, bytes, size_bytes, err);
	if (r < 0)
		return r;
	writer->left_bytes -= size_bytes;
	if (writer->left_bytes || !writer->padding_bytes)
		return 0;
	return writer->write(writer->context, zeros, writer->padding_bytes, err);
}

int tar_writer_end(struct tar_writer *writer, struct err *err)
{
	static const char zeros[2 * TAR_BLOCK_BYTES];

	return writer->write(writer->context, zeros, sizeof(zeros), err);
}
