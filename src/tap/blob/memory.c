// SPDX-License-Identifier: Apache-2.0
/* The kernel is asked whether a page can be read: rt_sigprocmask with a `how` that does not exist
 * copies its argument in and then fails with EINVAL, without any effect (kernel/signal.c). That is
 * cheaper than process_vm_readv and no filter of a container refuses it. Between the question and
 * the access another thread could unmap the page; a program that does that to an argument of a
 * running system call crashes here where it would have got EFAULT. */
#include "tap/blob/memory.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "sys/raw.h"
#include "tap/blob/blob.h"

#define PAGE	      4096ul
#define NO_SUCH_HOW   99
#define PENDING_BYTES 8u /* of a set of signals */

/* Far less than the kernel leaves free below a program's first stack. */
#define STACK_BYTES (16ul << 20)

/* From where we are up to where it began, the first thread's stack is there. */
static bool is_on_stack(uintptr_t address)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return address >= here && address < tap.stack_top && tap.stack_top - here < STACK_BYTES;
}

/* Not the first word: at address 0 it would mean that there is no mask to read. */
static bool page_is_readable(uintptr_t address)
{
	if (is_on_stack(address))
		return true;
	return raw4(__NR_rt_sigprocmask, NO_SUCH_HOW, (address & ~(PAGE - 1)) + 8, 0, 8) != -EFAULT;
}

bool memory_is_readable(const void *program_address, size_t size_bytes)
{
	uintptr_t at = (uintptr_t)program_address;
	uintptr_t end = at + size_bytes;

	if (end < at)
		return false;
	for (; at < end; at = (at & ~(PAGE - 1)) + PAGE)
		if (!page_is_readable(at))
			return false;
	return true;
}

/* rt_sigpending(2) copies its answer out. */
bool memory_is_writable(void *program_address, size_t size_bytes)
{
	uintptr_t at = (uintptr_t)program_address;
	uintptr_t last = at + size_bytes - PENDING_BYTES;
	bool is_one_page = at / PAGE == (at + size_bytes - 1) / PAGE;

	return raw2(__NR_rt_sigpending, at, PENDING_BYTES) == 0 &&
	       (is_one_page || raw2(__NR_rt_sigpending, last, PENDING_BYTES) == 0);
}

int memory_read(void *to, const void *program_address, size_t size_bytes)
{
	if (!memory_is_readable(program_address, size_bytes))
		return -EFAULT;
	memcpy(to, program_address, size_bytes);
	return 0;
}

int memory_write(void *program_address, const void *from, size_t size_bytes)
{
	struct iovec local = { (void *)(uintptr_t)from, size_bytes };
	struct iovec remote = { program_address, size_bytes };
	long pid = raw0(__NR_getpid);
	long r = raw6(__NR_process_vm_writev, pid, &local, 1, &remote, 1, 0);

	if (r == (long)size_bytes)
		return 0;
	if (r != -ENOSYS && r != -EPERM)
		return -EFAULT;
	/* A container's filter forbids it: as good as can be. */
	if (!memory_is_readable(program_address, size_bytes))
		return -EFAULT;
	memcpy(program_address, from, size_bytes);
	return 0;
}

long memory_read_string(char *to, const char *program_address, size_t room_bytes, int too_long)
{
	for (size_t i = 0; i < room_bytes; i++) {
		uintptr_t at = (uintptr_t)program_address + i;

		if ((i == 0 || at % PAGE == 0) && !page_is_readable(at))
			return -EFAULT;
		to[i] = *(const char *)at;
		if (!to[i])
			return (long)i;
	}
	return -too_long;
}

bool memory_string_starts(const char *program_address, const char *prefix)
{
	for (size_t i = 0; prefix[i]; i++) {
		uintptr_t at = (uintptr_t)program_address + i;

		if ((i == 0 || at % PAGE == 0) && !page_is_readable(at))
			return false;
		if (*(const char *)at != prefix[i])
			return false;
	}
	return true;
}

bool memory_string_is(const char *program_address, const char *text)
{
	uintptr_t end = (uintptr_t)program_address + strlen(text);

	return memory_string_starts(program_address, text) && memory_is_readable((void *)end, 1) &&
	       *(const char *)end == '\0';
}
