/* SPDX-License-Identifier: Apache-2.0 */
/* What an ELF file wants: read before an exec, to give its errors to the caller, and after it, to
 * map the file. */
#ifndef TAP_ELF_FILE_H
#define TAP_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>

#define ELF_PROGRAM_HEADERS_MAX 64

struct elf_file {
	Elf64_Ehdr header;
	Elf64_Phdr program[ELF_PROGRAM_HEADERS_MAX]; /* right behind the header, as in most files */
	bool has_interpreter;
	bool wants_executable_stack;
	unsigned long low;   /* addresses as linked: of the first byte, page aligned */
	unsigned long high;  /* and behind the last */
	unsigned long align; /* largest p_align */
};

/* 0; -ENOEXEC: not an ELF file for this machine; or what pread(2) failed with. */
int elf_read(int fd, struct elf_file *ret_elf);
/* Copy PT_INTERP; 0 or -ENOEXEC. */
int elf_read_interpreter(int fd, const struct elf_file *elf, char *ret_path, size_t room_bytes);

struct elf_image {
	unsigned long bias; /* added to addresses as linked */
	unsigned long entry;
	unsigned long headers; /* AT_PHDR */
	unsigned long start_code, end_code, start_data, end_data, end_bss;
};

/* Map it; position-independent files near `hint` unless that is 0. 0 or -errno. */
int elf_map(int fd, const struct elf_file *elf, unsigned long hint, struct elf_image *ret_image);

#endif
