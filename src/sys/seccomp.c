// SPDX-License-Identifier: Apache-2.0
/* The fake-success filter, assembled from one table. */
#include "sys/seccomp.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

#ifdef __x86_64__
#define ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_NATIVE AUDIT_ARCH_AARCH64
#else
#error "add this architecture's AUDIT_ARCH"
#endif

enum { ABSENT = -1 };

/* The calls whose success is pretended. mode_argument: the argument that holds a mknod's mode;
 * only devices are pretended, fifos and sockets are made. 0: always pretend. i386 numbers are in
 * the kernel's arch/x86/entry/syscalls/syscall_32.tbl; programs of 32 bits run in images too. */
static const struct row {
	int native, i386;
	unsigned mode_argument;
} rows[] = {
	{ SYS_fchown, 95, 0 },	   { SYS_fchownat, 298, 0 },  { SYS_setuid, 23, 0 },
	{ SYS_setgid, 46, 0 },	   { SYS_setreuid, 70, 0 },   { SYS_setregid, 71, 0 },
	{ SYS_setresuid, 164, 0 }, { SYS_setresgid, 170, 0 }, { SYS_setgroups, 81, 0 },
	{ SYS_setfsuid, 138, 0 },  { SYS_setfsgid, 139, 0 },  { SYS_capset, 185, 0 },
	{ SYS_mknodat, 297, 2 },
#ifdef SYS_chown
	{ SYS_chown, 182, 0 },	   { SYS_lchown, 16, 0 },     { SYS_mknod, 14, 1 },
#endif
	{ ABSENT, 212, 0 }, /* chown32 */
	{ ABSENT, 207, 0 }, /* fchown32 */
	{ ABSENT, 198, 0 }, /* lchown32 */
	{ ABSENT, 213, 0 }, /* setuid32 */
	{ ABSENT, 214, 0 }, /* setgid32 */
	{ ABSENT, 203, 0 }, /* setreuid32 */
	{ ABSENT, 204, 0 }, /* setregid32 */
	{ ABSENT, 208, 0 }, /* setresuid32 */
	{ ABSENT, 210, 0 }, /* setresgid32 */
	{ ABSENT, 206, 0 }, /* setgroups32 */
	{ ABSENT, 215, 0 }, /* setfsuid32 */
	{ ABSENT, 216, 0 }, /* setfsgid32 */
};

#define PROGRAM_MAX (16 + 2 * 8 * array_count(rows))

struct program {
	struct sock_filter line[PROGRAM_MAX];
	unsigned short count;
};

static void emit(struct program *program, struct sock_filter line)
{
	program->line[program->count++] = line;
}

#define STATEMENT(code, k)     ((struct sock_filter)BPF_STMT(code, k))
#define JUMP(code, k, yes, no) ((struct sock_filter)BPF_JUMP(code, k, yes, no))
#define LOAD(field)	       STATEMENT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(field))
#define ANSWER(value)	       STATEMENT(BPF_RET | BPF_K, value)
#define PRETEND		       ANSWER(SECCOMP_RET_ERRNO | 0)

static void emit_row(struct program *program, unsigned number, unsigned mode_argument)
{
	/* The low half of a 64-bit argument comes first: both architectures are little-endian. */
	size_t argument = offsetof(struct seccomp_data, args) + sizeof(uint64_t) * mode_argument;

	if (!mode_argument) {
		emit(program, JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
		emit(program, PRETEND);
		return;
	}
	emit(program, JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 6));
	emit(program, LOAD(argument));
	emit(program, STATEMENT(BPF_ALU | BPF_AND | BPF_K, S_IFMT));
	emit(program, JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFCHR, 1, 0));
	emit(program, JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFBLK, 0, 1));
	emit(program, PRETEND);
	emit(program, ANSWER(SECCOMP_RET_ALLOW));
}

/* Rows of one architecture, skipped when the call is of another. */
static void emit_architecture(struct program *program, uint32_t architecture, bool native)
{
	unsigned short skip = program->count;

	emit(program, LOAD(offsetof(struct seccomp_data, arch)));
	emit(program, JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0));
	emit(program, STATEMENT(BPF_JMP | BPF_JA, 0));
	emit(program, LOAD(offsetof(struct seccomp_data, nr)));
	for (size_t i = 0; i < array_count(rows); i++) {
		int number = native ? rows[i].native : rows[i].i386;

		if (number != ABSENT)
			emit_row(program, (unsigned)number, rows[i].mode_argument);
	}
	program->line[skip + 2].k = program->count - (skip + 3u);
}

int seccomp_load(const void *program, size_t count, struct err *err)
{
	struct sock_fprog filter = { .len = (unsigned short)count };

	memcpy(&filter.filter, &program, sizeof(program)); /* the kernel does not write to it */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(err, errno, "set no_new_privs");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
		return fail(err, errno, "install the seccomp filter");
	return 0;
}

int seccomp_fake_success(struct err *err)
{
	struct program program = { .count = 0 };
	int r;

	emit_architecture(&program, ARCH_NATIVE, true);
#ifdef __x86_64__
	emit_architecture(&program, AUDIT_ARCH_I386, false);
#endif
	emit(&program, ANSWER(SECCOMP_RET_ALLOW));
	r = seccomp_load(program.line, program.count, err);
	return r < 0 ? err_wrap(err, "fake success") : 0;
}

bool seccomp_knows_trap(void)
{
	uint32_t action = SECCOMP_RET_TRAP;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static const struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };

static bool load_allow(void)
{
	struct err ignored = { 0 };

	return seccomp_load(allow, array_count(allow), &ignored) == 0;
}

static bool listen_to_nothing(void)
{
	struct sock_fprog filter = { .len = array_count(allow) };
	const void *code = allow;

	memcpy(&filter.filter, &code, sizeof(code)); /* the kernel does not write to it */
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		       &filter) >= 0;
}

/* By a process that does nothing else: a filter stays. */
static bool works_in_child(bool (*attempt)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(!attempt());
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define X32_BIT	       0x40000000u /* asm/unistd.h: the same calls by another name */
#define IO_URING_SETUP 425	   /* of all architectures */

/* Local sockets stay. 32-bit programs of x86 have one call for all of them: they get none. */
int seccomp_close_network(struct err *err)
{
	const struct sock_filter program[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_NATIVE, 4, 0),
		LOAD(offsetof(struct seccomp_data, nr)),
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102, 9, 0), /* i386: socketcall */
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, 359, 8, 0), /* i386: socket */
		ANSWER(SECCOMP_RET_ALLOW),
		LOAD(offsetof(struct seccomp_data, nr)),
		STATEMENT(BPF_ALU | BPF_AND | BPF_K, ~X32_BIT),
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, IO_URING_SETUP, 5, 0),
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
		LOAD(offsetof(struct seccomp_data, args[0])),
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 3, 0),
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 2, 0),
		ANSWER(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	int r = seccomp_load(program, array_count(program), err);

	return r < 0 ? err_wrap(err, "close the network") : 0;
}

bool seccomp_can_trace(void)
{
	uint32_t action = SECCOMP_RET_TRACE;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0)
		return true;
	/* before Linux 4.14, which has the action and no way to ask for it; or no filters at all */
	return errno == EINVAL && works_in_child(load_allow);
}

bool seccomp_has_listener(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_DISABLED &&
	       !works_in_child(listen_to_nothing);
}
