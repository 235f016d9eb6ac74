// SPDX-License-Identifier: Apache-2.0
#include "codec/tar_pax.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/strings.h"
#include "base/text.h"

#define XATTR_PREFIX	 "SCHILY.xattr."
#define OLD_XATTR_PREFIX "LIBARCHIVE.xattr."

static void drop_xattrs(struct tar_extras *extras)
{
	for (size_t i = 0; i < extras->xattr_count; i++)
		free((void *)(uintptr_t)extras->xattrs[i].name); /* name and value are one block */
	extras->xattr_count = 0;
}

void tar_extras_done(struct tar_extras *extras)
{
	drop_xattrs(extras);
	free(extras->xattrs);
	free(extras->segments.item);
	buf_done(&extras->path);
	buf_done(&extras->link);
}

static void set_xattr(struct tar_extras *extras, const char *name, size_t name_length,
		      const void *value, size_t size_bytes)
{
	char *block = memory_zeroed(1, name_length + 1 + size_bytes);
	struct tar_xattr *xattr = NULL;

	memcpy(block, name, name_length);
	memcpy(block + name_length + 1, value, size_bytes);
	for (size_t i = 0; i < extras->xattr_count; i++)
		if (strcmp(extras->xattrs[i].name, block) == 0)
			xattr = &extras->xattrs[i];
	if (xattr) {
		free((void *)(uintptr_t)xattr->name);
	} else {
		extras->xattrs = memory_resize(extras->xattrs, extras->xattr_count + 1,
					       sizeof(*extras->xattrs));
		xattr = &extras->xattrs[extras->xattr_count++];
	}
	*xattr = (struct tar_xattr){ block, block + name_length + 1, size_bytes };
}

void tar_extras_copy(const struct tar_extras *from, struct tar_extras *to)
{
	struct tar_extras copy = *from;

	drop_xattrs(to);
	copy.path = to->path;
	copy.link = to->link;
	copy.xattrs = to->xattrs;
	copy.xattr_count = 0;
	copy.segments = to->segments;
	copy.segments.count = 0;
	buf_truncate(&copy.path, 0);
	buf_truncate(&copy.link, 0);
	*to = copy;
	buf_add_text(&to->path, buf_text(&from->path));
	buf_add_text(&to->link, buf_text(&from->link));
	for (size_t i = 0; i < from->xattr_count; i++)
		set_xattr(to, from->xattrs[i].name, strlen(from->xattrs[i].name),
			  from->xattrs[i].value, from->xattrs[i].size_bytes);
}

bool tar_segments_add(struct tar_segments *segments, uint64_t offset, uint64_t size)
{
	if (segments->count >= TAR_SEGMENTS_MAX)
		return false;
	if (segments->count == segments->room) {
		segments->room = segments->room ? 2 * segments->room : 16;
		segments->item = memory_resize(segments->item, segments->room,
					       sizeof(*segments->item));
	}
	segments->item[segments->count++] = (struct tar_segment){ offset, size };
	return true;
}

/* --- values --- */

/* "-123.000456": seconds and a fraction. Before 1970 the fraction still counts upwards. */
static bool parse_time(const char *text, int64_t *ret_s, uint32_t *ret_ns)
{
	bool negative = *text == '-';
	const char *dot = strchrnul(text, '.');
	char digits[24];
	size_t length = (size_t)(dot - text) - negative;
	uint64_t seconds;
	uint32_t ns = 0;

	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, text + negative, length);
	digits[length] = '\0';
	if (number_parse_u64(digits, &seconds) < 0 || seconds > INT64_MAX / 2)
		return false;
	if (*dot) {
		uint32_t unit = 100000000;

		for (dot++; *dot >= '0' && *dot <= '9'; dot++, unit /= 10)
			ns += (uint32_t)(*dot - '0') * unit;
		if (*dot)
			return false;
	}
	*ret_s = negative ? -(int64_t)seconds : (int64_t)seconds;
	if (negative && ns) {
		*ret_s -= 1;
		ns = 1000000000 - ns;
	}
	*ret_ns = ns;
	return true;
}

static bool set_text(struct buf *buf, const char *value, size_t size, bool *ret_has)
{
	if (strlen(value) != size) /* a NUL inside */
		return false;
	buf_truncate(buf, 0);
	buf_add(buf, value, size);
	*ret_has = size > 0; /* an empty value takes back what a global header said */
	return true;
}

static bool set_number(const char *value, uint64_t *number, bool *ret_has)
{
	*ret_has = true;
	return number_parse_u64(value, number) == 0;
}

/* pax 0.1: "offset,size,offset,size" */
static bool parse_map(struct tar_extras *extras, const char *value)
{
	auto_free char *copy = memory_copy_text(value);
	char *at = copy;

	extras->segments.count = 0;
	while (at && *at) {
		const char *offset_text = strsep(&at, ",");
		const char *size_text = at ? strsep(&at, ",") : "";
		uint64_t offset;
		uint64_t size;

		if (number_parse_u64(offset_text, &offset) < 0 ||
		    number_parse_u64(size_text, &size) < 0 ||
		    !tar_segments_add(&extras->segments, offset, size))
			return false;
	}
	return true;
}

static bool parse_sparse(struct tar_extras *extras, const char *key, const char *value, size_t size)
{
	uint64_t number;

	extras->is_sparse = true;
	if (strcmp(key, "name") == 0)
		return set_text(&extras->path, value, size, &extras->has_path);
	if (strcmp(key, "map") == 0)
		return parse_map(extras, value);
	if (number_parse_u64(value, &number) < 0)
		return false;
	if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0)
		return set_number(value, &extras->real_size, &extras->has_real_size);
	if (strcmp(key, "offset") == 0)
		return set_number(value, &extras->offset, &extras->has_offset);
	if (strcmp(key, "numbytes") == 0) {
		if (!extras->has_offset)
			return false;
		extras->has_offset = false;
		return tar_segments_add(&extras->segments, extras->offset, number);
	}
	if (strcmp(key, "major") == 0) {
		extras->sparse_major = (unsigned)number;
		return number <= 1;
	}
	return strcmp(key, "minor") == 0 || strcmp(key, "numblocks") == 0;
}

static int from_hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* libarchive's older form: the name %-escaped, the value in base64 without padding. It writes
 * SCHILY's form beside it, so this one is read only to fill gaps. */
static bool parse_old_xattr(struct tar_extras *extras, const char *name, const char *value)
{
	auto_buf plain_name = { 0 };
	auto_buf bytes = { 0 };

	for (; *name; name++) {
		int high = *name == '%' ? from_hex(name[1]) : -1;
		int low = high >= 0 ? from_hex(name[2]) : -1;

		buf_add_char(&plain_name, low >= 0 ? (char)(high << 4 | low) : *name);
		name += low >= 0 ? 2 : 0;
	}
	if (!text_read_base64(value, &bytes))
		return false;
	for (size_t i = 0; i < extras->xattr_count; i++)
		if (strcmp(extras->xattrs[i].name, buf_text(&plain_name)) == 0)
			return true;
	set_xattr(extras, buf_text(&plain_name), strlen(buf_text(&plain_name)), buf_text(&bytes),
		  bytes.size_bytes);
	return true;
}

/* Keys that do not matter here (comment, atime, uname ...) are passed over, as POSIX wants. */
static bool parse_record(struct tar_extras *extras, const char *key, const char *value, size_t size)
{
	if (strcmp(key, "path") == 0)
		return set_text(&extras->path, value, size, &extras->has_path);
	if (strcmp(key, "linkpath") == 0)
		return set_text(&extras->link, value, size, &extras->has_link);
	if (strcmp(key, "size") == 0)
		return set_number(value, &extras->size, &extras->has_size);
	if (strcmp(key, "uid") == 0)
		return set_number(value, &extras->uid, &extras->has_uid);
	if (strcmp(key, "gid") == 0)
		return set_number(value, &extras->gid, &extras->has_gid);
	if (strcmp(key, "mtime") == 0) {
		extras->has_mtime = true;
		return parse_time(value, &extras->mtime_s, &extras->mtime_ns);
	}
	if (text_starts(key, "GNU.sparse."))
		return parse_sparse(extras, key + strlen("GNU.sparse."), value, size);
	if (text_starts(key, XATTR_PREFIX)) {
		key += strlen(XATTR_PREFIX);
		set_xattr(extras, key, strlen(key), value, size);
		return *key != '\0';
	}
	if (text_starts(key, OLD_XATTR_PREFIX))
		return parse_old_xattr(extras, key + strlen(OLD_XATTR_PREFIX), value);
	return true;
}

/* --- records --- */

bool tar_extras_parse(struct tar_extras *extras, const char *records, size_t size_bytes)
{
	const char *at = records;
	const char *end = records + size_bytes;

	while (at < end) {
		auto_free char *record = NULL;
		size_t length = 0;
		const char *digit = at;
		size_t left = (size_t)(end - at);
		char *value;

		while (digit < end && *digit >= '0' && *digit <= '9' && length <= left)
			length = length * 10 + (size_t)(*digit++ - '0');
		if (digit == at || digit == end || *digit != ' ' || length > left ||
		    length < (size_t)(digit - at) + 3 || at[length - 1] != '\n')
			return false;
		at += length;
		digit++;
		length = (size_t)(at - digit) - 1;
		record = memory_zeroed(1, length + 1);
		memcpy(record, digit, length);
		value = strchr(record, '=');
		if (!value || value == record)
			return false;
		*value++ = '\0';
		if (!parse_record(extras, record, value, length - (size_t)(value - record)))
			return false;
	}
	return true;
}

/* --- pax 1.0 maps --- */

static bool take_number(struct tar_map_parser *parser, struct tar_segments *segments)
{
	uint64_t number = parser->number;
	bool had_digit = parser->has_digit;

	parser->number = 0;
	parser->has_digit = false;
	if (!had_digit)
		return false;
	if (!parser->has_count) {
		parser->has_count = true;
		parser->count = number;
		parser->complete = number == 0;
		return number <= TAR_SEGMENTS_MAX;
	}
	parser->has_offset = !parser->has_offset;
	if (parser->has_offset) {
		parser->offset = number;
		return true;
	}
	if (!tar_segments_add(segments, parser->offset, number))
		return false;
	parser->complete = --parser->count == 0;
	return true;
}

bool tar_map_parse_block(struct tar_map_parser *parser, const void *block,
			 struct tar_segments *segments)
{
	const char *at = block;

	for (size_t i = 0; i < TAR_BLOCK_BYTES && !parser->complete; i++) {
		if (at[i] == '\n') {
			if (!take_number(parser, segments))
				return false;
		} else if (at[i] < '0' || at[i] > '9' || parser->number > UINT64_MAX / 20) {
			return false;
		} else {
			parser->number = parser->number * 10 + (uint64_t)(at[i] - '0');
			parser->has_digit = true;
		}
	}
	return true;
}
