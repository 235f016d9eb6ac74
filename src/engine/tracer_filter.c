// SPDX-License-Identifier: Apache-2.0
/* Shaped as the tap's (tap/filter.c): number first, so that the kernel finds out by itself which
 * calls it need not ask about; then one test for each that matters. */
#include "engine/tracer_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "base/banned.h"
#include "sys/raw.h"
#include "sys/seccomp.h"
#include "tap/table.h"

#define CODE_MAX    2048
#define DATA(field) ((uint32_t)offsetof(struct seccomp_data, field))
#define TO_TRACE    0xffffffffu /* a jump to the end */

struct program {
	struct sock_filter code[CODE_MAX];
	unsigned short count;
};

static void emit(struct program *program, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (program->count < CODE_MAX)
		program->code[program->count++] = (struct sock_filter){ code, yes, no, k };
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

static void trace(struct program *program)
{
	emit(program, BPF_JMP | BPF_JA, TO_TRACE, 0, 0);
}

/* Everything about one call; each way ends in a return or a jump to the end. */
static void emit_rule(struct program *program, const struct call_rule *rule)
{
	uint32_t low = DATA(args) + 8u * rule->arg;

	switch (rule->interest) {
	case CALL_REFUSED:
		give(program, SECCOMP_RET_ERRNO | rule->value);
		return;
	case CALL_REFUSED_IF:
		load(program, low);
		jump(program, BPF_JSET, rule->value, 0, 1);
		give(program, SECCOMP_RET_ERRNO | EPERM);
		give(program, SECCOMP_RET_ALLOW);
		return;
	case CALL_STOPS_IF:
		load(program, low);
		jump(program, BPF_JEQ, 0, 0, 3);
		load(program, low + 4);
		jump(program, BPF_JEQ, 0, 0, 1);
		give(program, SECCOMP_RET_ALLOW);
		break;
	case CALL_STOPS_EQ:
		load(program, low);
		jump(program, BPF_JEQ, rule->value, 1, 0);
		give(program, SECCOMP_RET_ALLOW);
		break;
	default:
		break;
	}
	trace(program);
}

/* Calls that have no row follow one another, mostly. */
static uint32_t emit_absent(struct program *program, uint32_t first)
{
	uint32_t end = first;

	while (end < TAP_NR_END && !tap_table[end].name)
		end++;
	jump(program, BPF_JGE, first, 0, 2);
	jump(program, BPF_JGE, end, 1, 0);
	give(program, SECCOMP_RET_ERRNO | ENOSYS);
	return end;
}

static void emit_calls(struct program *program, const struct calls *calls)
{
	for (uint32_t number = 0; number < TAP_NR_END;) {
		const struct call_rule *rule = calls_rule(calls, number);
		unsigned short test = program->count;

		if (!tap_table[number].name) {
			number = emit_absent(program, number);
			continue;
		}
		if (rule->interest != CALL_FREE) {
			jump(program, BPF_JEQ, number, 0, 0);
			emit_rule(program, rule);
			program->code[test].jf = (uint8_t)(program->count - test - 1);
		}
		number++;
	}
}

static void emit_end(struct program *program)
{
	unsigned short end;

	give(program, SECCOMP_RET_ALLOW);
	end = program->count;
	for (unsigned short i = 0; i < end; i++)
		if (program->code[i].code == (BPF_JMP | BPF_JA) && program->code[i].k == TO_TRACE)
			program->code[i].k = (uint32_t)(end - i - 1);
	load(program, DATA(instruction_pointer) + 4);
	jump(program, BPF_JEQ, (uint32_t)(TAP_BASE >> 32), 0, 3);
	load(program, DATA(instruction_pointer));
	jump(program, BPF_JGE, TAP_WINDOW, 1, 0);
	give(program, SECCOMP_RET_ALLOW);
	give(program, SECCOMP_RET_TRACE);
}

int tracer_filter_install(const struct calls *calls, struct err *err)
{
	struct program program = { .count = 0 };

	load(&program, DATA(arch));
	jump(&program, BPF_JEQ, ARCH_AUDIT, 1, 0);
	give(&program, SECCOMP_RET_ERRNO | ENOSYS); /* i386 by int 0x80: its own numbers */
	load(&program, DATA(nr));
	jump(&program, BPF_JGE, TAP_NR_END, 0, 1); /* x32, and calls not yet in the table */
	give(&program, SECCOMP_RET_ERRNO | ENOSYS);
	emit_calls(&program, calls);
	emit_end(&program);
	if (program.count >= CODE_MAX)
		return fail_plain(err, E2BIG, "the filter has more than %d instructions", CODE_MAX);
	return seccomp_load(program.code, program.count, err);
}
