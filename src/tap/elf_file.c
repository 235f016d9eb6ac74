// SPDX-License-Identifier: Apache-2.0
/* As fs/binfmt_elf.c does it. */
#include "tap/elf_file.h"

#include <errno.h>
#include <linux/mman.h>
#include <string.h>

#include "sys/raw.h"

#define PAGE 4096ul

_Static_assert(offsetof(struct elf_file, program) == sizeof(Elf64_Ehdr), "read as one");

static unsigned long page_down(unsigned long address)
{
	return address & ~(PAGE - 1);
}

static unsigned long page_up(unsigned long address)
{
	return page_down(address + PAGE - 1);
}

static bool is_for_us(const Elf64_Ehdr *header)
{
	return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_machine == ARCH_ELF &&
	       (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
	       header->e_phentsize == sizeof(Elf64_Phdr) && header->e_phnum > 0 &&
	       header->e_phnum <= ELF_PROGRAM_HEADERS_MAX;
}

static void measure(struct elf_file *elf, const Elf64_Phdr *segment)
{
	unsigned long end = segment->p_vaddr + segment->p_memsz;

	if (elf->high == 0 || page_down(segment->p_vaddr) < elf->low)
		elf->low = page_down(segment->p_vaddr);
	if (end > elf->high)
		elf->high = end;
	if (segment->p_align > elf->align && !(segment->p_align & (segment->p_align - 1)))
		elf->align = segment->p_align;
}

/* The table is mostly read along with the header. */
#define READ_AHEAD (sizeof(Elf64_Ehdr) + 15 * sizeof(Elf64_Phdr))

static int read_headers(int fd, struct elf_file *elf)
{
	Elf64_Ehdr *header = &elf->header;
	long r = raw4(__NR_pread64, fd, elf, READ_AHEAD, 0);
	long size_bytes;

	if (r < 0)
		return (int)r;
	if (r < (long)sizeof(*header) || !is_for_us(header))
		return -ENOEXEC;
	size_bytes = (long)(header->e_phnum * sizeof(Elf64_Phdr));
	if (header->e_phoff == sizeof(*header) && r >= (long)sizeof(*header) + size_bytes)
		return 0;
	r = raw4(__NR_pread64, fd, elf->program, size_bytes, header->e_phoff);
	return r == size_bytes ? 0 : -ENOEXEC;
}

int elf_read(int fd, struct elf_file *ret_elf)
{
	const Elf64_Ehdr *header = &ret_elf->header;
	int r = read_headers(fd, ret_elf);

	if (r < 0)
		return r;
	ret_elf->low = ret_elf->high = 0;
	ret_elf->align = PAGE;
	ret_elf->has_interpreter = ret_elf->wants_executable_stack = false;
	for (size_t i = 0; i < header->e_phnum; i++) {
		const Elf64_Phdr *segment = &ret_elf->program[i];

		if (segment->p_type == PT_LOAD)
			measure(ret_elf, segment);
		else if (segment->p_type == PT_INTERP)
			ret_elf->has_interpreter = true;
		else if (segment->p_type == PT_GNU_STACK)
			ret_elf->wants_executable_stack = segment->p_flags & PF_X;
	}
	return ret_elf->high > ret_elf->low ? 0 : -ENOEXEC;
}

int elf_read_interpreter(int fd, const struct elf_file *elf, char *ret_path, size_t room_bytes)
{
	for (size_t i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &elf->program[i];

		if (segment->p_type != PT_INTERP)
			continue;
		if (segment->p_filesz < 2 || segment->p_filesz > room_bytes)
			return -ENOEXEC;
		if (raw4(__NR_pread64, fd, ret_path, segment->p_filesz, segment->p_offset) !=
			    (long)segment->p_filesz ||
		    ret_path[segment->p_filesz - 1] != '\0')
			return -ENOEXEC;
		return 0;
	}
	return -ENOEXEC;
}

static int protection(const Elf64_Phdr *segment)
{
	return (segment->p_flags & PF_R ? PROT_READ : 0) |
	       (segment->p_flags & PF_W ? PROT_WRITE : 0) |
	       (segment->p_flags & PF_X ? PROT_EXEC : 0);
}

/* What the file does not fill of its last page must read as zero, also where it is not writable. */
static int clear_tail(unsigned long from, unsigned long to, int prot)
{
	long r;

	if (from == to)
		return 0;
	if (!(prot & PROT_WRITE)) {
		r = raw3(__NR_mprotect, page_down(from), PAGE, prot | PROT_WRITE);
		if (r < 0)
			return (int)r;
	}
	memset((void *)from, 0, to - from);
	if (!(prot & PROT_WRITE))
		return (int)raw3(__NR_mprotect, page_down(from), PAGE, prot);
	return 0;
}

static int map_segment(int fd, const Elf64_Phdr *segment, unsigned long bias)
{
	unsigned long start = bias + segment->p_vaddr;
	unsigned long file_end = start + segment->p_filesz;
	unsigned long end = start + segment->p_memsz;
	unsigned long offset = start - page_down(start);
	unsigned long mapped_end = page_down(start);
	int prot = protection(segment);
	long r;

	if (segment->p_filesz) {
		r = raw6(__NR_mmap, page_down(start), segment->p_filesz + offset, prot,
			 MAP_PRIVATE | MAP_FIXED, fd, segment->p_offset - offset);
		if (raw_is_error(r))
			return (int)r;
		mapped_end = page_up(file_end);
	}
	if (end <= file_end)
		return 0;
	if (mapped_end < page_up(end)) {
		r = raw6(__NR_mmap, mapped_end, page_up(end) - mapped_end, prot,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (raw_is_error(r))
			return (int)r;
	}
	if (!segment->p_filesz)
		return 0;
	return clear_tail(file_end, mapped_end, prot);
}

static long reserve_at(unsigned long address, size_t size_bytes, int flags)
{
	return raw6(__NR_mmap, address, size_bytes, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

/* Room for the whole image, aligned as its most demanding segment. */
static long reserve(const struct elf_file *elf, unsigned long hint)
{
	size_t size_bytes = page_up(elf->high) - elf->low;
	unsigned long wanted = (hint + elf->align - 1) & ~(elf->align - 1);
	unsigned long start;
	long r;

	if (elf->header.e_type == ET_EXEC)
		return reserve_at(elf->low, size_bytes, MAP_FIXED_NOREPLACE);
	r = hint ? reserve_at(wanted, size_bytes, MAP_FIXED_NOREPLACE) : -EEXIST;
	if (!raw_is_error(r) || elf->align == PAGE)
		return raw_is_error(r) ? reserve_at(0, size_bytes, 0) : r;
	r = reserve_at(0, size_bytes + elf->align, 0);
	if (raw_is_error(r))
		return r;
	start = ((unsigned long)r + elf->align - 1) & ~(elf->align - 1);
	if (start > (unsigned long)r)
		raw2(__NR_munmap, r, start - (unsigned long)r);
	raw2(__NR_munmap, start + size_bytes, (unsigned long)r + elf->align - start);
	return (long)start;
}

static void note_segment(struct elf_image *image, const Elf64_Phdr *segment)
{
	unsigned long start = image->bias + segment->p_vaddr;
	unsigned long end = start + segment->p_filesz;

	if (!image->start_code || start < image->start_code)
		image->start_code = start;
	if (start > image->start_data)
		image->start_data = start;
	if ((segment->p_flags & PF_X) && end > image->end_code)
		image->end_code = end;
	if (end > image->end_data)
		image->end_data = end;
	if (start + segment->p_memsz > image->end_bss)
		image->end_bss = start + segment->p_memsz;
}

int elf_map(int fd, const struct elf_file *elf, unsigned long hint, struct elf_image *ret_image)
{
	long base = reserve(elf, hint);
	struct elf_image image = { .bias = (unsigned long)base - elf->low };

	if (raw_is_error(base))
		return (int)base;
	for (size_t i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &elf->program[i];
		unsigned long table = elf->header.e_phoff;
		int r;

		if (segment->p_type != PT_LOAD)
			continue;
		r = map_segment(fd, segment, image.bias);
		if (r < 0)
			return r;
		note_segment(&image, segment);
		if (table >= segment->p_offset && table < segment->p_offset + segment->p_filesz)
			image.headers = image.bias + segment->p_vaddr + table - segment->p_offset;
	}
	image.entry = image.bias + elf->header.e_entry;
	*ret_image = image;
	return 0;
}
