// SPDX-License-Identifier: Apache-2.0
#include "host.h"

#include "unit.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"
#include "sys/openat2.h"
#include "sys/remove.h"

int host_init(struct host *host)
{
	if (scratch_make(host->folder) < 0)
		return -1;
	host->root_fd = open(host->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return host->root_fd < 0 ? -1 : 0;
}

int host_done(struct host *host)
{
	struct err err = { 0 };

	close(host->root_fd);
	return remove_tree(AT_FDCWD, host->folder, &err);
}

void host_directory(const struct host *host, const char *path)
{
	int fd = openat2_make_directories(host->root_fd, path, 0755);

	assert_true(fd >= 0);
	close(fd);
}

/* Opens the directory above; *ret_name points into path. */
static int above(const struct host *host, const char *path, const char **ret_name)
{
	auto_buf folder = { 0 };
	int fd;

	*ret_name = strrchr(path, '/') + 1;
	buf_add(&folder, path, (size_t)(*ret_name - path));
	fd = openat2_make_directories(host->root_fd, buf_text(&folder), 0755);
	assert_true(fd >= 0);
	return fd;
}

void host_bytes(const struct host *host, const char *path, const void *bytes, size_t size_bytes)
{
	struct err err = { 0 };
	const char *name;
	auto_fd fd = above(host, path, &name);

	assert_int_equal(io_replace_file_unsynced_at(fd, name, bytes, size_bytes, 0755, &err), 0);
}

void host_file(const struct host *host, const char *path, const char *text)
{
	host_bytes(host, path, text, strlen(text));
}

void host_link(const struct host *host, const char *path, const char *target)
{
	const char *name;
	auto_fd fd = above(host, path, &name);

	assert_int_equal(symlinkat(target, fd, name), 0);
}

/* ---- ELF ---- */

#define TEXTS_AT   1024
#define DYNAMIC_AT 512
#define VERSION_AT 2048
#define FILE_BYTES 4096

struct elf_maker {
	char bytes[FILE_BYTES];
	size_t texts, dynamic;
};

static Elf64_Xword add_text(struct elf_maker *maker, const char *text)
{
	size_t at = maker->texts;

	memcpy(maker->bytes + TEXTS_AT + at, text, strlen(text) + 1);
	maker->texts += strlen(text) + 1;
	return at;
}

static void add_entry(struct elf_maker *maker, Elf64_Sxword tag, Elf64_Xword value)
{
	Elf64_Dyn entry = { .d_tag = tag, .d_un.d_val = value };

	memcpy(maker->bytes + DYNAMIC_AT + maker->dynamic * sizeof(entry), &entry, sizeof(entry));
	maker->dynamic++;
}

static void add_version(struct elf_maker *maker, const struct elf_words *words)
{
	Elf64_Verneed need = { .vn_version = 1, .vn_cnt = 1, .vn_aux = sizeof(need) };
	Elf64_Vernaux aux = { 0 };

	need.vn_file = (Elf64_Word)add_text(maker, words->needed[0]);
	aux.vna_name = (Elf64_Word)add_text(maker, words->version);
	memcpy(maker->bytes + VERSION_AT, &need, sizeof(need));
	memcpy(maker->bytes + VERSION_AT + sizeof(need), &aux, sizeof(aux));
	add_entry(maker, DT_VERNEED, VERSION_AT);
	add_entry(maker, DT_VERNEEDNUM, 1);
}

static void add_headers(struct elf_maker *maker, Elf64_Xword interpreter_at,
			const struct elf_words *words)
{
	Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
					   EV_CURRENT },
			      .e_type = ET_DYN,
			      .e_machine = EM_X86_64,
			      .e_phoff = sizeof(header),
			      .e_phentsize = sizeof(Elf64_Phdr),
			      .e_phnum = words->interpreter ? 3 : 2 };
	Elf64_Phdr program[3] = {
		{ .p_type = PT_LOAD, .p_filesz = FILE_BYTES },
		{ .p_type = PT_DYNAMIC,
		  .p_offset = DYNAMIC_AT,
		  .p_vaddr = DYNAMIC_AT,
		  .p_filesz = maker->dynamic * sizeof(Elf64_Dyn) },
		{ .p_type = PT_INTERP,
		  .p_offset = TEXTS_AT + interpreter_at,
		  .p_filesz = words->interpreter ? strlen(words->interpreter) + 1 : 0 },
	};

	memcpy(maker->bytes, &header, sizeof(header));
	memcpy(maker->bytes + sizeof(header), program, sizeof(program));
}

void host_elf(const struct host *host, const char *path, const struct elf_words *words)
{
	struct elf_maker maker = { .texts = 1 };
	Elf64_Xword interpreter_at = 0;

	for (size_t i = 0; i < array_count(words->needed) && words->needed[i]; i++)
		add_entry(&maker, DT_NEEDED, add_text(&maker, words->needed[i]));
	if (words->soname)
		add_entry(&maker, DT_SONAME, add_text(&maker, words->soname));
	if (words->rpath)
		add_entry(&maker, DT_RPATH, add_text(&maker, words->rpath));
	if (words->runpath)
		add_entry(&maker, DT_RUNPATH, add_text(&maker, words->runpath));
	if (words->interpreter)
		interpreter_at = add_text(&maker, words->interpreter);
	if (words->version)
		add_version(&maker, words);
	add_entry(&maker, DT_STRTAB, TEXTS_AT);
	add_entry(&maker, DT_STRSZ, VERSION_AT - TEXTS_AT);
	add_entry(&maker, DT_NULL, 0);
	add_headers(&maker, interpreter_at, words);
	host_bytes(host, path, maker.bytes, sizeof(maker.bytes));
}

/* ---- what came of it ---- */

static void print_item(const struct visible_item *item, struct buf *text)
{
	const char *slash = S_ISDIR(item->mode) ? "/" : "";

	if (item->kind == VISIBLE_LINK)
		buf_printf(text, "%s>%s\n", item->path, item->content);
	else if (item->kind == VISIBLE_FILE)
		buf_printf(text, "%s=%s\n", item->path, item->content);
	else if (item->kind != VISIBLE_HIDDEN && strcmp(item->source, item->path) != 0)
		buf_printf(text, "%s%s<%s\n", item->path, slash, item->source);
	else
		buf_printf(text, "%c%s%s\n",
			   item->kind == VISIBLE_HIDDEN ? '-'
			   : item->kind == VISIBLE_TREE ? '*'
							: '+',
			   item->path, item->kind == VISIBLE_HIDDEN ? "" : slash);
}

void assert_visible(struct visible *visible, const char *expected)
{
	struct err err = { 0 };
	auto_buf text = { 0 };

	if (visible_finish(visible, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < visible->count; i++)
		print_item(visible->item[i], &text);
	assert_string_equal(buf_text(&text), expected);
}
