// SPDX-License-Identifier: Apache-2.0
/* Shaped as the tap's (tap/filter.c): number first, so that the kernel finds out by itself which
 * calls it need not ask about; then one test for each that matters. */
#include "engine/tracer_filter.h"

#include <errno.h>

#include "base/banned.h"
#include "sys/raw.h"
#include "sys/seccomp.h"
#include "tap/bpf.h"
#include "tap/session_page.h"
#include "tap/table.h"

#define CODE_MAX 2048

/* Everything about one call; each way ends in a return or a jump to the end. */
static void emit_rule(struct bpf *program, const struct call_rule *rule)
{
	uint32_t low = BPF_DATA(args) + 8u * rule->arg;

	switch (rule->interest) {
	case CALL_REFUSED: /* for want of a privilege: the tracer says so, and notes it */
		if (rule->value == EPERM)
			break;
		bpf_give(program, SECCOMP_RET_ERRNO | rule->value);
		return;
	case CALL_REFUSED_IF:
		bpf_load(program, low);
		bpf_jump(program, BPF_JSET, rule->value, 1, 0);
		bpf_give(program, SECCOMP_RET_ALLOW);
		break;
	case CALL_STOPS_IF:
		bpf_load(program, low);
		bpf_jump(program, BPF_JEQ, 0, 0, 3);
		bpf_load(program, low + 4);
		bpf_jump(program, BPF_JEQ, 0, 0, 1);
		bpf_give(program, SECCOMP_RET_ALLOW);
		break;
	case CALL_STOPS_ANY:
		bpf_load(program, low);
		bpf_jump(program, BPF_JSET, rule->value, 1, 0);
		bpf_give(program, SECCOMP_RET_ALLOW);
		break;
	case CALL_STOPS_EQ:
		bpf_load(program, low);
		bpf_jump(program, BPF_JEQ, rule->value, 1, 0);
		bpf_give(program, SECCOMP_RET_ALLOW);
		break;
	default:
		break;
	}
	bpf_go_to_end(program);
}

/* Calls that have no row follow one another, mostly. */
static uint32_t emit_absent(struct bpf *program, uint32_t first)
{
	uint32_t end = first;

	while (end < TAP_NR_END && !tap_table[end].name)
		end++;
	bpf_jump(program, BPF_JGE, first, 0, 2);
	bpf_jump(program, BPF_JGE, end, 1, 0);
	bpf_give(program, SECCOMP_RET_ERRNO | ENOSYS);
	return end;
}

static void emit_calls(struct bpf *program, const struct calls *calls)
{
	for (uint32_t number = 0; number < TAP_NR_END;) {
		const struct call_rule *rule = calls_rule(calls, number);
		int test = program->count;

		if (!tap_table[number].name) {
			number = emit_absent(program, number);
			continue;
		}
		if (rule->interest != CALL_FREE) {
			bpf_jump(program, BPF_JEQ, number, 0, 0);
			emit_rule(program, rule);
			if (program->count <= program->room)
				program->code[test].jf = (uint8_t)(program->count - test - 1);
		}
		number++;
	}
}

int tracer_filter_install(const struct calls *calls, struct err *err)
{
	struct sock_filter code[CODE_MAX];
	struct bpf program = { .code = code, .room = CODE_MAX };

	bpf_load(&program, BPF_DATA(arch));
	bpf_jump(&program, BPF_JEQ, ARCH_AUDIT, 1, 0);
	bpf_give(&program, SECCOMP_RET_ERRNO | ENOSYS); /* i386 by int 0x80: its own numbers */
	bpf_load(&program, BPF_DATA(nr));
	bpf_jump(&program, BPF_JGE, TAP_NR_END, 0, 1); /* x32, and calls not yet in the table */
	bpf_give(&program, SECCOMP_RET_ERRNO | ENOSYS);
	emit_calls(&program, calls);
	bpf_give(&program, SECCOMP_RET_ALLOW);
	bpf_end_outside_tap(&program, SECCOMP_RET_TRACE);
	if (program.count > CODE_MAX)
		return fail_plain(err, E2BIG, "the filter has more than %d instructions", CODE_MAX);
	return seccomp_load(code, (unsigned short)program.count, err);
}
