// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/probe.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#define INSTRUCTION_POINTER 8 /* offset in struct seccomp_data */

extern const char probe_site[]; /* behind the instruction that makes the call */

#if defined(__x86_64__)
__asm__(".text\n"
	".globl probe_call\n"
	"probe_call:\n"
	"	mov %rdi, %rax\n"
	"	mov 40(%rsi), %r9\n	mov 32(%rsi), %r8\n"
	"	mov 24(%rsi), %r10\n	mov 16(%rsi), %rdx\n"
	"	mov (%rsi), %rdi\n	mov 8(%rsi), %rsi\n"
	"	syscall\n"
	".globl probe_site\n"
	"probe_site:\n"
	"	ret\n");
#else
__asm__(".text\n"
	".globl probe_call\n"
	"probe_call:\n"
	"	mov x8, x0\n	mov x9, x1\n"
	"	ldp x0, x1, [x9]\n"
	"	ldp x2, x3, [x9, #16]\n"
	"	ldp x4, x5, [x9, #32]\n"
	"	svc #0\n"
	".globl probe_site\n"
	"probe_site:\n"
	"	ret\n");
#endif

uint32_t probe_address(void)
{
	return (uint32_t)(unsigned long)probe_site;
}

/* For all threads at once, as those without it would really make the call. */
long probe_prepare(void)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, INSTRUCTION_POINTER),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, probe_address(), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, INSTRUCTION_POINTER + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TAP_BASE >> 32, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)-PROBE_PASSED),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct {
		unsigned short count;
		const struct sock_filter *code;
	} program = { sizeof(code) / sizeof(code[0]), code };

	return raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}
