/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: the registers of an interrupted system call, and leaving for good. */
#ifndef TAP_BLOB_ARCH_X86_64_H
#define TAP_BLOB_ARCH_X86_64_H

#include <ucontext.h>

#define RESTORER_FLAG	0x04000000ul	 /* SA_RESTORER */
#define PIE_BASE	0x555555554000ul /* ELF_ET_DYN_BASE, arch/x86/include/asm/elf.h */
#define PIE_RANDOM_BITS 28

static inline void context_read_call(const ucontext_t *context, long *nr, long arg[6])
{
	const greg_t *r = context->uc_mcontext.gregs;

	*nr = (long)r[REG_RAX];
	arg[0] = (long)r[REG_RDI];
	arg[1] = (long)r[REG_RSI];
	arg[2] = (long)r[REG_RDX];
	arg[3] = (long)r[REG_R10];
	arg[4] = (long)r[REG_R8];
	arg[5] = (long)r[REG_R9];
}

static inline void context_set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.gregs[REG_RAX] = result;
}

static inline unsigned long context_stack_pointer(const ucontext_t *context)
{
	return (unsigned long)context->uc_mcontext.gregs[REG_RSP];
}

/* The instruction after the system call. */
static inline unsigned long context_return_address(const ucontext_t *context)
{
	return (unsigned long)context->uc_mcontext.gregs[REG_RIP];
}

static inline void context_set_address(ucontext_t *context, unsigned long address)
{
	context->uc_mcontext.gregs[REG_RIP] = (greg_t)address;
}

static inline void context_set_stack(ucontext_t *context, unsigned long stack_pointer)
{
	context->uc_mcontext.gregs[REG_RSP] = (greg_t)stack_pointer;
}

/* Where the kernel finds the frame when rt_sigreturn is called with this stack pointer. */
static inline ucontext_t *frame_context(unsigned long stack_pointer)
{
	return (ucontext_t *)stack_pointer;
}

/* A call made with another stack pointer: sigaltstack(2) looks at it. Nothing is put on that stack
 * but, should one come at this moment, the frame of a signal. */
static inline long call_on_stack(unsigned long stack_pointer, long nr, long a, long b)
{
	long result;

	__asm__ volatile("mov %%rsp, %%rbx\n\tmov %[sp], %%rsp\n\tsyscall\n\tmov %%rbx, %%rsp"
			 : "=a"(result)
			 : "0"(nr), "D"(a), "S"(b), [sp] "r"(stack_pointer)
			 : "rbx", "rcx", "r11", "memory");
	return result;
}

/* rt_sigreturn as if called where the program called it; our own frame is abandoned. */
static inline __attribute__((noreturn)) void return_from_signal(unsigned long stack_pointer)
{
	__asm__ volatile("mov %0, %%rsp\n\tmov $15, %%eax\n\tsyscall\n\thlt"
			 :
			 : "r"(stack_pointer));
	__builtin_unreachable();
}

/* As the kernel starts a program: everything but the stack pointer is 0. */
static inline __attribute__((noreturn)) void enter_program(unsigned long entry, unsigned long stack)
{
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "push %1\n\t"
			 "xor %%eax, %%eax\n\txor %%ebx, %%ebx\n\txor %%ecx, %%ecx\n\t"
			 "xor %%edx, %%edx\n\txor %%esi, %%esi\n\txor %%edi, %%edi\n\t"
			 "xor %%ebp, %%ebp\n\txor %%r8d, %%r8d\n\txor %%r9d, %%r9d\n\t"
			 "xor %%r10d, %%r10d\n\txor %%r11d, %%r11d\n\txor %%r12d, %%r12d\n\t"
			 "xor %%r13d, %%r13d\n\txor %%r14d, %%r14d\n\txor %%r15d, %%r15d\n\t"
			 "ret"
			 :
			 : "r"(stack), "r"(entry));
	__builtin_unreachable();
}

#endif
