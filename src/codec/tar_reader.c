// SPDX-License-Identifier: Apache-2.0
/* Headers come as blocks; pax and GNU long-name headers in front of an entry are gathered in
 * struct extras, which overrides what the entry's own header says. Sparse files of all four kinds
 * (GNU's, pax 0.0, 0.1 and 1.0) become one list of segments. Sizes are checked before use. */
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/strings.h"
#include "codec/tar.h"
#include "codec/tar_format.h"
#include "codec/tar_header.h"
#include "codec/tar_pax.h"

#define BAD_MAP "bad map of a sparse file"

struct tar_reader {
	struct tar_input input;
	const unsigned char *at; /* what the input gave and is not used yet */
	size_t left_bytes;
	uint64_t offset;		      /* in the archive, of `at` */
	unsigned char block[TAR_BLOCK_BYTES]; /* when one straddles two stretches */

	uint64_t data_bytes;	/* of the entry, still to come in the archive */
	unsigned padding_bytes; /* after them */
	uint64_t data_offset;
	bool ended;
	bool saw_end;

	struct tar_extras global; /* of 'g' headers */
	struct tar_extras extras; /* of the entry to come */
	struct buf path;
	struct buf link;
	struct tar_segments segments; /* of the current entry; empty when it is not sparse */
	size_t segment;
	uint64_t segment_done;
};

struct tar_reader *tar_reader_new(const struct tar_input *input)
{
	struct tar_reader *reader = memory_zeroed(1, sizeof(*reader));

	reader->input = *input;
	return reader;
}

void tar_reader_free(struct tar_reader *reader)
{
	if (!reader)
		return;
	tar_extras_done(&reader->global);
	tar_extras_done(&reader->extras);
	free(reader->segments.item);
	buf_done(&reader->path);
	buf_done(&reader->link);
	free(reader);
}

uint64_t tar_reader_offset(const struct tar_reader *reader)
{
	return reader->data_offset;
}

bool tar_reader_saw_end(const struct tar_reader *reader)
{
	return reader->saw_end;
}

static int damaged(const struct tar_reader *reader, struct err *err, const char *what)
{
	if (reader->path.size_bytes)
		return fail_plain(err, EUCLEAN, "tar: %s (at or after '%.300s')", what,
				  reader->path.bytes);
	return fail_plain(err, EUCLEAN, "tar: %s", what);
}

/* --- bytes --- */

/* Have at least one byte at hand; 0 at the end of the input. */
static int refill(struct tar_reader *reader, struct err *err)
{
	const void *bytes;
	int r;

	if (reader->left_bytes)
		return 1;
	r = reader->input.next(reader->input.context, &bytes, &reader->left_bytes, err);
	if (r < 0) {
		reader->left_bytes = 0;
		return r;
	}
	reader->at = bytes;
	return reader->left_bytes > 0;
}

static void use(struct tar_reader *reader, size_t size_bytes)
{
	reader->at += size_bytes;
	reader->left_bytes -= size_bytes;
	reader->offset += size_bytes;
}

/* The next block: 1, or 0 at the end of the input. A part of a block is damage. */
static int read_block(struct tar_reader *reader, const void **ret_block, struct err *err)
{
	size_t done = 0;
	int r = refill(reader, err);

	if (r <= 0)
		return r;
	if (reader->left_bytes >= TAR_BLOCK_BYTES) {
		*ret_block = reader->at;
		use(reader, TAR_BLOCK_BYTES);
		return 1;
	}
	while (done < TAR_BLOCK_BYTES) {
		size_t size = TAR_BLOCK_BYTES - done;

		r = refill(reader, err);
		if (r < 0)
			return r;
		if (r == 0)
			return damaged(reader, err, "the archive is cut short");
		if (size > reader->left_bytes)
			size = reader->left_bytes;
		memcpy(reader->block + done, reader->at, size);
		use(reader, size);
		done += size;
	}
	*ret_block = reader->block;
	return 1;
}

static int need_block(struct tar_reader *reader, const void **ret_block, struct err *err)
{
	int r = read_block(reader, ret_block, err);

	return r == 0 ? damaged(reader, err, "the archive is cut short") : r;
}

static int skip(struct tar_reader *reader, uint64_t size_bytes, struct err *err)
{
	while (size_bytes > 0) {
		size_t size;
		int r;

		if (!reader->left_bytes && reader->input.skip) {
			reader->offset += size_bytes;
			return reader->input.skip(reader->input.context, size_bytes, err);
		}
		r = refill(reader, err);
		if (r < 0)
			return r;
		if (r == 0)
			return damaged(reader, err, "the archive is cut short");
		size = reader->left_bytes < size_bytes ? reader->left_bytes : (size_t)size_bytes;
		use(reader, size);
		size_bytes -= size;
	}
	return 0;
}

/* Some writers (umoci insert) leave the last padding out, with the end mark that should follow. */
static int skip_padding(struct tar_reader *reader, struct err *err)
{
	size_t left = reader->padding_bytes;
	int r = 1;

	reader->padding_bytes = 0;
	while (left > 0 && (r = refill(reader, err)) > 0) {
		size_t size = reader->left_bytes < left ? reader->left_bytes : left;

		use(reader, size);
		left -= size;
	}
	return r < 0 ? r : 0;
}

static int skip_rest_of_entry(struct tar_reader *reader, struct err *err)
{
	int r = skip(reader, reader->data_bytes, err);

	reader->data_bytes = 0;
	return r == 0 ? skip_padding(reader, err) : r;
}

static void expect_data(struct tar_reader *reader, uint64_t size_bytes)
{
	reader->data_bytes = size_bytes;
	reader->padding_bytes = (unsigned)(-size_bytes % TAR_BLOCK_BYTES);
	reader->data_offset = reader->offset;
}

/* All data of a header entry (pax records, a long name) into buf. */
static int read_whole(struct tar_reader *reader, uint64_t size_bytes, struct buf *buf,
		      struct err *err)
{
	if (size_bytes > TAR_HEADER_BYTES_MAX)
		return damaged(reader, err, "a header is larger than 8 MiB");
	expect_data(reader, size_bytes);
	buf_truncate(buf, 0);
	while (reader->data_bytes) {
		size_t size;
		int r = refill(reader, err);

		if (r < 0)
			return r;
		if (r == 0)
			return damaged(reader, err, "the archive is cut short");
		size = reader->left_bytes < reader->data_bytes ? reader->left_bytes
							       : (size_t)reader->data_bytes;
		buf_add(buf, reader->at, size);
		use(reader, size);
		reader->data_bytes -= size;
	}
	return skip_rest_of_entry(reader, err);
}

/* --- one entry --- */

static void set_text(struct buf *buf, const char *text, size_t length)
{
	buf_truncate(buf, 0);
	buf_add(buf, text, strnlen(text, length));
}

static void take_path(struct tar_reader *reader, const struct tar_header *header)
{
	struct tar_extras *extras = &reader->extras;
	bool posix = memcmp(header->magic, "ustar", sizeof(header->magic)) == 0;
	size_t prefix = posix ? strnlen(header->prefix, sizeof(header->prefix)) : 0;

	if (extras->has_path) {
		set_text(&reader->path, buf_text(&extras->path), extras->path.size_bytes);
	} else {
		set_text(&reader->path, header->prefix, prefix);
		if (prefix)
			buf_add_char(&reader->path, '/');
		buf_add(&reader->path, header->name, strnlen(header->name, sizeof(header->name)));
	}
	if (extras->has_link)
		set_text(&reader->link, buf_text(&extras->link), extras->link.size_bytes);
	else
		set_text(&reader->link, header->link, sizeof(header->link));
}

static int take_type(struct tar_reader *reader, char type, struct tar_entry *entry, struct err *err)
{
	size_t length = reader->path.size_bytes;

	if (!tar_type_of(type, &entry->type))
		return fail_plain(err, ENOTSUP, "tar: '%.300s' is of an unknown type (0x%02x)",
				  buf_text(&reader->path), (unsigned char)type);
	/* before POSIX, a directory was a file whose name ends in '/' */
	if (entry->type == TAR_FILE && length && reader->path.bytes[length - 1] == '/')
		entry->type = TAR_DIRECTORY;
	return 0;
}

static int take_owner(struct tar_reader *reader, const struct tar_header *header,
		      struct tar_entry *entry, struct err *err)
{
	const struct tar_extras *extras = &reader->extras;
	int64_t mode;
	int64_t uid;
	int64_t gid;

	if (!TAR_NUMBER(header->mode, &mode) || !TAR_NUMBER(header->uid, &uid) ||
	    !TAR_NUMBER(header->gid, &gid))
		return damaged(reader, err, "bad number in a header");
	if (extras->has_uid)
		uid = (int64_t)extras->uid;
	if (extras->has_gid)
		gid = (int64_t)extras->gid;
	/* 2^32-1 means "no id" to chown(2) */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return damaged(reader, err, "uid or gid out of range");
	entry->mode = (uint32_t)mode & 07777;
	entry->uid = (uint32_t)uid;
	entry->gid = (uint32_t)gid;
	return 0;
}

static int take_time_and_device(struct tar_reader *reader, const struct tar_header *header,
				struct tar_entry *entry, struct err *err)
{
	const struct tar_extras *extras = &reader->extras;
	int64_t major = 0;
	int64_t minor = 0;

	if (!TAR_NUMBER(header->mtime, &entry->mtime_s))
		return damaged(reader, err, "bad number in a header");
	if (extras->has_mtime) {
		entry->mtime_s = extras->mtime_s;
		entry->mtime_ns = extras->mtime_ns;
	}
	if (entry->type != TAR_CHAR_DEVICE && entry->type != TAR_BLOCK_DEVICE)
		return 0;
	if (!TAR_NUMBER(header->major, &major) || !TAR_NUMBER(header->minor, &minor) || major < 0 ||
	    major > TAR_MAJOR_MAX || minor < 0 || minor > TAR_MINOR_MAX)
		return damaged(reader, err, "bad device number");
	entry->rdev_major = (uint32_t)major;
	entry->rdev_minor = (uint32_t)minor;
	return 0;
}

static int take_gnu_sparse(struct tar_reader *reader, const void *block, struct tar_entry *entry,
			   struct err *err)
{
	const struct tar_gnu_header *header = block;
	bool more = header->is_extended;
	int64_t real_size;

	if (!TAR_NUMBER(header->real_size, &real_size) || real_size < 0)
		return damaged(reader, err, "bad size of a sparse file");
	if (!tar_segments_add_gnu(&reader->segments, header->segments,
				  array_count(header->segments)))
		return damaged(reader, err, BAD_MAP);
	while (more) {
		const struct tar_gnu_extension *extension;
		int r = need_block(reader, &block, err);

		if (r < 0)
			return r;
		extension = block;
		more = extension->is_extended;
		if (!tar_segments_add_gnu(&reader->segments, extension->segments,
					  array_count(extension->segments)))
			return damaged(reader, err, BAD_MAP);
	}
	entry->size_bytes = (uint64_t)real_size;
	entry->sparse = true;
	return 0;
}

/* pax 1.0: the map stands in front of the data, decimal numbers a line each, padded to a block. */
static int take_map_in_data(struct tar_reader *reader, uint64_t *data_bytes, struct err *err)
{
	struct tar_map_parser parser = { 0 };

	while (!parser.complete) {
		const void *block;
		int r;

		if (*data_bytes < TAR_BLOCK_BYTES)
			return damaged(reader, err, BAD_MAP);
		r = need_block(reader, &block, err);
		if (r < 0)
			return r;
		*data_bytes -= TAR_BLOCK_BYTES;
		if (!tar_map_parse_block(&parser, block, &reader->segments))
			return damaged(reader, err, BAD_MAP);
	}
	return 0;
}

static int take_pax_sparse(struct tar_reader *reader, uint64_t *data_bytes, struct tar_entry *entry,
			   struct err *err)
{
	struct tar_extras *extras = &reader->extras;
	int r = 0;

	entry->sparse = true;
	if (extras->has_real_size)
		entry->size_bytes = extras->real_size;
	if (extras->sparse_major == 1) {
		r = take_map_in_data(reader, data_bytes, err);
	} else {
		free(reader->segments.item);
		reader->segments = extras->segments;
		extras->segments = (struct tar_segments){ 0 };
	}
	return r;
}

static int take_size(struct tar_reader *reader, const void *block, struct tar_entry *entry,
		     struct err *err)
{
	const struct tar_header *header = block;
	const struct tar_extras *extras = &reader->extras;
	uint64_t data_bytes;
	int64_t size;
	int r = 0;

	if (!TAR_NUMBER(header->size, &size) || size < 0)
		return damaged(reader, err, "bad size");
	data_bytes = extras->has_size ? extras->size : (uint64_t)size;
	/* links and directories carry a size now and then, but no data (as Go's reader has it) */
	if (entry->type != TAR_FILE)
		data_bytes = 0;
	if (data_bytes > INT64_MAX - TAR_BLOCK_BYTES)
		return damaged(reader, err, "bad size");
	entry->size_bytes = data_bytes;
	if (header->type == 'S')
		r = take_gnu_sparse(reader, block, entry, err);
	else if (extras->is_sparse && entry->type == TAR_FILE)
		r = take_pax_sparse(reader, &data_bytes, entry, err);
	if (r == 0 && entry->sparse &&
	    !tar_segments_fit(&reader->segments, entry->size_bytes, data_bytes))
		r = damaged(reader, err, BAD_MAP);
	if (r == 0)
		expect_data(reader, data_bytes);
	return r;
}

static int take_entry(struct tar_reader *reader, const void *block, struct tar_entry *entry,
		      struct err *err)
{
	struct tar_header header;
	int r;

	memcpy(&header, block, sizeof(header)); /* reading on may overwrite the block */
	reader->segments.count = 0;
	reader->segment = 0;
	reader->segment_done = 0;
	take_path(reader, &header);
	if (reader->path.size_bytes > TAR_PATH_BYTES_MAX ||
	    reader->link.size_bytes > TAR_PATH_BYTES_MAX)
		return damaged(reader, err, "a name is longer than 64 KiB");
	r = take_type(reader, header.type, entry, err);
	if (r == 0)
		r = take_owner(reader, &header, entry, err);
	if (r == 0)
		r = take_time_and_device(reader, &header, entry, err);
	if (r == 0)
		r = take_size(reader, &header, entry, err);
	if (r < 0)
		return r;
	entry->path = buf_text(&reader->path);
	if (entry->type == TAR_HARD_LINK || entry->type == TAR_SYMLINK)
		entry->link = buf_text(&reader->link);
	entry->xattrs = reader->extras.xattrs;
	entry->xattr_count = reader->extras.xattr_count;
	return 1;
}

/* --- headers in front of entries --- */

static int take_long_text(struct tar_reader *reader, uint64_t size, struct buf *text, bool *ret_has,
			  struct err *err)
{
	int r = read_whole(reader, size, text, err);

	if (r < 0)
		return r;
	buf_truncate(text, strnlen(buf_text(text), text->size_bytes));
	*ret_has = true;
	return 0;
}

static int take_pax(struct tar_reader *reader, uint64_t size, struct tar_extras *extras,
		    struct err *err)
{
	auto_buf records = { 0 };
	int r = read_whole(reader, size, &records, err);

	if (r < 0)
		return r;
	if (!tar_extras_parse(extras, buf_text(&records), records.size_bytes))
		return damaged(reader, err, "bad pax header");
	return 0;
}

/* 1: that was a header for entries to come. */
static int take_header(struct tar_reader *reader, const struct tar_header *header, struct err *err)
{
	struct tar_extras *extras = &reader->extras;
	int64_t size;
	int r;

	if (!strchr("xXgLKV", header->type) || !header->type)
		return 0;
	if (!TAR_NUMBER(header->size, &size) || size < 0)
		return damaged(reader, err, "bad size");
	switch (header->type) {
	case 'x':
	case 'X':
		r = take_pax(reader, (uint64_t)size, extras, err);
		break;
	case 'g':
		r = take_pax(reader, (uint64_t)size, &reader->global, err);
		tar_extras_copy(&reader->global, extras);
		break;
	case 'L':
		r = take_long_text(reader, (uint64_t)size, &extras->path, &extras->has_path, err);
		break;
	case 'K':
		r = take_long_text(reader, (uint64_t)size, &extras->link, &extras->has_link, err);
		break;
	default: /* 'V', the name of a tape */
		expect_data(reader, (uint64_t)size);
		r = skip_rest_of_entry(reader, err);
		break;
	}
	return r < 0 ? r : 1;
}

static int find_entry(struct tar_reader *reader, struct tar_entry *entry, struct err *err)
{
	bool seen_zeros = false;

	for (;;) {
		const void *block;
		int r = read_block(reader, &block, err);

		if (r <= 0)
			return r;
		if (tar_block_is_zero(block)) {
			reader->saw_end = true;
			if (seen_zeros)
				return 0;
			seen_zeros = true;
			continue;
		}
		if (seen_zeros) /* one zero block only: GNU tar goes on, too */
			reader->saw_end = seen_zeros = false;
		if (!tar_checksum_is_right(block))
			return damaged(reader, err, "not a tar archive, or damaged: bad checksum");
		r = take_header(reader, block, err);
		if (r < 0)
			return r;
		if (r == 0)
			return take_entry(reader, block, entry, err);
	}
}

int tar_reader_next(struct tar_reader *reader, struct tar_entry *ret_entry, struct err *err)
{
	struct tar_entry entry = { 0 };
	int r;

	if (reader->ended)
		return 0;
	r = skip_rest_of_entry(reader, err);
	if (r < 0)
		return r;
	tar_extras_copy(&reader->global, &reader->extras);
	r = find_entry(reader, &entry, err);
	if (r == 0)
		reader->ended = true;
	if (r > 0)
		*ret_entry = entry;
	return r;
}

/* --- data --- */

static uint64_t offset_in_file(struct tar_reader *reader, uint64_t done, size_t *size)
{
	const struct tar_segment *segment;

	if (!reader->segments.count)
		return done;
	segment = &reader->segments.item[reader->segment];
	while (reader->segment_done ==
	       segment->size_bytes) { /* the data is as long as all of them */
		segment = &reader->segments.item[++reader->segment];
		reader->segment_done = 0;
	}
	if (*size > segment->size_bytes - reader->segment_done)
		*size = (size_t)(segment->size_bytes - reader->segment_done);
	reader->segment_done += *size;
	return segment->offset + reader->segment_done - *size;
}

int tar_reader_data(struct tar_reader *reader, const void **ret_bytes, size_t *ret_size_bytes,
		    uint64_t *ret_offset, struct err *err)
{
	size_t size;
	int r;

	if (reader->data_bytes == 0)
		return 0;
	r = refill(reader, err);
	if (r < 0)
		return r;
	if (r == 0)
		return damaged(reader, err, "the archive is cut short");
	size = reader->left_bytes < reader->data_bytes ? reader->left_bytes
						       : (size_t)reader->data_bytes;
	*ret_offset = offset_in_file(reader, reader->offset - reader->data_offset, &size);
	*ret_bytes = reader->at;
	*ret_size_bytes = size;
	use(reader, size);
	reader->data_bytes -= size;
	return 1;
}
