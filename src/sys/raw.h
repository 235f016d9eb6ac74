/* SPDX-License-Identifier: Apache-2.0 */
/* System calls without libc, for code that runs both in the tap (no libc, and the instruction must
 * lie in the tap's own text) and in a hosted program. All return the result or -errno. */
#ifndef SYS_RAW_H
#define SYS_RAW_H

#include <asm/unistd.h>
#include <linux/stat.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include "sys/arch/x86_64.h"
#elif defined(__aarch64__)
#include "sys/arch/aarch64.h"
#else
#error "no sys/arch header for this architecture"
#endif

#define RAW_ARG_(value)	     ((long)(value))
#define raw0(nr)	     raw_call(nr, 0, 0, 0, 0, 0, 0)
#define raw1(nr, a)	     raw_call(nr, RAW_ARG_(a), 0, 0, 0, 0, 0)
#define raw2(nr, a, b)	     raw_call(nr, RAW_ARG_(a), RAW_ARG_(b), 0, 0, 0, 0)
#define raw3(nr, a, b, c)    raw_call(nr, RAW_ARG_(a), RAW_ARG_(b), RAW_ARG_(c), 0, 0, 0)
#define raw4(nr, a, b, c, d) raw_call(nr, RAW_ARG_(a), RAW_ARG_(b), RAW_ARG_(c), RAW_ARG_(d), 0, 0)
#define raw5(nr, a, b, c, d, e) \
	raw_call(nr, RAW_ARG_(a), RAW_ARG_(b), RAW_ARG_(c), RAW_ARG_(d), RAW_ARG_(e), 0)
#define raw6(nr, a, b, c, d, e, f) \
	raw_call(nr, RAW_ARG_(a), RAW_ARG_(b), RAW_ARG_(c), RAW_ARG_(d), RAW_ARG_(e), RAW_ARG_(f))

/* What mmap(2) and friends return: an address, or an error in the last page. */
static inline int raw_is_error(long result)
{
	return (unsigned long)result >= (unsigned long)-4095L;
}

#endif
