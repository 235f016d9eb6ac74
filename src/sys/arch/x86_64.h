/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: the system call instruction (syscall(2), "Architecture calling conventions"). */
#ifndef SYS_ARCH_X86_64_H
#define SYS_ARCH_X86_64_H

#include <linux/audit.h>

#define ARCH_AUDIT AUDIT_ARCH_X86_64
#define ARCH_ELF   62 /* EM_X86_64 */
#define ARCH_NAME  "x86_64"

static inline __attribute__((always_inline)) long raw_call(long nr, long a, long b, long c, long d,
							   long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#endif
