// SPDX-License-Identifier: Apache-2.0
/* Seccomp filters of the program's own (man-db, file, systemd, browsers). They must not see the
 * calls the tap makes in the program's place: each filter is given a front that allows those. A
 * call that both filters want comes to us: SECCOMP_RET_TRAP goes before SECCOMP_RET_ERRNO. What the
 * program's filters say of it is found out by probe.h. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <string.h>

#include "tap/blob/blob.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/probe.h"
#include "tap/blob/watch.h"

#define INSTRUCTION_POINTER 8 /* offset in struct seccomp_data */

static const struct sock_filter front[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, INSTRUCTION_POINTER + 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TAP_BASE >> 32, 0, 4),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, INSTRUCTION_POINTER),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, TAP_WINDOW, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), /* PROBE_AT: the probe's address */
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_STMT(BPF_LD | BPF_IMM, 0),
};

#define PROBE_AT 4
#define FRONT	 (sizeof(front) / sizeof(front[0]))

static long install(unsigned long flags, const void *program_address)
{
	struct sock_fprog program;
	struct sock_filter *code;
	size_t size_bytes;
	long r;

	if (memory_read(&program, program_address, sizeof(program)) < 0)
		return raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, program_address);
	if (program.len == 0 || program.len + FRONT > BPF_MAXINSNS)
		return -EINVAL;
	size_bytes = (program.len + FRONT) * sizeof(*code);
	r = raw6(__NR_mmap, NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (raw_is_error(r))
		return r;
	code = (struct sock_filter *)r;
	memcpy(code, front, sizeof(front));
	code[PROBE_AT].k = probe_address();
	r = memory_read(code + FRONT, program.filter, program.len * sizeof(*code));
	program.filter = code;
	program.len += FRONT;
	if (r == 0 && !process_read()->seccomp_mode && probe_prepare() == 0)
		process_write()->probes = true;
	if (r == 0)
		r = raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	raw2(__NR_munmap, code, size_bytes);
	if (r == 0)
		process_write()->seccomp_mode = SECCOMP_MODE_FILTER;
	return r;
}

long on_seccomp(struct tap_call *call)
{
	if (call->arg[0] == SECCOMP_SET_MODE_FILTER)
		return install((unsigned long)call->arg[1], (const void *)call->arg[2]);
	return pass(call);
}

static long change_creds(const struct tap_call *call)
{
	long r = creds_prctl(&process_write()->creds, (unsigned long)call->arg[0],
			     (unsigned long)call->arg[1], (unsigned long)call->arg[2]);

	if (r == 0)
		watch_creds();
	return r;
}

long on_prctl(struct tap_call *call)
{
	long r;

	switch (call->arg[0]) {
	case PR_SET_SECCOMP:
		if (call->arg[1] == SECCOMP_MODE_FILTER)
			return install(0, (const void *)call->arg[2]);
		return pass(call);
	case PR_GET_SECCOMP:
		return process_read()->seccomp_mode;
	case PR_SET_NO_NEW_PRIVS:
		r = pass(call);
		if (r == 0)
			process_write()->no_new_privs = true;
		return r;
	case PR_GET_NO_NEW_PRIVS:
		return call->arg[1] || call->arg[2] ? pass(call) : process_read()->no_new_privs;
	case PR_SET_SYSCALL_USER_DISPATCH: /* would catch our own calls */
		return -EINVAL;
	default:
		break;
	}
	if (tap.root && creds_prctl_knows((unsigned long)call->arg[0]))
		return change_creds(call);
	return pass(call);
}
