/* SPDX-License-Identifier: Apache-2.0 */
/* A call with changed arguments, after which everything is as it was: %r9 leads to struct
 * loader_through. What a system call leaves in %rcx is where it returns to, here as well. */
	.section .text.through, "ax", @progbits
	.globl loader_through
loader_through:
	syscall
	mov (%r9), %rdi
	mov 8(%r9), %rsi
	mov 16(%r9), %rdx
	mov 24(%r9), %r10
	mov 40(%r9), %rcx
	mov 32(%r9), %r9
	jmp *%rcx
	.section .note.GNU-stack, "", @progbits
