// SPDX-License-Identifier: Apache-2.0
/* An object is found by going back from the address page by page to an ELF header, and believed
 * only when one of its own executable segments holds the address. The last one found is remembered
 * but looked at again each time: a libc in a namespace of dlmopen(3) can be unloaded, and anything
 * be mapped in its place. Going back through a libc takes as long as fifty traps, so the programs
 * of a session tell each other how far it was. */
#include "tap/blob/text.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "tap/blob/blob.h"
#include "tap/blob/memory.h"

#define PAGE	     4096ul
#define OBJECT_MAX   (8ul << 20) /* bytes from the ELF header to the address */
#define SEGMENTS_MAX 32u	 /* libc has 14 */
#define NAME_ROOM    32u

static unsigned long musl_base;

static bool is_libc_name(const char *name)
{
	static const char *const names[] = { "libc.so.6", "libc.so", "ld-linux-x86-64.so.2",
					     "ld-linux-aarch64.so.1", "libpthread.so.0" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "libc.musl-", 10) == 0;
}

/* glibc relocates the table's addresses where they stand, musl does not. */
static bool has_libc_name(unsigned long base, const Elf64_Dyn *dynamic)
{
	char name[NAME_ROOM];
	unsigned long strings = 0;
	unsigned long offset = 0;
	Elf64_Dyn entry;

	do {
		if (memory_read(&entry, dynamic++, sizeof(entry)) < 0)
			return false;
		if (entry.d_tag == DT_STRTAB)
			strings = entry.d_un.d_ptr;
		if (entry.d_tag == DT_SONAME)
			offset = entry.d_un.d_val;
	} while (entry.d_tag != DT_NULL);
	if (!strings || !offset)
		return false;
	offset += strings < base ? base + strings : strings;
	return memory_read_string(name, (const char *)offset, sizeof(name), 1) >= 0 &&
	       is_libc_name(name);
}

static bool is_libc_at(unsigned long base, unsigned long address, size_t size_bytes)
{
	Elf64_Phdr segment[SEGMENTS_MAX];
	unsigned long dynamic = 0;
	bool holds = false;
	Elf64_Ehdr header;

	if (memory_read(&header, (const void *)base, sizeof(header)) < 0 ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_DYN ||
	    header.e_phentsize != sizeof(segment[0]) || header.e_phnum > SEGMENTS_MAX ||
	    memory_read(segment, (const void *)(base + header.e_phoff),
			header.e_phnum * sizeof(segment[0])) < 0)
		return false;
	for (size_t i = 0; i < header.e_phnum; i++) {
		unsigned long low = base + segment[i].p_vaddr;

		if (segment[i].p_type == PT_DYNAMIC)
			dynamic = low;
		if (segment[i].p_type == PT_LOAD && (segment[i].p_flags & PF_X) && address >= low &&
		    address + size_bytes <= low + segment[i].p_filesz)
			holds = true;
	}
	return holds && dynamic &&
	       (base == musl_base || has_libc_name(base, (const Elf64_Dyn *)dynamic));
}

static unsigned long find_base(unsigned long address)
{
	for (unsigned long at = address & ~(PAGE - 1); address - at < OBJECT_MAX; at -= PAGE) {
		if (!memory_is_readable((const void *)at, SELFMAG))
			return 0;
		if (memcmp((const void *)at, ELFMAG, SELFMAG) == 0)
			return at;
	}
	return 0;
}

/* Places where libc is mapped differ by whole pages. Distances that share a place push each other
 * out: no harm. */
static uint32_t *distance_of(unsigned long address)
{
	struct tap_page *page = (struct tap_page *)(uintptr_t)tap.page;

	return &page->distances[(address ^ address >> 6) % TAP_DISTANCES];
}

static unsigned long find_libc(unsigned long address, size_t size_bytes)
{
	uint32_t *distance = distance_of(address & (PAGE - 1));
	unsigned long base = address - __atomic_load_n(distance, __ATOMIC_RELAXED);

	if (base % PAGE == 0 && is_libc_at(base, address, size_bytes))
		return base;
	base = find_base(address);
	if (!base || !is_libc_at(base, address, size_bytes))
		return 0;
	__atomic_store_n(distance, (uint32_t)(address - base), __ATOMIC_RELAXED);
	return base;
}

bool text_is_libc(unsigned long address, size_t size_bytes)
{
	static unsigned long last_base;
	unsigned long base = last_base;

	if (base && is_libc_at(base, address, size_bytes))
		return true;
	base = find_libc(address, size_bytes);
	if (base)
		last_base = base;
	return base != 0;
}

void text_know_musl(unsigned long base)
{
	musl_base = base;
}
