// SPDX-License-Identifier: Apache-2.0
/* A program that makes one system call, exit(0): what fails around it is not its own. */
__attribute__((noreturn, used)) void _start(void);

void _start(void)
{
#ifdef __x86_64__
	__asm__ volatile("syscall" : : "a"(60L), "D"(0L) : "rcx", "r11", "memory");
#else
	register long number __asm__("x8") = 93;
	register long status __asm__("x0") = 0;

	__asm__ volatile("svc 0" : : "r"(number), "r"(status) : "memory");
#endif
	for (;;)
		;
}
