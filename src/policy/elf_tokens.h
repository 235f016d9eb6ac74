/* SPDX-License-Identifier: Apache-2.0 */
/* $ORIGIN, $LIB and $PLATFORM in the paths of an ELF file, ld.so(8). */
#ifndef POLICY_ELF_TOKENS_H
#define POLICY_ELF_TOKENS_H

#include <stddef.h>

#include "base/buf.h"
#include "codec/elf_needs.h"

/* Debian's name for the machine that the program is for, "x86_64-linux-gnu"; "": none is known. */
const char *elf_triplet(const struct elf_needs *program);
/* The kernel's name for it, "x86_64"; "": none is known. */
const char *elf_platform(const struct elf_needs *program);

/* Adds `length` bytes of `text` with the tokens replaced; `origin` is the folder of the file that
 * has the text, `lib` what the linker of `program` takes for $LIB. */
void elf_expand(const struct elf_needs *program, const char *origin, const char *lib,
		const char *text, size_t length, struct buf *ret_text);

#endif
