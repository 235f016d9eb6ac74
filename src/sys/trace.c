// SPDX-License-Identifier: Apache-2.0
#include "sys/trace.h"

#include <elf.h>
#include <errno.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

#define PAGE_BYTES 4096ul

/* The call itself: libc's PEEK requests have another convention, and its header cannot be had
 * together with the kernel's. */
static int request(long what, pid_t tid, unsigned long address, const void *data)
{
	return syscall(SYS_ptrace, what, tid, address, data) < 0 ? -errno : 0;
}

static int request_number(long what, pid_t tid, unsigned long address, unsigned long number)
{
	return syscall(SYS_ptrace, what, tid, address, number) < 0 ? -errno : 0;
}

#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)

int trace_seize(pid_t pid)
{
	int r = request_number(PTRACE_SEIZE, pid, 0, OPTIONS);

	return r < 0 ? r : request_number(PTRACE_INTERRUPT, pid, 0, 0);
}

static bool is_stop_signal(int number)
{
	return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

enum trace_stop trace_stop_of(int status)
{
	switch (status >> 16) {
	case 0:
		return WSTOPSIG(status) == (SIGTRAP | 0x80) ? TRACE_STOP_EDGE : TRACE_STOP_SIGNAL;
	case PTRACE_EVENT_SECCOMP:
		return TRACE_STOP_CALL;
	case PTRACE_EVENT_CLONE:
		return TRACE_STOP_CLONE;
	case PTRACE_EVENT_FORK:
		return TRACE_STOP_FORK;
	case PTRACE_EVENT_VFORK:
		return TRACE_STOP_VFORK;
	case PTRACE_EVENT_EXEC:
		return TRACE_STOP_EXEC;
	case PTRACE_EVENT_STOP:
		return is_stop_signal(WSTOPSIG(status)) ? TRACE_STOP_GROUP : TRACE_STOP_OTHER;
	default:
		return TRACE_STOP_OTHER;
	}
}

int trace_message(pid_t tid, unsigned long *ret_message)
{
	return request(PTRACE_GETEVENTMSG, tid, 0, ret_message);
}

int trace_continue(pid_t tid, int signal)
{
	return request_number(PTRACE_CONT, tid, 0, (unsigned long)signal);
}

int trace_to_edge(pid_t tid, int signal)
{
	return request_number(PTRACE_SYSCALL, tid, 0, (unsigned long)signal);
}

int trace_step(pid_t tid, int signal)
{
	return request_number(PTRACE_SINGLESTEP, tid, 0, (unsigned long)signal);
}

int trace_interrupt(pid_t tid)
{
	return request_number(PTRACE_INTERRUPT, tid, 0, 0);
}

int trace_set_more_options(pid_t tid, unsigned more)
{
	return request_number(PTRACE_SETOPTIONS, tid, 0, OPTIONS | more);
}

long trace_ask(long what, pid_t tid, unsigned long address, void *data)
{
	long r = syscall(SYS_ptrace, what, tid, address, data);

	return r < 0 ? -errno : r;
}

int trace_listen(pid_t tid)
{
	return request_number(PTRACE_LISTEN, tid, 0, 0);
}

int trace_registers(pid_t tid, struct registers *ret_registers)
{
	struct iovec set = { &ret_registers->user, sizeof(ret_registers->user) };
	int r = request(PTRACE_GETREGSET, tid, NT_PRSTATUS, &set);

	/* A program of 32 bits has a shorter set, in another layout. */
	if (r == 0 && set.iov_len != sizeof(ret_registers->user))
		memset(&ret_registers->user, 0, sizeof(ret_registers->user));
#if defined(__aarch64__)
	int call = -1;
	struct iovec call_set = { &call, sizeof(call) };

	if (r == 0)
		r = request(PTRACE_GETREGSET, tid, NT_ARM_SYSTEM_CALL, &call_set);
	ret_registers->call = call;
	ret_registers->set_call = false;
#endif
	return r;
}

int trace_set_registers(pid_t tid, const struct registers *registers)
{
	struct register_set user = registers->user;
	struct iovec set = { &user, sizeof(user) };
	int r = request(PTRACE_SETREGSET, tid, NT_PRSTATUS, &set);
#if defined(__aarch64__)
	int call = (int)registers->call;
	struct iovec call_set = { &call, sizeof(call) };

	if (r == 0 && registers->set_call)
		r = request(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &call_set);
#endif
	return r;
}

unsigned trace_architecture(pid_t tid)
{
	struct ptrace_syscall_info info = { 0 };
	long r = syscall(SYS_ptrace, PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info);

	return r > 0 ? info.arch : 0;
}

/* --- memory. process_vm_readv(2) and its sister need one call for any size; a filter of the host
 * may forbid them, and then words go one by one. */

static bool is_forbidden(ssize_t r)
{
	return r < 0 && (errno == ENOSYS || errno == EPERM);
}

static ssize_t peek(pid_t tid, unsigned long from, unsigned char *to, size_t size_bytes)
{
	size_t done = 0;

	while (done < size_bytes) {
		unsigned long at = from + done;
		size_t skip = at % sizeof(long);
		size_t part = sizeof(long) - skip;
		unsigned long word;

		if (part > size_bytes - done)
			part = size_bytes - done;
		if (request(PTRACE_PEEKDATA, tid, at - skip, &word) < 0)
			break;
		memcpy(to + done, (unsigned char *)&word + skip, part);
		done += part;
	}
	return (ssize_t)done;
}

static ssize_t poke(pid_t tid, unsigned long to, const unsigned char *from, size_t size_bytes)
{
	size_t done = 0;

	while (done < size_bytes) {
		unsigned long at = to + done;
		size_t skip = at % sizeof(long);
		size_t part = sizeof(long) - skip;
		unsigned long word;

		if (part > size_bytes - done)
			part = size_bytes - done;
		if (request(PTRACE_PEEKDATA, tid, at - skip, &word) < 0)
			break;
		memcpy((unsigned char *)&word + skip, from + done, part);
		if (request_number(PTRACE_POKEDATA, tid, at - skip, word) < 0)
			break;
		done += part;
	}
	return (ssize_t)done;
}

/* As much as is there. */
static ssize_t read_some(pid_t tid, unsigned long from, void *to, size_t size_bytes)
{
	struct iovec here = { to, size_bytes };
	struct iovec there = { (void *)from, size_bytes };
	ssize_t r = process_vm_readv(tid, &here, 1, &there, 1, 0);

	return is_forbidden(r) ? peek(tid, from, to, size_bytes) : r;
}

int trace_read(pid_t tid, unsigned long from, void *to, size_t size_bytes)
{
	return read_some(tid, from, to, size_bytes) == (ssize_t)size_bytes ? 0 : -EFAULT;
}

int trace_write(pid_t tid, unsigned long to, const void *from, size_t size_bytes)
{
	struct iovec here = { (void *)(unsigned long)from, size_bytes };
	struct iovec there = { (void *)to, size_bytes };
	ssize_t r = process_vm_writev(tid, &here, 1, &there, 1, 0);

	if (is_forbidden(r))
		r = poke(tid, to, from, size_bytes);
	return r == (ssize_t)size_bytes ? 0 : -EFAULT;
}

/* Not across the end of a page unless the string is: what comes behind may not be there. Most paths
 * are short, and copying less is quicker. */
long trace_read_text(pid_t tid, unsigned long from, char *to, size_t room_bytes)
{
	size_t done = 0;

	while (done < room_bytes) {
		size_t part = PAGE_BYTES - (from + done) % PAGE_BYTES;
		size_t likely = done == 0 ? 256 : PAGE_BYTES;
		const char *end;

		if (part > likely)
			part = likely;
		if (part > room_bytes - done)
			part = room_bytes - done;
		if (read_some(tid, from + done, to + done, part) != (ssize_t)part)
			return -EFAULT;
		end = memchr(to + done, '\0', part);
		if (end)
			return end - to;
		done += part;
	}
	return -ENAMETOOLONG;
}
