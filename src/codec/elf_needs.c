// SPDX-License-Identifier: Apache-2.0
/* Read piece by piece with pread(2), never mapped: a file that shrinks meanwhile must not end the
 * program. Fields are taken by class and byte order of the file, not of this machine. */
#include "codec/elf_needs.h"

#include <elf.h>
#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "codec/json.h"

#define PROGRAM_HEADERS_MAX 512
#define TABLE_MAX_BYTES	    ((uint64_t)1 << 20) /* dynamic section, version needs */
#define NOTES_MAX_BYTES	    ((uint64_t)1 << 16)
#define NOTE_OWNER	    "FDO"
#define NOTE_DLOPEN	    0x407c0c0au
#define STRINGS_MAX_BYTES   ((uint64_t)64 << 20) /* of big C++ libraries */

struct segment {
	uint32_t type;
	uint64_t offset, address, file_bytes;
};

struct reader {
	int fd;
	bool is_64, is_big;
	struct segment segment[PROGRAM_HEADERS_MAX];
	size_t segment_count;
	/* of the dynamic section */
	struct buf dynamic;
	struct buf text; /* DT_STRTAB */
	uint64_t versions_address;
	uint64_t versions_count;
	uint64_t defined_address;
	uint64_t defined_count;
};

static int damaged(struct err *err, const char *what)
{
	return fail_plain(err, EUCLEAN, "damaged ELF file: %s", what);
}

static uint16_t get16(const struct reader *reader, const char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return reader->is_big ? be16toh(value) : le16toh(value);
}

static uint32_t get32(const struct reader *reader, const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return reader->is_big ? be32toh(value) : le32toh(value);
}

static uint64_t get64(const struct reader *reader, const char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return reader->is_big ? be64toh(value) : le64toh(value);
}

/* An address or an offset: as wide as the class. */
static uint64_t get_word(const struct reader *reader, const char *at)
{
	return reader->is_64 ? get64(reader, at) : get32(reader, at);
}

static int read_at(const struct reader *reader, uint64_t offset, uint64_t size_bytes,
		   struct buf *ret_bytes, const char *what, struct err *err)
{
	size_t done = 0;
	char *to;

	if (offset > INT64_MAX - size_bytes)
		return damaged(err, what);
	to = buf_reserve(ret_bytes, size_bytes + 1);
	while (done < size_bytes) {
		ssize_t n = pread(reader->fd, to + done, size_bytes - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, errno, "read");
		if (n == 0)
			return damaged(err, what);
		done += (size_t)n;
	}
	buf_grow_by(ret_bytes, done);
	return 0;
}

/* Bytes at an address of memory, at most to the end of what its segment has in the file. */
static int read_address(const struct reader *reader, uint64_t address, uint64_t at_most_bytes,
			struct buf *ret_bytes, const char *what, struct err *err)
{
	for (size_t i = 0; i < reader->segment_count; i++) {
		const struct segment *segment = &reader->segment[i];
		uint64_t left;

		if (segment->type != PT_LOAD || address < segment->address ||
		    address - segment->address >= segment->file_bytes)
			continue;
		left = segment->file_bytes - (address - segment->address);
		if (segment->offset > INT64_MAX - segment->file_bytes)
			return damaged(err, what);
		return read_at(reader, segment->offset + (address - segment->address),
			       left < at_most_bytes ? left : at_most_bytes, ret_bytes, what, err);
	}
	return damaged(err, what);
}

static int read_segments(struct reader *reader, const char *header, struct err *err)
{
	uint64_t offset = get_word(reader, header + (reader->is_64 ? 32 : 28));
	uint16_t entry_bytes = get16(reader, header + (reader->is_64 ? 54 : 42));
	uint16_t count = get16(reader, header + (reader->is_64 ? 56 : 44));
	auto_buf table = { 0 };
	int r;

	if (count == 0)
		return 0;
	if (count > PROGRAM_HEADERS_MAX || entry_bytes < (reader->is_64 ? 56 : 32))
		return damaged(err, "program headers");
	r = read_at(reader, offset, (uint64_t)count * entry_bytes, &table, "program headers", err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		const char *at = table.bytes + i * entry_bytes;

		reader->segment[reader->segment_count++] = (struct segment){
			.type = get32(reader, at),
			.offset = get_word(reader, at + (reader->is_64 ? 8 : 4)),
			.address = get_word(reader, at + (reader->is_64 ? 16 : 8)),
			.file_bytes = get_word(reader, at + (reader->is_64 ? 32 : 16)),
		};
	}
	return 0;
}

static const struct segment *find_segment(const struct reader *reader, uint32_t type)
{
	for (size_t i = 0; i < reader->segment_count; i++)
		if (reader->segment[i].type == type)
			return &reader->segment[i];
	return NULL;
}

static int read_interpreter(const struct reader *reader, struct elf_needs *needs, struct err *err)
{
	const struct segment *segment = find_segment(reader, PT_INTERP);
	auto_buf text = { 0 };
	int r;

	if (!segment)
		return 0;
	if (segment->file_bytes == 0 || segment->file_bytes > 4096)
		return damaged(err, "interpreter");
	r = read_at(reader, segment->offset, segment->file_bytes, &text, "interpreter", err);
	if (r < 0)
		return r;
	needs->interpreter = memory_copy_text(buf_text(&text));
	return 0;
}

/* Tag and value of the dynamic section's entry; false behind the last. */
static bool dynamic_at(const struct reader *reader, size_t index, uint64_t *ret_tag,
		       uint64_t *ret_value)
{
	size_t word_bytes = reader->is_64 ? 8 : 4;
	const char *at = reader->dynamic.bytes + index * 2 * word_bytes;

	if ((index + 1) * 2 * word_bytes > reader->dynamic.size_bytes)
		return false;
	*ret_tag = get_word(reader, at);
	*ret_value = get_word(reader, at + word_bytes);
	return *ret_tag != DT_NULL;
}

static int read_strings(struct reader *reader, struct err *err)
{
	uint64_t address = 0;
	uint64_t size_bytes = 0;
	uint64_t tag;
	uint64_t value;

	for (size_t i = 0; dynamic_at(reader, i, &tag, &value); i++) {
		if (tag == DT_STRTAB)
			address = value;
		else if (tag == DT_STRSZ)
			size_bytes = value;
		else if (tag == DT_VERNEED)
			reader->versions_address = value;
		else if (tag == DT_VERNEEDNUM)
			reader->versions_count = value;
		else if (tag == DT_VERDEF)
			reader->defined_address = value;
		else if (tag == DT_VERDEFNUM)
			reader->defined_count = value;
	}
	if (!address)
		return 0;
	if (size_bytes > STRINGS_MAX_BYTES)
		return damaged(err, "string table");
	return read_address(reader, address, size_bytes, &reader->text, "string table", err);
}

/* NULL when there is no such text, or it does not end. */
static const char *text_at(const struct reader *reader, uint64_t offset)
{
	if (offset >= reader->text.size_bytes)
		return NULL;
	return memchr(reader->text.bytes + offset, '\0', reader->text.size_bytes - offset)
		       ? reader->text.bytes + offset
		       : NULL;
}

static void set_text(char **slot, const char *text)
{
	free(*slot);
	*slot = memory_copy_text(text);
}

static int take_entry(const struct reader *reader, uint64_t tag, uint64_t value,
		      struct elf_needs *needs, struct err *err)
{
	const char *text;

	if (tag != DT_NEEDED && tag != DT_SONAME && tag != DT_RPATH && tag != DT_RUNPATH)
		return 0;
	text = text_at(reader, value);
	if (!text)
		return damaged(err, "a name in the dynamic section");
	if (tag == DT_NEEDED && needs->needed.count < ELF_NEEDED_MAX)
		strings_add(&needs->needed, text);
	else if (tag == DT_SONAME)
		set_text(&needs->soname, text);
	else if (tag == DT_RPATH)
		set_text(&needs->rpath, text);
	else if (tag == DT_RUNPATH)
		set_text(&needs->runpath, text);
	return 0;
}

/* struct Elf32_Verneed and Elf64_Verneed are the same. */
static int take_versions_of(const struct reader *reader, const struct buf *table, size_t at,
			    struct elf_needs *needs, struct err *err)
{
	const char *file = text_at(reader, get32(reader, table->bytes + at + 4));
	uint16_t count = get16(reader, table->bytes + at + 2);
	uint64_t entry = at + (uint64_t)get32(reader, table->bytes + at + 8);

	for (uint16_t i = 0; i < count; i++) {
		const char *name;
		uint32_t next;

		if (entry + sizeof(Elf64_Vernaux) > table->size_bytes)
			return damaged(err, "needed versions");
		name = text_at(reader, get32(reader, table->bytes + entry + 8));
		if (!file || !name)
			return damaged(err, "the name of a needed version");
		if (needs->versions.count < ELF_NEEDED_MAX)
			strings_printf(&needs->versions, "%s %s", file, name);
		next = get32(reader, table->bytes + entry + 12);
		if (next == 0)
			break;
		entry += next;
	}
	return 0;
}

static int read_versions(const struct reader *reader, struct elf_needs *needs, struct err *err)
{
	auto_buf table = { 0 };
	uint64_t at = 0;
	int r;

	if (!reader->versions_address)
		return 0;
	r = read_address(reader, reader->versions_address, TABLE_MAX_BYTES, &table,
			 "needed versions", err);
	for (uint64_t i = 0; r == 0 && i < reader->versions_count; i++) {
		uint32_t next;

		if (at + sizeof(Elf64_Verneed) > table.size_bytes)
			return damaged(err, "needed versions");
		r = take_versions_of(reader, &table, at, needs, err);
		next = get32(reader, table.bytes + at + 12);
		if (next == 0)
			break;
		at += next;
	}
	return r;
}

/* struct Elf32_Verdef and Elf64_Verdef are the same; the first name of each is its own, others are
 * those it comes after. */
static int read_defined(struct reader *reader, struct elf_needs *needs, struct err *err)
{
	auto_buf table = { 0 };
	uint64_t at = 0;
	int r;

	if (!reader->defined_address)
		return 0;
	r = read_address(reader, reader->defined_address, TABLE_MAX_BYTES, &table,
			 "defined versions", err);
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < reader->defined_count && i < ELF_NEEDED_MAX; i++) {
		const char *entry = table.bytes + at;
		const char *name;
		uint64_t names;

		if (at + sizeof(Elf64_Verdef) > table.size_bytes)
			return damaged(err, "defined versions");
		names = at + get32(reader, entry + 12);
		if (names + sizeof(Elf64_Verdaux) > table.size_bytes)
			return damaged(err, "defined versions");
		name = text_at(reader, get32(reader, table.bytes + names));
		if (!name)
			return damaged(err, "the name of a defined version");
		if (!(get16(reader, entry + 2) & VER_FLG_BASE)) /* that is the file itself */
			strings_add(&needs->defined, name);
		if (get32(reader, entry + 16) == 0)
			break;
		at += get32(reader, entry + 16);
	}
	return 0;
}

static int read_dynamic(struct reader *reader, struct elf_needs *needs, struct err *err)
{
	const struct segment *segment = find_segment(reader, PT_DYNAMIC);
	uint64_t tag;
	uint64_t value;
	int r;

	if (!segment || segment->file_bytes == 0) /* none, or in a file of debug information */
		return 0;
	if (segment->file_bytes > TABLE_MAX_BYTES)
		return damaged(err, "dynamic section");
	needs->is_dynamic = true;
	r = read_at(reader, segment->offset, segment->file_bytes, &reader->dynamic,
		    "dynamic section", err);
	if (r == 0)
		r = read_strings(reader, err);
	for (size_t i = 0; r == 0 && dynamic_at(reader, i, &tag, &value); i++)
		r = take_entry(reader, tag, value, needs, err);
	if (r == 0)
		r = read_versions(reader, needs, err);
	return r < 0 ? r : read_defined(reader, needs, err);
}

/* --- what it opens by itself: [{"soname": ["libbpf.so.1", "libbpf.so.0"], ...}, ...] --- */

static void take_opened(const char *text, size_t size_bytes, struct elf_needs *needs)
{
	auto_json *list = NULL;

	size_bytes = strnlen(text, size_bytes);
	if (json_parse(text, size_bytes, &list, NULL) < 0)
		return; /* a hint that cannot be read is none */
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *names = json_get(json_at(list, i), "soname");

		for (size_t j = 0; j < json_count(names); j++) {
			const char *name = json_text(json_at(names, j));

			if (name && *name && !strchr(name, '/') &&
			    needs->opened.count < ELF_NEEDED_MAX)
				strings_add(&needs->opened, name);
		}
	}
}

static uint64_t aligned(uint64_t size)
{
	return (size + 3) & ~(uint64_t)3;
}

/* struct Elf32_Nhdr and Elf64_Nhdr are the same; what is damaged ends the search. */
static void take_notes(const struct reader *reader, const struct buf *notes,
		       struct elf_needs *needs)
{
	uint64_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= notes->size_bytes) {
		uint64_t name_bytes = get32(reader, notes->bytes + at);
		uint64_t size_bytes = get32(reader, notes->bytes + at + 4);
		uint32_t type = get32(reader, notes->bytes + at + 8);
		uint64_t name = at + sizeof(Elf64_Nhdr);
		uint64_t content = name + aligned(name_bytes);

		at = content + aligned(size_bytes);
		if (content + size_bytes > notes->size_bytes)
			return;
		if (type == NOTE_DLOPEN && name_bytes == sizeof(NOTE_OWNER) &&
		    memcmp(notes->bytes + name, NOTE_OWNER, sizeof(NOTE_OWNER)) == 0)
			take_opened(notes->bytes + content, size_bytes, needs);
	}
}

static int read_notes(const struct reader *reader, struct elf_needs *needs, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < reader->segment_count; i++) {
		const struct segment *segment = &reader->segment[i];
		auto_buf notes = { 0 };

		if (segment->type != PT_NOTE || segment->file_bytes == 0 ||
		    segment->file_bytes > NOTES_MAX_BYTES)
			continue;
		r = read_at(reader, segment->offset, segment->file_bytes, &notes, "notes", err);
		if (r == 0)
			take_notes(reader, &notes, needs);
	}
	return r;
}

static int read_all(struct reader *reader, struct elf_needs *needs, struct err *err)
{
	char header[sizeof(Elf64_Ehdr)] = { 0 };
	ssize_t n = pread(reader->fd, header, sizeof(header), 0);
	int r;

	if (n < 0)
		return fail(err, errno, "read");
	if (n < (ssize_t)sizeof(Elf32_Ehdr) || memcmp(header, ELFMAG, SELFMAG) != 0 ||
	    (header[EI_CLASS] != ELFCLASS32 && header[EI_CLASS] != ELFCLASS64) ||
	    (header[EI_DATA] != ELFDATA2LSB && header[EI_DATA] != ELFDATA2MSB))
		return -ENOEXEC;
	reader->is_64 = header[EI_CLASS] == ELFCLASS64;
	reader->is_big = header[EI_DATA] == ELFDATA2MSB;
	needs->class = (unsigned char)header[EI_CLASS];
	needs->machine = get16(reader, header + 18);
	r = read_segments(reader, header, err);
	if (r == 0)
		r = read_interpreter(reader, needs, err);
	if (r == 0)
		r = read_dynamic(reader, needs, err);
	return r < 0 || !needs->is_dynamic ? r : read_notes(reader, needs, err);
}

void elf_needs_done(struct elf_needs *needs)
{
	free(needs->interpreter);
	free(needs->soname);
	free(needs->rpath);
	free(needs->runpath);
	strings_done(&needs->needed);
	strings_done(&needs->opened);
	strings_done(&needs->versions);
	strings_done(&needs->defined);
	*needs = (struct elf_needs){ 0 };
}

int elf_read_needs(int fd, struct elf_needs *ret_needs, struct err *err)
{
	struct reader reader = { .fd = fd };
	auto_elf_needs needs = { 0 };
	int r = read_all(&reader, &needs, err);

	buf_done(&reader.dynamic);
	buf_done(&reader.text);
	if (r < 0)
		return r;
	*ret_needs = needs;
	needs = (struct elf_needs){ 0 };
	return 0;
}
