/* SPDX-License-Identifier: Apache-2.0 */
/* What an ELF file says it needs of others: its interpreter, libraries, where to look for them, and
 * which versions of the C library's symbols; and which versions it has itself (System V ABI,
 * chapter 5; GNU symbol versions).
 *
 * Either class and byte order. The file is not trusted: all offsets are checked. */
#ifndef CODEC_ELF_NEEDS_H
#define CODEC_ELF_NEEDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strings.h"

#define ELF_NEEDED_MAX 4096 /* entries of one file */

struct elf_needs {
	unsigned char class; /* ELFCLASS32, ELFCLASS64 */
	uint16_t machine;    /* EM_X86_64 ... */
	char *interpreter;   /* PT_INTERP or NULL */
	char *soname;	     /* or NULL */
	char *rpath;	     /* DT_RPATH or NULL; to be ignored where there is a runpath */
	char *runpath;
	struct strings needed;	 /* DT_NEEDED, in order */
	struct strings opened;	 /* sonames it says it opens by dlopen(3) where they are there: ELF
				    notes of type FDO_PACKAGING_DLOPEN_METADATA (uapi-group.org,
				    "ELF dlopen metadata"), in order */
	struct strings versions; /* "libc.so.6 GLIBC_2.34", in order */
	struct strings defined;	 /* those it has for others, "GLIBC_2.34", in order */
	bool is_dynamic;	 /* it has a dynamic section */
};

void elf_needs_done(struct elf_needs *needs);
#define auto_elf_needs cleanup(elf_needs_done) struct elf_needs

/* -ENOEXEC: not an ELF file, err is untouched. -EUCLEAN: one that contradicts itself. */
int elf_read_needs(int fd, struct elf_needs *ret_needs, struct err *err) must_check;

#endif
