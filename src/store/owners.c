// SPDX-License-Identifier: Apache-2.0
#include "store/owners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/number.h"
#include "base/strings.h"
#include "base/text.h"

#define FIRST_LINE    "#mtree"
#define FORMAT_LINE   "# rootlet owners 1"
#define OVERLAY_READY "# overlay ready"
#define TAR_BYTES     "# tar-bytes "
#define XATTR_PREFIX  "xattr."

static const struct {
	mode_t type;
	const char *name;
} types[] = {
	{ S_IFCHR, "char" },
	{ S_IFBLK, "block" },
	{ S_IFIFO, "fifo" },
	{ S_IFSOCK, "socket" },
};

/* --- text escapes, as vis(3) VIS_OCTAL: \ooo for blanks, '#', '\\', '=' and what is not ASCII ---
 */

static void add_escaped(struct buf *buf, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c <= ' ' || *c >= 0x7f || *c == '#' || *c == '\\' || *c == '=')
			buf_printf(buf, "\\%03o", *c);
		else
			buf_add_char(buf, (char)*c);
	}
}

static bool unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		unsigned value = 0;

		if (*at != '\\') {
			*to++ = *at;
			continue;
		}
		for (int i = 0; i < 3; i++) {
			at++;
			if (*at < '0' || *at > '7')
				return false;
			value = value * 8 + (unsigned)(*at - '0');
		}
		if (value == 0 || value > 255)
			return false;
		*to++ = (char)value;
	}
	*to = '\0';
	return true;
}

/* --- printing --- */

bool owner_is_needed(const struct owner *owner)
{
	return owner->uid || owner->gid || owner->has_mode || owner->type || owner->whiteout ||
	       owner->opaque || owner->implicit || owner->xattr_count;
}

static void print_owner(const struct owner *owner, struct buf *buf)
{
	buf_add_text(buf, owner->path[0] ? "./" : ".");
	add_escaped(buf, owner->path);
	if (owner->whiteout)
		buf_add_text(buf, " type=whiteout");
	for (size_t i = 0; i < array_count(types); i++)
		if (owner->type == types[i].type)
			buf_printf(buf, " type=%s", types[i].name);
	if (owner->type == S_IFCHR || owner->type == S_IFBLK)
		buf_printf(buf, " device=linux,%u,%u", owner->rdev_major, owner->rdev_minor);
	if (owner->uid)
		buf_printf(buf, " uid=%u", owner->uid);
	if (owner->gid)
		buf_printf(buf, " gid=%u", owner->gid);
	if (owner->has_mode)
		buf_printf(buf, " mode=%04o", owner->mode);
	if (owner->opaque)
		buf_add_text(buf, " opaque");
	if (owner->implicit)
		buf_add_text(buf, " implicit");
	for (size_t i = 0; i < owner->xattr_count; i++) {
		buf_add_text(buf, " " XATTR_PREFIX);
		add_escaped(buf, owner->xattrs[i].name);
		buf_add_char(buf, '=');
		text_add_base64(buf, owner->xattrs[i].value, owner->xattrs[i].size_bytes);
	}
	buf_add_char(buf, '\n');
}

void owners_print(const struct owners *owners, struct buf *buf)
{
	buf_add_text(buf, FIRST_LINE "\n" FORMAT_LINE "\n");
	if (owners->overlay_ready)
		buf_add_text(buf, OVERLAY_READY "\n");
	if (owners->tar_bytes)
		buf_printf(buf, TAR_BYTES "%llu\n", (unsigned long long)owners->tar_bytes);
	for (size_t i = 0; i < owners->count; i++)
		if (owner_is_needed(&owners->item[i]))
			print_owner(&owners->item[i], buf);
}

/* --- parsing --- */

bool owners_head_overlay_ready(const char *head, size_t size_bytes)
{
	static const char expected[] = FIRST_LINE "\n" FORMAT_LINE "\n" OVERLAY_READY "\n";

	_Static_assert(sizeof(expected) - 1 <= OWNERS_HEAD_BYTES, "the head holds these lines");
	return size_bytes >= sizeof(expected) - 1 &&
	       memcmp(head, expected, sizeof(expected) - 1) == 0;
}

static bool parse_type(const char *value, struct owner *owner)
{
	if (strcmp(value, "whiteout") == 0) {
		owner->whiteout = true;
		return true;
	}
	for (size_t i = 0; i < array_count(types); i++) {
		if (strcmp(value, types[i].name) != 0)
			continue;
		owner->type = types[i].type;
		return true;
	}
	return false;
}

static bool parse_device(char *value, struct owner *owner)
{
	const char *format = strsep(&value, ",");
	const char *major = value ? strsep(&value, ",") : NULL;

	return major && value && strcmp(format, "linux") == 0 &&
	       number_parse_u32(major, &owner->rdev_major) == 0 &&
	       number_parse_u32(value, &owner->rdev_minor) == 0;
}

static bool parse_xattr(char *name, const char *value, struct owner *owner, struct arena *arena)
{
	struct xattr *xattr = &owner->xattrs[owner->xattr_count];
	auto_buf bytes = { 0 };

	/* without its padding it was cut short */
	if (!unescape(name) || strlen(value) % 4 || !text_read_base64(value, &bytes))
		return false;
	*xattr = (struct xattr){ .name = name,
				 .value = arena_copy_bytes(arena, buf_text(&bytes),
							   bytes.size_bytes),
				 .size_bytes = bytes.size_bytes };
	owner->xattr_count++;
	return true;
}

static bool parse_word(char *word, struct owner *owner, struct arena *arena)
{
	char *value = strchr(word, '=');

	if (!value) {
		owner->opaque |= strcmp(word, "opaque") == 0;
		owner->implicit |= strcmp(word, "implicit") == 0;
		return owner->opaque || owner->implicit;
	}
	*value++ = '\0';
	if (strcmp(word, "uid") == 0)
		return number_parse_u32(value, &owner->uid) == 0;
	if (strcmp(word, "gid") == 0)
		return number_parse_u32(value, &owner->gid) == 0;
	if (strcmp(word, "type") == 0)
		return parse_type(value, owner);
	if (strcmp(word, "device") == 0)
		return parse_device(value, owner);
	if (text_starts(word, XATTR_PREFIX))
		return parse_xattr(word + strlen(XATTR_PREFIX), value, owner, arena);
	if (strcmp(word, "mode") != 0)
		return false;
	owner->has_mode = true;
	return number_parse_octal(value, &owner->mode) == 0 && owner->mode <= 07777;
}

/* `line` is text of the arena: paths and names stay where they are, unescaped in place. */
static bool parse_line(char *line, struct owner *owner, struct arena *arena)
{
	char *path = strsep(&line, " ");
	size_t words = 1;

	if (path[0] != '.' || (path[1] && path[1] != '/') || !unescape(path))
		return false;
	owner->path = path[1] ? path + 2 : path + 1;
	for (const char *at = line; at && *at; at++)
		words += *at == ' ';
	owner->xattrs = arena_array(arena, struct xattr, words);
	while (line)
		if (!parse_word(strsep(&line, " "), owner, arena))
			return false;
	return true;
}

/* What is no remark of ours is one of a person or of a later version. */
static void parse_remark(const char *line, struct owners *owners)
{
	uint64_t number;

	owners->overlay_ready |= strcmp(line, OVERLAY_READY) == 0;
	if (text_starts(line, TAR_BYTES) &&
	    number_parse_u64(line + strlen(TAR_BYTES), &number) == 0)
		owners->tar_bytes = number;
}

static bool is_sorted(const struct owners *owners)
{
	for (size_t i = 1; i < owners->count; i++)
		if (strcmp(owners->item[i - 1].path, owners->item[i].path) >= 0)
			return false;
	return true;
}

uint64_t owners_peek_tar_bytes(const char *text)
{
	const char *at = strstr(text, "\n" TAR_BYTES);
	char number_text[24] = "";
	uint64_t number;

	if (!at)
		return 0;
	at += 1 + strlen(TAR_BYTES);
	snprintf(number_text, sizeof(number_text), "%.*s", (int)strcspn(at, "\n"), at);
	return number_parse_u64(number_text, &number) < 0 ? 0 : number;
}

int owners_parse(const char *text, size_t size_bytes, struct arena *arena,
		 struct owners *ret_owners, struct err *err)
{
	char *copy = arena_copy_bytes(arena, text, size_bytes);
	struct owners owners = { 0 };
	size_t lines = 1;
	size_t number = 0;
	char *line;

	for (const char *at = copy; *at; at++)
		lines += *at == '\n';
	owners.item = arena_array(arena, struct owner, lines);
	while ((line = strsep(&copy, "\n"))) {
		number++;
		if (number == 1 && strcmp(line, FIRST_LINE) != 0)
			return fail_plain(err, EUCLEAN, "owners record: line 1 is not " FIRST_LINE);
		if (number == 2 && strcmp(line, FORMAT_LINE) != 0)
			return fail_plain(err, EUCLEAN, "owners record: unknown format '%.40s'",
					  line);
		if (!*line || *line == '#') {
			parse_remark(line, &owners);
			continue;
		}
		if (!parse_line(line, &owners.item[owners.count++], arena))
			return fail_plain(err, EUCLEAN, "owners record: line %zu is damaged",
					  number);
	}
	if (number < 3 || !is_sorted(&owners)) /* the last line ends in a newline, too */
		return fail_plain(err, EUCLEAN, "owners record: cut short or not sorted");
	*ret_owners = owners;
	return 0;
}

/* --- looking up --- */

static int compare(const void *left, const void *right)
{
	const struct owner *a = left;
	const struct owner *b = right;

	return strcmp(a->path, b->path);
}

void owners_sort(struct owners *owners)
{
	if (owners->count)
		qsort(owners->item, owners->count, sizeof(*owners->item), compare);
}

void owners_copy(const struct owners *owners, struct arena *arena, struct owners *ret_owners)
{
	struct owners copy = *owners;

	copy.item = arena_array(arena, struct owner, owners->count);
	for (size_t i = 0; i < owners->count; i++) {
		struct owner *to = &copy.item[i];

		*to = owners->item[i];
		to->path = arena_copy(arena, to->path);
		to->xattrs = arena_array(arena, struct xattr, to->xattr_count);
		for (size_t j = 0; j < to->xattr_count; j++) {
			const struct xattr *xattr = &owners->item[i].xattrs[j];

			to->xattrs[j].name = arena_copy(arena, xattr->name);
			to->xattrs[j].value = arena_copy_bytes(arena, xattr->value,
							       xattr->size_bytes);
			to->xattrs[j].size_bytes = xattr->size_bytes;
		}
	}
	*ret_owners = copy;
}

const struct owner *owners_find(const struct owners *owners, const char *path)
{
	struct owner wanted = { .path = path };

	if (!owners->count)
		return NULL;
	return bsearch(&wanted, owners->item, owners->count, sizeof(*owners->item), compare);
}
