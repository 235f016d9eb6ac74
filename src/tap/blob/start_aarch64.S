/* SPDX-License-Identifier: Apache-2.0 */
	.section .text.first, "ax", @progbits
	.globl _start
_start:
	mov x29, #0
	mov x30, #0
	mov x0, sp
	bl tap_begin
	brk #1

/* Not used: the kernel returns from handlers through the vdso. */
	.text
	.globl tap_restorer
tap_restorer:
	mov x8, #139
	svc #0
	brk #1
	.section .note.GNU-stack, "", @progbits
