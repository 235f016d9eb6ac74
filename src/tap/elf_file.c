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

struct mapping {
	int fd; /* -1: zeroes */
	unsigned long offset;
	int prot;
	int fixed; /* MAP_FIXED or MAP_FIXED_NOREPLACE, which old kernels take as a hint */
};

static int map_at(unsigned long address, size_t size_bytes, const struct mapping *mapping)
{
	long r = raw6(__NR_mmap, address, size_bytes, mapping->prot,
		      MAP_PRIVATE | mapping->fixed | (mapping->fd < 0 ? MAP_ANONYMOUS : 0),
		      mapping->fd, mapping->offset);

	if (raw_is_error(r))
		return (int)r;
	if ((unsigned long)r == address)
		return 0;
	raw2(__NR_munmap, r, size_bytes);
	return -EEXIST;
}

static unsigned long first_page(const Elf64_Phdr *segment, unsigned long bias)
{
	return page_down(bias + segment->p_vaddr);
}

/* Behind the last page that the file fills, in part at least. */
static unsigned long file_end(const Elf64_Phdr *segment, unsigned long bias)
{
	return segment->p_filesz ? page_up(bias + segment->p_vaddr + segment->p_filesz)
				 : first_page(segment, bias);
}

static unsigned long last_end(const Elf64_Phdr *segment, unsigned long bias)
{
	return page_up(bias + segment->p_vaddr + segment->p_memsz);
}

/* What the file does not fill of its last page must read as zero, also where it is not writable. */
static int clear_tail(const Elf64_Phdr *segment, unsigned long bias)
{
	unsigned long from = bias + segment->p_vaddr + segment->p_filesz;
	unsigned long to = file_end(segment, bias);
	int prot = protection(segment);
	long r = 0;

	if (segment->p_memsz <= segment->p_filesz || !segment->p_filesz || from == to)
		return 0;
	if (!(prot & PROT_WRITE))
		r = raw3(__NR_mprotect, page_down(from), PAGE, prot | PROT_WRITE);
	if (r < 0)
		return (int)r;
	memset((void *)from, 0, to - from);
	if (!(prot & PROT_WRITE))
		r = raw3(__NR_mprotect, page_down(from), PAGE, prot);
	return (int)r;
}

static int map_segment(int fd, const Elf64_Phdr *segment, unsigned long bias, int fixed)
{
	unsigned long start = first_page(segment, bias);
	unsigned long filled = file_end(segment, bias);
	struct mapping mapping = { .fd = fd,
				   .offset = page_down(segment->p_offset),
				   .prot = protection(segment),
				   .fixed = fixed };
	int r = 0;

	if (filled > start)
		r = map_at(start, bias + segment->p_vaddr + segment->p_filesz - start, &mapping);
	if (r < 0)
		return r;
	mapping.fd = -1;
	mapping.offset = 0;
	if (last_end(segment, bias) > filled)
		r = map_at(filled, last_end(segment, bias) - filled, &mapping);
	if (r < 0 && filled > start)
		raw2(__NR_munmap, start, filled - start);
	return r < 0 ? r : clear_tail(segment, bias);
}

static void unmap_segment(const Elf64_Phdr *segment, unsigned long bias)
{
	raw2(__NR_munmap, first_page(segment, bias),
	     last_end(segment, bias) - first_page(segment, bias));
}

/* All but `mapped`, which may be NULL. Where something is in the way nothing stays. */
static int map_segments(int fd, const struct elf_file *elf, unsigned long bias, int fixed,
			const Elf64_Phdr *mapped)
{
	for (size_t i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &elf->program[i];
		int r;

		if (segment->p_type != PT_LOAD || segment == mapped)
			continue;
		r = map_segment(fd, segment, bias, fixed);
		if (r == 0)
			continue;
		while (r == -EEXIST && i-- > 0)
			if (elf->program[i].p_type == PT_LOAD)
				unmap_segment(&elf->program[i], bias);
		return r;
	}
	return 0;
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

static const Elf64_Phdr *highest(const struct elf_file *elf)
{
	for (size_t i = elf->header.e_phnum; i-- > 0;)
		if (elf->program[i].p_type == PT_LOAD)
			return &elf->program[i];
	return NULL;
}

/* Each segment by itself, without room reserved for all: every mapping that takes a piece out of
 * another costs as much as two. Where the kernel shall choose, it chooses for the highest segment,
 * below which everything is free: it goes downwards. -EEXIST: it has to be done otherwise. */
static int map_apart(int fd, const struct elf_file *elf, unsigned long hint,
		     unsigned long *ret_bias)
{
	const Elf64_Phdr *top = highest(elf);
	struct mapping mapping = { .fd = fd,
				   .offset = page_down(top->p_offset),
				   .prot = protection(top) };
	long r;

	*ret_bias = 0;
	if (elf->header.e_type == ET_DYN && hint)
		*ret_bias = ((hint + elf->align - 1) & ~(elf->align - 1)) - elf->low;
	if (elf->header.e_type == ET_EXEC || hint)
		return map_segments(fd, elf, *ret_bias, MAP_FIXED_NOREPLACE, NULL);
	if (elf->align > PAGE || !top->p_filesz || last_end(top, 0) > file_end(top, 0))
		return -EEXIST;
	r = raw6(__NR_mmap, NULL, file_end(top, 0) - first_page(top, 0), mapping.prot, MAP_PRIVATE,
		 fd, mapping.offset);
	if (raw_is_error(r))
		return (int)r;
	*ret_bias = (unsigned long)r - first_page(top, 0);
	r = clear_tail(top, *ret_bias);
	if (r == 0)
		r = map_segments(fd, elf, *ret_bias, MAP_FIXED_NOREPLACE, top);
	if (r == -EEXIST)
		unmap_segment(top, *ret_bias);
	return (int)r;
}

static int map_in_one_place(int fd, const struct elf_file *elf, unsigned long hint,
			    unsigned long *ret_bias)
{
	long base = reserve(elf, hint);

	if (raw_is_error(base))
		return (int)base;
	*ret_bias = (unsigned long)base - elf->low;
	return map_segments(fd, elf, *ret_bias, MAP_FIXED, NULL);
}

int elf_map(int fd, const struct elf_file *elf, unsigned long hint, struct elf_image *ret_image)
{
	struct elf_image image = { 0 };
	int r = map_apart(fd, elf, hint, &image.bias);

	if (r == -EEXIST)
		r = map_in_one_place(fd, elf, hint, &image.bias);
	if (r < 0)
		return r;
	for (size_t i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &elf->program[i];
		unsigned long table = elf->header.e_phoff;

		if (segment->p_type != PT_LOAD)
			continue;
		note_segment(&image, segment);
		if (table >= segment->p_offset && table < segment->p_offset + segment->p_filesz)
			image.headers = image.bias + segment->p_vaddr + table - segment->p_offset;
	}
	image.entry = image.bias + elf->header.e_entry;
	*ret_image = image;
	return 0;
}
