// SPDX-License-Identifier: Apache-2.0
/* Shape: architecture and number first, so that the kernel finds out by itself which calls are
 * always allowed and skips the program for them (kernel/seccomp.c, seccomp_is_const_allow); the
 * number is found in a tree of tests; what is to be trapped goes to the end, where the instruction
 * pointer decides: calls made by the tap itself pass. */
#include "tap/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "sys/raw.h"
#include "tap/session_page.h"
#include "tap/table.h"

#define DATA(field)   ((uint32_t)offsetof(struct seccomp_data, field))
#define ENOSYS_RESULT (SECCOMP_RET_ERRNO | ENOSYS)

struct program {
	struct sock_filter *code;
	int count;
	int room;
	bool is_watch; /* the second filter */
	unsigned flags;
	uint32_t fd_base;
};

/* A jump to the end, whose place is known only when everything is there. */
#define TO_TRAP 0xffffffffu

static void emit(struct program *program, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (program->count < program->room)
		program->code[program->count] = (struct sock_filter){ code, yes, no, k };
	program->count++;
}

static void load(struct program *program, uint32_t offset)
{
	emit(program, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void jump(struct program *program, uint16_t test, uint32_t k, uint8_t yes, uint8_t no)
{
	emit(program, (uint16_t)(BPF_JMP | test | BPF_K), k, yes, no);
}

static void give(struct program *program, uint32_t result)
{
	emit(program, BPF_RET | BPF_K, result, 0, 0);
}

static void trap(struct program *program)
{
	emit(program, BPF_JMP | BPF_JA, TO_TRAP, 0, 0);
}

static uint32_t low_of(unsigned arg)
{
	return DATA(args) + 8 * arg;
}

static void emit_condition(struct program *program, const struct tap_trap *when)
{
	uint32_t low = low_of(when->arg);
	bool host = program->flags & TAP_PAGE_HOST_TREE;

	switch (when->condition) {
	case TAP_IF_SET:
		load(program, low);
		jump(program, BPF_JEQ, 0, 0, 3);
		load(program, low + 4);
		jump(program, BPF_JEQ, 0, 0, 1);
		give(program, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_OPEN:
	case TAP_IF_ANY:
		if (when->condition == TAP_IF_OPEN && host)
			break;
		load(program, low);
		jump(program, BPF_JSET, when->value, 1, 0);
		give(program, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_EQUAL:
		load(program, low);
		jump(program, BPF_JEQ, when->value, 1, 0);
		give(program, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_EITHER:
		load(program, low);
		jump(program, BPF_JEQ, when->value & 0xffff, 2, 0);
		jump(program, BPF_JEQ, when->value >> 16, 1, 0);
		give(program, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_FD2: /* -1 and the like are large too: the tap gives the kernel's answer */
		load(program, low);
		jump(program, BPF_JGE, program->fd_base, 3, 0);
		load(program, low_of(when->arg + 1u));
		jump(program, BPF_JGE, program->fd_base, 1, 0);
		give(program, SECCOMP_RET_ALLOW);
		break;
	case TAP_IF_FD:
		load(program, low);
		jump(program, BPF_JGE, program->fd_base, 1, 0);
		give(program, SECCOMP_RET_ALLOW);
		break;
	default:
		break;
	}
	trap(program);
}

static bool is_translated(const struct program *program, const struct tap_row *row)
{
	return (program->flags & TAP_PAGE_TRANSLATE) && tap_row_has_path(row);
}

static bool is_wanted(const struct program *program, const struct tap_row *row)
{
	if (is_translated(program, row))
		return true;
	switch (row->trap.when) {
	case TAP_CORE:
	case TAP_EXE:
		return true;
	case TAP_VIEW:
		return program->flags & TAP_PAGE_TRANSLATE;
	case TAP_ROOT:
		return program->flags & TAP_PAGE_ROOT;
	case TAP_WATCHED: /* of who is on the host's own tree, ids are a lie from the start */
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
	return row->trap.when == TAP_WATCHED || row->trap.condition == TAP_IF_OPEN ||
	       (row->trap.when == TAP_NEVER && has_path(row));
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
		give(program, SECCOMP_RET_ALLOW);
	else if (answer == ANSWER_ABSENT || tap_table[number].trap.when == TAP_REFUSED)
		give(program, ENOSYS_RESULT);
	else if (program->is_watch || is_translated(program, &tap_table[number]))
		trap(program); /* whatever its condition */
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
	jump(program, BPF_JGE, first[half], 0, 1);
	at = program->count;
	emit(program, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_tree(program, first, half);
	if (program->count <= program->room)
		program->code[at].k = (uint32_t)(program->count - at - 1);
	emit_tree(program, first + half, count - half);
}

static void resolve(struct program *program)
{
	for (int i = 0; i < program->count; i++)
		if (program->code[i].code == (BPF_JMP | BPF_JA) && program->code[i].k == TO_TRAP)
			program->code[i].k = (uint32_t)(program->count - i - 1);
}

static int make(struct program *program, uint32_t other_architecture)
{
	uint16_t first[TAP_NR_END + 1];

	load(program, DATA(arch));
	jump(program, BPF_JEQ, ARCH_AUDIT, 1, 0);
	give(program, other_architecture);
	load(program, DATA(nr));
	emit_tree(program, first, find_runs(program, first));
	if (program->count > program->room)
		return -E2BIG;
	resolve(program);
	load(program, DATA(instruction_pointer) + 4);
	jump(program, BPF_JEQ, (uint32_t)(TAP_BASE >> 32), 0, 3);
	load(program, DATA(instruction_pointer));
	jump(program, BPF_JGE, TAP_WINDOW, 1, 0);
	give(program, SECCOMP_RET_ALLOW);
	give(program, SECCOMP_RET_TRAP | TAP_TRAP_DATA);
	return program->count > program->room ? -E2BIG : program->count;
}

int filter_make(unsigned flags, uint32_t fd_base, struct sock_filter *ret_filter)
{
	struct program program = {
		.code = ret_filter, .room = TAP_FILTER_MAX, .flags = flags, .fd_base = fd_base
	};

	return make(&program, ENOSYS_RESULT); /* i386 by int 0x80: its own numbers */
}

int filter_make_watch(struct sock_filter *ret_filter)
{
	struct program program = { .code = ret_filter, .room = TAP_WATCH_MAX, .is_watch = true };

	return make(&program, SECCOMP_RET_ALLOW); /* the first filter's affair */
}
