/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of a process that is stopped at a system call (syscall(2), "Architecture calling
 * conventions"). Plain data: trace.h reads and writes them. */
#ifndef SYS_REGISTERS_H
#define SYS_REGISTERS_H

#include <stdbool.h>

#if defined(__x86_64__)

/* As NT_PRSTATUS has them: struct user_regs_struct, whose header has names of ours. */
struct register_set {
	unsigned long r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	unsigned long orig_rax, rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

struct registers {
	struct register_set user;
};

static inline long registers_call(const struct registers *registers)
{
	return (long)registers->user.orig_rax;
}

static inline void registers_set_call(struct registers *registers, long number)
{
	registers->user.orig_rax = (unsigned long)number;
}

/* One of six. */
static inline unsigned long *registers_arg(struct registers *registers, unsigned index)
{
	struct register_set *user = &registers->user;
	unsigned long *const arg[] = { &user->rdi, &user->rsi, &user->rdx,
				       &user->r10, &user->r8,  &user->r9 };

	return arg[index];
}

static inline long registers_result(const struct registers *registers)
{
	return (long)registers->user.rax;
}

static inline void registers_set_result(struct registers *registers, long result)
{
	registers->user.rax = (unsigned long)result;
}

static inline unsigned long registers_stack(const struct registers *registers)
{
	return registers->user.rsp;
}

static inline unsigned long registers_instruction(const struct registers *registers)
{
	return registers->user.rip;
}

static inline void registers_set_instruction(struct registers *registers, unsigned long at)
{
	registers->user.rip = at;
}

/* Of the instruction that makes a system call. */
#define REGISTERS_CALL_BYTES 2u

/* As execve(2) leaves them. */
static inline void registers_begin_program(struct registers *registers, long call,
					   unsigned long entry, unsigned long stack)
{
	struct register_set *user = &registers->user;
	struct register_set fresh = { .orig_rax = (unsigned long)call,
				      .rip = entry,
				      .cs = user->cs,
				      .eflags = user->eflags,
				      .rsp = stack,
				      .ss = user->ss,
				      .fs_base = user->fs_base,
				      .gs_base = user->gs_base };

	*user = fresh;
}

/* Bytes below the stack pointer that belong to the program (the psABI's red zone). */
#define REGISTERS_RED_ZONE 128u

/* Did the process enter the kernel as a program of this architecture? Code of 64 bits that uses
 * int $0x80 looks as if, here: a filter tells the two apart. */
static inline bool registers_are_native(const struct registers *registers)
{
	return registers->user.cs == 0x33;
}

#elif defined(__aarch64__)

struct register_set {
	unsigned long regs[31], sp, pc, pstate;
};

struct registers {
	struct register_set user;
	long call;     /* a register set of its own, NT_ARM_SYSTEM_CALL */
	bool set_call; /* it was changed */
};

static inline long registers_call(const struct registers *registers)
{
	return registers->call;
}

static inline void registers_set_call(struct registers *registers, long number)
{
	registers->call = number;
	registers->set_call = true;
}

static inline unsigned long *registers_arg(struct registers *registers, unsigned index)
{
	return &registers->user.regs[index];
}

static inline long registers_result(const struct registers *registers)
{
	return (long)registers->user.regs[0];
}

static inline void registers_set_result(struct registers *registers, long result)
{
	registers->user.regs[0] = (unsigned long)result;
}

static inline unsigned long registers_stack(const struct registers *registers)
{
	return registers->user.sp;
}

static inline unsigned long registers_instruction(const struct registers *registers)
{
	return registers->user.pc;
}

static inline void registers_set_instruction(struct registers *registers, unsigned long at)
{
	registers->user.pc = at;
}

#define REGISTERS_CALL_BYTES 4u

static inline void registers_begin_program(struct registers *registers, long call,
					   unsigned long entry, unsigned long stack)
{
	struct register_set fresh = { .sp = stack, .pc = entry, .pstate = registers->user.pstate };

	registers->user = fresh;
	registers->call = call;
}

#define REGISTERS_RED_ZONE 0u

static inline bool registers_are_native(const struct registers *registers)
{
	return !(registers->user.pstate & 0x10); /* PSR_MODE32_BIT */
}

#else
#error "no registers for this architecture"
#endif

/* Do not make the call; the program gets `result`. */
static inline void registers_answer(struct registers *registers, long result)
{
	registers_set_call(registers, -1);
	registers_set_result(registers, result);
}

#endif
