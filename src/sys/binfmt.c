// SPDX-License-Identifier: Apache-2.0
#include "sys/binfmt.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"

#define ENTRY_BYTES_MAX ((size_t)4096)
#define HEAD_BYTES	20 /* up to the machine, which is where entries end */

static const struct machine {
	const char *architecture;
	uint16_t machine;
	uint8_t class;
	uint8_t data;
} machines[] = {
	{ "amd64", EM_X86_64, ELFCLASS64, ELFDATA2LSB },
	{ "386", EM_386, ELFCLASS32, ELFDATA2LSB },
	{ "arm64", EM_AARCH64, ELFCLASS64, ELFDATA2LSB },
	{ "arm", EM_ARM, ELFCLASS32, ELFDATA2LSB },
	{ "riscv64", EM_RISCV, ELFCLASS64, ELFDATA2LSB },
	{ "ppc64le", EM_PPC64, ELFCLASS64, ELFDATA2LSB },
	{ "ppc64", EM_PPC64, ELFCLASS64, ELFDATA2MSB },
	{ "s390x", EM_S390, ELFCLASS64, ELFDATA2MSB },
	{ "mips64le", EM_MIPS, ELFCLASS64, ELFDATA2LSB },
	{ "loong64", 258, ELFCLASS64, ELFDATA2LSB },
};

static void make_head(const struct machine *machine, uint8_t head[HEAD_BYTES])
{
	bool is_little = machine->data == ELFDATA2LSB;

	memset(head, 0, HEAD_BYTES);
	memcpy(head, ELFMAG, SELFMAG);
	head[EI_CLASS] = machine->class;
	head[EI_DATA] = machine->data;
	head[EI_VERSION] = EV_CURRENT;
	head[is_little ? 16 : 17] = ET_EXEC;
	head[is_little ? 18 : 19] = (uint8_t)machine->machine;
	head[is_little ? 19 : 18] = (uint8_t)(machine->machine >> 8);
}

/* The value of the line `name`, up to its end; NULL: there is none. */
static const char *line_of(const char *entry, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = entry; at; at = strchr(at, '\n'))
		if (strncmp(at += *at == '\n', name, length) == 0)
			return at + length;
	return NULL;
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* As many as there are, HEAD_BYTES at most. */
static size_t read_hex(const char *text, uint8_t bytes[HEAD_BYTES])
{
	size_t count = 0;

	while (count < HEAD_BYTES && isxdigit((unsigned char)text[0]) &&
	       isxdigit((unsigned char)text[1])) {
		bytes[count++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
	}
	return count;
}

static bool takes(const char *entry, const uint8_t head[HEAD_BYTES])
{
	const char *flags = line_of(entry, "flags: ");
	const char *offset = line_of(entry, "offset ");
	const char *magic = line_of(entry, "magic ");
	const char *mask = line_of(entry, "mask ");
	uint8_t magic_bytes[HEAD_BYTES];
	uint8_t mask_bytes[HEAD_BYTES];
	size_t count;

	if (strncmp(entry, "enabled\n", 8) != 0 || !flags || !magic || !offset ||
	    strncmp(offset, "0\n", 2) != 0 || !memchr(flags, 'F', strcspn(flags, "\n")))
		return false;
	memset(mask_bytes, 0xff, sizeof(mask_bytes));
	count = read_hex(magic, magic_bytes);
	if (mask)
		read_hex(mask, mask_bytes);
	for (size_t i = 0; i < count; i++)
		if ((head[i] ^ magic_bytes[i]) & mask_bytes[i])
			return false;
	return count == HEAD_BYTES;
}

static bool any_takes(int folder_fd, DIR *folder, const uint8_t head[HEAD_BYTES])
{
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		auto_buf text = { 0 };

		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "register") != 0 &&
		    io_read_file_at(folder_fd, entry->d_name, ENTRY_BYTES_MAX, &text, NULL) == 0 &&
		    takes(buf_text(&text), head))
			return true;
	}
	return false;
}

static bool is_enabled(int folder_fd)
{
	auto_buf text = { 0 };

	return io_read_file_at(folder_fd, "status", ENTRY_BYTES_MAX, &text, NULL) == 0 &&
	       strncmp(buf_text(&text), "enabled", 7) == 0;
}

bool binfmt_runs(const char *folder, const char *architecture)
{
	uint8_t head[HEAD_BYTES];
	DIR *directory;
	bool found;

	for (size_t i = 0; i < array_count(machines); i++) {
		if (strcmp(machines[i].architecture, architecture) != 0)
			continue;
		directory = opendir(folder);
		if (!directory)
			return false;
		make_head(&machines[i], head);
		found = is_enabled(dirfd(directory)) &&
			any_takes(dirfd(directory), directory, head);
		closedir(directory);
		return found;
	}
	return false;
}
