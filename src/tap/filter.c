// SPDX-License-Identifier: Apache-2.0
/* Shape: architecture and number first, so that the kernel finds out by itself which calls are
 * always allowed and skips the program for them (kernel/seccomp.c, seccomp_is_const_allow); the
 * number is found in a tree of tests; what is to be trapped goes to the end, where the instruction
 * pointer decides: calls made by the tap itself pass. */
#include "tap/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <string.h>

#include "sys/raw.h"
#include "tap/bpf.h"
#include "tap/session_page.h"
#include "tap/table.h"

#define ENOSYS_RESULT (SECCOMP_RET_ERRNO | ENOSYS)

struct program {
	struct bpf bpf;
	bool is_watch; /* the second filter */
	unsigned flags;
	uint32_t fd_base;
};

static uint32_t low_of(unsigned arg)
{
	return BPF_DATA(args) + 8 * arg;
}

static void emit_condition(struct program *program, const struct tap_trap *when)
{
	uint32_t low = low_of(when->arg);
	bool host = program->flags & TAP_PAGE_HOST_TREE;

	switch (when->condition) {
	case TAP_IF_SET:
		bpf_load(&program->bpf, low);
		bpf_jump(&program->bpf, BPF_JEQ, 0, 0, 3);
		bpf_load(&program->bpf, low + 4);
		bpf_jump(&program->bpf, BPF_JEQ, 0, 0, 1);
		bpf_give(&program->bpf, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_OPEN: /* with no flag at all: what asks for no more may be of /proc */
		if (host)
			break;
		bpf_load(&program->bpf, low);
		bpf_jump(&program->bpf, BPF_JSET, when->value, 2, 0);
		bpf_jump(&program->bpf, BPF_JEQ, O_RDONLY, 1, 0);
		bpf_give(&program->bpf, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_ANY:
		bpf_load(&program->bpf, low);
		bpf_jump(&program->bpf, BPF_JSET, when->value, 1, 0);
		bpf_give(&program->bpf, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_EQUAL:
		bpf_load(&program->bpf, low);
		bpf_jump(&program->bpf, BPF_JEQ, when->value, 1, 0);
		bpf_give(&program->bpf, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_EITHER:
		bpf_load(&program->bpf, low);
		bpf_jump(&program->bpf, BPF_JEQ, when->value & 0xffff, 2, 0);
		bpf_jump(&program->bpf, BPF_JEQ, when->value >> 16, 1, 0);
		bpf_give(&program->bpf, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_SPACES:
		bpf_load(&program->bpf, low);
		bpf_jump(&program->bpf, BPF_JSET, CLONE_NEWUSER, 1, 0);
		bpf_jump(&program->bpf, BPF_JSET, TAP_NAMESPACES, 1, 0);
		bpf_give(&program->bpf, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_FD2: /* -1 and the like are large too: the tap gives the kernel's answer */
		bpf_load(&program->bpf, low);
		bpf_jump(&program->bpf, BPF_JGE, program->fd_base, 3, 0);
		bpf_load(&program->bpf, low_of(when->arg + 1u));
		bpf_jump(&program->bpf, BPF_JGE, program->fd_base, 1, 0);
		bpf_give(&program->bpf, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_FD:
		bpf_load(&program->bpf, low);
		bpf_jump(&program->bpf, BPF_JGE, program->fd_base, 1, 0);
		bpf_give(&program->bpf, SECCOMP_RET_ALLOW);
		break;
	default:
		break;
	}
	bpf_go_to_end(&program->bpf);
}

static bool is_translated(const struct program *program, const struct tap_row *row)
{
	return (program->flags & TAP_PAGE_TRANSLATE) &&
	       (tap_row_has_path(row) || tap_row_changes_fd(row));
}

static bool is_wanted(const struct program *program, const struct tap_row *row)
{
	if (is_translated(program, row) ||
	    (row->trap.seen && program->flags & (TAP_PAGE_ROOT | TAP_PAGE_TRANSLATE)))
		return true;
	switch (row->trap.when) {
	case TAP_CORE:
		return true;
	case TAP_EXE: /* elsewhere the tap's own process may say what its program is */
		return program->flags & TAP_PAGE_HOST_TREE;
	case TAP_VIEW:
		return program->flags & TAP_PAGE_TRANSLATE;
	case TAP_ROOT:
		return program->flags & TAP_PAGE_ROOT;
	case TAP_WATCHED: /* of who is on the host's own tree, ids are a lie from the start */
		if (row->trap.condition == TAP_IF_EQUAL) /* where processes are the host's, too */
			return program->flags & TAP_PAGE_TRANSLATE;
		return row->class == TAP_IDENTITY && (program->flags & TAP_PAGE_HOST_TREE);
	default:
		return false;
	}
}

static bool has_path(const struct tap_row *row)
{
	return strpbrk(row->args, "plc") != NULL;
}

static bool is_watched(const struct tap_row *row)
{
	if (!row || !row->name || row->trap.when == TAP_REFUSED)
		return false;
	return row->trap.when == TAP_WATCHED || row->trap.when == TAP_EXE ||
	       row == &tap_table[NR_fchdir] || /* the directory may be another's */
	       row->trap.condition == TAP_IF_OPEN || (row->trap.when == TAP_NEVER && has_path(row));
}

/* What one test of the number leads to: a row that is trapped or refused, calls that pass, or
 * calls that no row is about. Those do not exist, as far as we know: should a newer kernel have
 * one, it must not go past us. */
enum answer { ANSWER_PASS, ANSWER_ABSENT, ANSWER_ROW };

static enum answer answer_of(const struct program *program, uint32_t number)
{
	const struct tap_row *row = number < TAP_NR_END ? &tap_table[number] : NULL;

	if (program->is_watch)
		return is_watched(row) ? ANSWER_ROW : ANSWER_PASS;
	if (!row || !row->name)
		return ANSWER_ABSENT;
	return row->trap.when == TAP_REFUSED || is_wanted(program, row) ? ANSWER_ROW : ANSWER_PASS;
}

/* The first numbers of runs with the same answer; each row is one of its own. */
static size_t find_runs(const struct program *program, uint16_t first[TAP_NR_END + 1])
{
	size_t count = 0;

	for (uint32_t number = 0; number <= TAP_NR_END; number++) {
		enum answer answer = answer_of(program, number);

		if (number == 0 || answer == ANSWER_ROW || answer != answer_of(program, number - 1))
			first[count++] = (uint16_t)number;
	}
	return count;
}

static void emit_answer(struct program *program, uint32_t number)
{
	enum answer answer = answer_of(program, number);

	if (answer == ANSWER_PASS)
		bpf_give(&program->bpf, SECCOMP_RET_ALLOW);
	else if (answer == ANSWER_ABSENT || tap_table[number].trap.when == TAP_REFUSED)
		bpf_give(&program->bpf, ENOSYS_RESULT);
	else if ((program->is_watch && tap_table[number].trap.condition != TAP_IF_SPACES) ||
		 is_translated(program, &tap_table[number]))
		bpf_go_to_end(&program->bpf); /* whatever its condition */
	else
		emit_condition(program, &tap_table[number].trap);
}

/* A tree: the lower half follows the test, the upper half is jumped to. */
static void emit_tree(struct program *program, const uint16_t *first, size_t count)
{
	size_t half = count / 2;
	int at;

	if (count == 1) {
		emit_answer(program, first[0]);
		return;
	}
	bpf_jump(&program->bpf, BPF_JGE, first[half], 0, 1);
	at = program->bpf.count;
	bpf_emit(&program->bpf, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_tree(program, first, half);
	if (program->bpf.count <= program->bpf.room)
		program->bpf.code[at].k = (uint32_t)(program->bpf.count - at - 1);
	emit_tree(program, first + half, count - half);
}

static int make(struct program *program, uint32_t other_architecture)
{
	uint16_t first[TAP_NR_END + 1];

	bpf_load(&program->bpf, BPF_DATA(arch));
	bpf_jump(&program->bpf, BPF_JEQ, ARCH_AUDIT, 1, 0);
	bpf_give(&program->bpf, other_architecture);
	bpf_load(&program->bpf, BPF_DATA(nr));
	emit_tree(program, first, find_runs(program, first));
	if (program->bpf.count > program->bpf.room)
		return -E2BIG;
	bpf_end_outside_tap(&program->bpf, SECCOMP_RET_TRAP | TAP_TRAP_DATA);
	return program->bpf.count > program->bpf.room ? -E2BIG : program->bpf.count;
}

int filter_make(unsigned flags, uint32_t fd_base, struct sock_filter *ret_filter)
{
	struct program program = { .bpf = { .code = ret_filter, .room = TAP_FILTER_MAX },
				   .flags = flags,
				   .fd_base = fd_base };

	return make(&program, ENOSYS_RESULT); /* i386 by int 0x80: its own numbers */
}

int filter_make_watch(struct sock_filter *ret_filter)
{
	struct program program = { .bpf = { .code = ret_filter, .room = TAP_WATCH_MAX },
				   .is_watch = true };

	return make(&program, SECCOMP_RET_ALLOW); /* the first filter's affair */
}
