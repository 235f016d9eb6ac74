/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64: the registers of an interrupted system call, and leaving for good. */
#ifndef TAP_BLOB_ARCH_AARCH64_H
#define TAP_BLOB_ARCH_AARCH64_H

#include <ucontext.h>

#define RESTORER_FLAG	0ul	       /* the kernel returns through the vdso */
#define PIE_BASE	0x5555555000ul /* 2/3 of a 39-bit address space */
#define PIE_RANDOM_BITS 18

static inline void context_read_call(const ucontext_t *context, long *nr, long arg[6])
{
	for (int i = 0; i < 6; i++)
		arg[i] = (long)context->uc_mcontext.regs[i];
	*nr = (long)context->uc_mcontext.regs[8];
}

static inline void context_set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.regs[0] = (unsigned long)result;
}

static inline unsigned long context_stack_pointer(const ucontext_t *context)
{
	return context->uc_mcontext.sp;
}

static inline unsigned long context_return_address(const ucontext_t *context)
{
	return context->uc_mcontext.pc;
}

static inline void context_set_address(ucontext_t *context, unsigned long address)
{
	context->uc_mcontext.pc = address;
}

static inline void context_set_stack(ucontext_t *context, unsigned long stack_pointer)
{
	context->uc_mcontext.sp = stack_pointer;
}

/* struct rt_sigframe begins with the siginfo (arch/arm64/kernel/signal.c). */
static inline ucontext_t *frame_context(unsigned long stack_pointer)
{
	return (ucontext_t *)(stack_pointer + 128);
}

static inline long call_on_stack(unsigned long stack_pointer, long nr, long a, long b)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;

	__asm__ volatile("mov x19, sp\n\tmov sp, %[sp]\n\tsvc #0\n\tmov sp, x19"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), [sp] "r"(stack_pointer)
			 : "x19", "memory", "cc");
	return x0;
}

static inline __attribute__((noreturn)) void return_from_signal(unsigned long stack_pointer)
{
	__asm__ volatile("mov sp, %0\n\tmov x8, #139\n\tsvc #0\n\tbrk #1" : : "r"(stack_pointer));
	__builtin_unreachable();
}

static inline __attribute__((noreturn)) void enter_program(unsigned long entry, unsigned long stack)
{
	__asm__ volatile("mov sp, %0\n\tmov x0, #0\n\tmov x29, #0\n\tmov x30, #0\n\tbr %1"
			 :
			 : "r"(stack), "r"(entry));
	__builtin_unreachable();
}

#endif
