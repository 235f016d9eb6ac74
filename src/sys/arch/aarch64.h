/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64: the system call instruction (syscall(2), "Architecture calling conventions"). */
#ifndef SYS_ARCH_AARCH64_H
#define SYS_ARCH_AARCH64_H

#include <linux/audit.h>

#define ARCH_AUDIT AUDIT_ARCH_AARCH64
#define ARCH_ELF   183 /* EM_AARCH64 */
#define ARCH_NAME  "aarch64"

static inline __attribute__((always_inline)) long raw_call(long nr, long a, long b, long c, long d,
							   long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}

#endif
