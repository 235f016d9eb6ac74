/* SPDX-License-Identifier: Apache-2.0 */
/* Whose code is it? Only libc's text is ever rewritten: C code with a C stack under it, whose bytes
 * nobody reads but the processor. */
#ifndef TAP_BLOB_TEXT_H
#define TAP_BLOB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Do these bytes lie in an executable segment of a shared object that is a libc by its name,
 * or the dynamic linker of one? A page that a program generates code into is
 * none, wherever it lies, nor is a static program, nor one of Go's. */
bool text_is_libc(unsigned long address, size_t size_bytes);
/* The program's interpreter was mapped here, and it is musl's: its libc, without DT_SONAME. */
void text_know_musl(unsigned long base);

#endif
