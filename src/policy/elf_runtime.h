/* SPDX-License-Identifier: Apache-2.0 */
/* What programs and libraries look for beside themselves, where no header of theirs says so: the
 * modules of an interpreter, the converters of libc, the providers of libcrypto. */
#ifndef POLICY_ELF_RUNTIME_H
#define POLICY_ELF_RUNTIME_H

#include "policy/elf_closure.h"

/* For all that the closure has read, and what comes along with that: the folders that the host has,
 * with what programs and libraries in them need. */
int elf_runtime_add(struct elf_closure *closure, struct err *err) must_check;

#endif
